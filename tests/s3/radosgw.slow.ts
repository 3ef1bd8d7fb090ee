import { CreateBucketCommand, PutBucketCorsCommand, S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { planHere } from '../../tools/install-radosgw.ts'
import { type Radosgw, startRadosgw } from '../../tools/radosgw.ts'
import { conformance } from './conformance.ts'
import { RADOSGW_DEPARTURES } from './departures.ts'
import { closeLabs } from './lab.ts'
import { ORIGIN } from './target.ts'

const BUCKET = 'lunadefend'
const plan = await planHere()

describe.runIf(plan.kind === 'present')('the Ceph RADOS gateway', () => {
  let gateway: Radosgw
  beforeAll(async () => {
    gateway = await startRadosgw()
    await makeBucket(gateway)
  })
  afterAll(async () => {
    closeLabs()
    await gateway?.close()
  })

  conformance(() => ({ ...gateway, bucket: BUCKET }), RADOSGW_DEPARTURES)
})

if (plan.kind !== 'present') {
  const why = plan.kind === 'skip' ? plan.why : '`npm run test:s3` installs it'
  test.skip(`the Ceph RADOS gateway is SKIPPED: ${why}`, () => {})
}

async function makeBucket({ endpoint, region, credentials }: Radosgw): Promise<void> {
  const client = new S3Client({
    endpoint,
    region,
    credentials,
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
  })
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }))
  const rule = {
    AllowedOrigins: [ORIGIN],
    AllowedMethods: ['GET', 'HEAD', 'PUT'],
    AllowedHeaders: ['content-type', 'if-none-match', 'range', 'x-amz-*'],
    ExposeHeaders: ['ETag'],
    MaxAgeSeconds: 600,
  }
  await client.send(new PutBucketCorsCommand({ Bucket: BUCKET, CORSConfiguration: { CORSRules: [rule] } }))
  client.destroy()
}
