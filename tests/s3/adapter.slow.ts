import { randomBytes } from 'node:crypto'
import {
  CreateBucketCommand,
  GetBucketCorsCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketPolicyCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { objectStoreContract } from '@lunadefend/core/port-contracts'
import {
  applyBucketSettings,
  bucketPolicy,
  corsConfiguration,
  openS3,
  probeObjectStore,
  type S3Options,
} from '@lunadefend/stores/s3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { planHere } from '../../tools/install-radosgw.ts'
import { type Radosgw, startRadosgw } from '../../tools/radosgw.ts'
import { ORIGIN } from './target.ts'

const plan = await planHere()

describe.runIf(plan.kind === 'present')('the adapter over a Ceph RADOS gateway', () => {
  let gateway: Radosgw
  let client: S3Client
  beforeAll(async () => {
    gateway = await startRadosgw()
    const { endpoint, region, credentials } = gateway
    client = new S3Client({ endpoint, region, credentials, forcePathStyle: true })
  })
  afterAll(async () => {
    client?.destroy()
    await gateway?.close()
  })

  /** A bucket of its own. */
  async function givenBucket(): Promise<S3Options> {
    const bucket = `b${randomBytes(8).toString('hex')}`
    await client.send(new CreateBucketCommand({ Bucket: bucket }))
    const { endpoint, region, credentials } = gateway
    return { endpoint, region, bucket, addressing: 'path', credentials, clock: { now: () => Date.now() } }
  }

  const open = async () => {
    const options = await givenBucket()
    const stranger = { ...gateway.credentials, secretAccessKey: 'not the secret' }
    return {
      objectStore: openS3(options),
      unreachable: openS3({ ...options, endpoint: 'http://127.0.0.1:9' }),
      unauthorized: openS3({ ...options, credentials: stranger }),
      [Symbol.asyncDispose]: async () => undefined,
    }
  }
  // As docs/deploy/s3.md says.
  objectStoreContract('it', open, { copiesBetweenKeys: false, conditionalJoin: false })

  test('the probe finds what this store lacks, and no more', async () => {
    const { checks, proof } = await probeObjectStore(await givenBucket(), { origin: ORIGIN }, 'full')
    expect(proof).toBe('encrypts')
    const other = checks.filter(({ verdict }) => verdict !== 'ok')
    expect(Object.fromEntries(other.map(({ name, verdict }) => [name, verdict]))).toEqual({
      'signed-headers': 'lacking',
      part: 'lacking',
      multipart: 'lacking',
      copy: 'lacking',
      cors: 'failed',
    })
  })

  test('end to end it lacks less', async () => {
    const needs = { origin: ORIGIN, encryption: 'end-to-end' } as const
    const { checks } = await probeObjectStore(await givenBucket(), needs, 'full')
    const other = checks.filter(({ verdict }) => verdict !== 'ok').map(({ name }) => name)
    expect(other).toEqual(['multipart', 'cors'])
  })

  test('it takes the settings as they are meant, and works under them', async () => {
    const options = await givenBucket()
    const use = {
      bucket: options.bucket,
      principal: 'arn:aws:iam:::user/tests',
      origin: ORIGIN,
      encryption: 'store',
      keepsVersions: true,
      store: 'other',
    } as const
    const applied = await applyBucketSettings(options, use)
    expect(applied.map(({ name, outcome }) => [name, outcome])).toEqual(
      ['policy', 'cors', 'lifecycle'].map((name) => [name, 'applied']),
    )
    const Bucket = options.bucket
    const { Policy = '' } = await client.send(new GetBucketPolicyCommand({ Bucket }))
    expect(JSON.parse(Policy)).toEqual(bucketPolicy(use))
    const { CORSRules } = await client.send(new GetBucketCorsCommand({ Bucket }))
    const [rule] = corsConfiguration(use).CORSRules
    expect(CORSRules?.[0]).toMatchObject({
      ...rule,
      AllowedHeaders: [...(rule?.AllowedHeaders ?? [])].sort(),
    })
    const { Rules } = await client.send(new GetBucketLifecycleConfigurationCommand({ Bucket }))
    expect(Rules?.map(({ ID }) => ID).sort()).toEqual(['deleted-versions', 'unfinished-uploads'])
    const { checks, proof } = await probeObjectStore(options, { origin: ORIGIN }, 'full')
    expect(proof).toBe('encrypts')
    const other = checks.filter(({ verdict }) => verdict !== 'ok').map(({ name }) => name)
    expect(other).toEqual(['signed-headers', 'part', 'multipart', 'copy'])
  })

  test('a bucket that keeps versions keeps none of a deleted object', async () => {
    const options = await givenBucket()
    const Bucket = options.bucket
    const VersioningConfiguration = { Status: 'Enabled' } as const
    await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }))
    const objectStore = openS3(options)
    const objectKey = `v1/${randomBytes(16).toString('hex')}`
    const sseKey = randomBytes(32)
    const { url, headers } = await objectStore.presignPut(objectKey, sseKey, 5)
    const { host: _, 'content-length': __, ...sent } = headers
    expect((await fetch(url, { method: 'PUT', headers: sent, body: 'value' })).status).toBe(200)
    await objectStore.delete(objectKey)
    const left = await client.send(new ListObjectVersionsCommand({ Bucket }))
    expect([left.Versions, left.DeleteMarkers]).toEqual([undefined, undefined])
    const { checks } = await probeObjectStore(options, { origin: ORIGIN }, 'start')
    expect(checks.find(({ name }) => name === 'versions')?.verdict).toBe('lacking')
    expect(await client.send(new ListObjectVersionsCommand({ Bucket }))).not.toHaveProperty('Versions')
  })
})

test.runIf(plan.kind === 'skip')(
  `the adapter over a Ceph RADOS gateway is SKIPPED: ${plan.kind === 'skip' ? plan.why : ''}`,
  (context) => context.skip(),
)
