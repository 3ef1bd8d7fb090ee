import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { S3Client, UploadPartCommand } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { type Credentials, presign } from '@lunadefend/core/sigv4'
import { type LoadedCredentials, openS3 } from '@lunadefend/stores/s3'
import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { credentials, failureOf, NOW, settings, sseKey, startServer } from './s3-stub.ts'
import { scratch } from './scratch.ts'

const endpoint = 'https://s3.example.com'
const KEY = 'v1/00112233445566778899aabbccddeeff'
const query = (url: string) => Object.fromEntries(new URL(url).searchParams)
const accessKeyOf = (url: string) => query(url)['X-Amz-Credential']?.split('/')[0]

/** A source of credentials, each good for so long, with a clock that can be turned. */
function givenSource(secondsEach: number) {
  const state = { now: NOW, loads: 0, broken: false, seconds: secondsEach }
  const load = async (): Promise<LoadedCredentials> => {
    state.loads++
    const number = state.loads
    await Promise.resolve()
    if (state.broken) throw new Error(`secret of ${credentials.secretAccessKey}`)
    return {
      accessKeyId: `KEY${number}`,
      secretAccessKey: `secret ${number}`,
      sessionToken: `token ${number}`,
      expiration: new Date(state.now + state.seconds * 1000),
    }
  }
  const store = openS3({ ...settings, endpoint, credentials: load, clock: { now: () => state.now } })
  return {
    state,
    store,
    put: () => store.presignPut(KEY, sseKey, 1),
    get: () => store.presignGet(KEY, sseKey),
  }
}

describe('credentials that end', () => {
  test('are fetched once for all who wait', async () => {
    const { state, put } = givenSource(3600)
    const urls = await Promise.all(Array.from({ length: 50 }, put))
    expect(state.loads).toBe(1)
    expect(new Set(urls.map(({ url }) => accessKeyOf(url)))).toEqual(new Set(['KEY1']))
  })

  test('sign with their own secret and bring their token', async () => {
    const { state, put } = givenSource(3600)
    for (const number of [1, 2]) {
      const { url, headers } = await put()
      const { host: _, ...signed } = headers
      const expected = presign({
        method: 'PUT',
        endpoint,
        path: `/values/${KEY}`,
        headers: signed,
        credentials: {
          accessKeyId: `KEY${number}`,
          secretAccessKey: `secret ${number}`,
          sessionToken: `token ${number}`,
        },
        region: settings.region,
        now: new Date(state.now),
        expiresSeconds: 300,
      })
      expect(url).toBe(expected)
      state.now += 3_590_000
    }
  })

  test('are renewed before they end, while the old ones still serve', async () => {
    const { state, put } = givenSource(3600)
    await put()
    state.now += (3600 - 400) * 1000
    expect(accessKeyOf((await put()).url)).toBe('KEY1')
    await expect.poll(async () => accessKeyOf((await put()).url)).toBe('KEY2')
    expect(state.loads).toBe(2)
  })

  test('still serve when their source fails ahead of time, which is not asked at once again', async () => {
    const { state, put } = givenSource(3600)
    await put()
    state.now += (3600 - 400) * 1000
    state.broken = true
    for (let call = 0; call < 10; call++) expect(accessKeyOf((await put()).url)).toBe('KEY1')
    await new Promise(setImmediate)
    for (let call = 0; call < 10; call++) expect(accessKeyOf((await put()).url)).toBe('KEY1')
    expect(state.loads).toBe(2)
    state.broken = false
    state.now += 11_000
    await expect.poll(async () => accessKeyOf((await put()).url)).toBe('KEY3')
  })

  test('no URL promises more time than its credentials have', async () => {
    const { state, put, get } = givenSource(120)
    expect(query((await get()).url)['X-Amz-Expires']).toBe('60')
    await expect(put()).rejects.toMatchObject({ code: 'objects_credentials_expired' })
    state.seconds = 301
    expect(query((await put()).url)['X-Amz-Expires']).toBe('300')
  })

  test('a source that fails says so, without what it said, and is asked again', async () => {
    const { state, put } = givenSource(3600)
    state.broken = true
    const error = await failureOf(put())
    expect(error).toMatchObject({ code: 'objects_credentials_missing' })
    expect(`${error.message} ${error.stack}`).not.toContain(credentials.secretAccessKey)
    state.broken = false
    expect(accessKeyOf((await put()).url)).toBe('KEY2')
  })

  test.each([
    { accessKeyId: '', secretAccessKey: 'x' },
    { accessKeyId: 'x', secretAccessKey: '' },
    { accessKeyId: 'x', secretAccessKey: 'x', expiration: new Date(Number.NaN) },
  ])('half credentials are none', async (half) => {
    const store = openS3({ ...settings, endpoint, credentials: async () => half })
    await expect(store.presignGet(KEY, null)).rejects.toMatchObject({ code: 'objects_credentials_missing' })
  })
})

test('a session token is sent in a signed header, too', async () => {
  const seen: [unknown, unknown][] = []
  await using server = await startServer(({ headers }, answer) => {
    seen.push([headers['x-amz-security-token'], headers.authorization])
    answer.writeHead(204).end()
  })
  const store = openS3({
    ...settings,
    endpoint: server.endpoint,
    credentials: { ...credentials, sessionToken: 'a token' },
  })
  await store.delete(KEY)
  expect(seen).toEqual([['a token', expect.stringMatching(/SignedHeaders=[^,]*x-amz-security-token/)]])
})

describe('the default chain of AWS', () => {
  afterEach(() => vi.unstubAllEnvs())
  const chain = { source: 'aws-default-chain' } as const

  /** Nothing of this machine: what a test does not name is not there. */
  function bareEnvironment(file: string) {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_PROFILE']) {
      vi.stubEnv(name, undefined)
    }
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', file)
    vi.stubEnv('AWS_CONFIG_FILE', `${file}.config`)
  }

  test('the environment', async () => {
    using folder = scratch()
    bareEnvironment(folder.file('credentials'))
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'FROMENVIRONMENT')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret')
    vi.stubEnv('AWS_SESSION_TOKEN', 'a token')
    const { url } = await openS3({ ...settings, endpoint, credentials: chain }).presignGet(KEY, null)
    expect(accessKeyOf(url)).toBe('FROMENVIRONMENT')
    expect(query(url)['X-Amz-Security-Token']).toBe('a token')
  })

  test('a profile of the shared file', async () => {
    using folder = scratch()
    const file = folder.file('credentials')
    writeFileSync(file, '[tokenizer]\naws_access_key_id = FROMFILE\naws_secret_access_key = secret\n')
    bareEnvironment(file)
    const store = openS3({ ...settings, endpoint, credentials: { ...chain, profile: 'tokenizer' } })
    expect(accessKeyOf((await store.presignGet(KEY, null)).url)).toBe('FROMFILE')
  })

  test('a container, whose credentials end and are fetched again', async () => {
    using folder = scratch()
    bareEnvironment(folder.file('credentials'))
    let fetched = 0
    const server = createServer((_, answer) => {
      fetched++
      const body = {
        AccessKeyId: `CONTAINER${fetched}`,
        SecretAccessKey: 'secret',
        Token: 'a token',
        Expiration: new Date(Date.now() + (fetched === 1 ? 200_000 : 3_600_000)).toISOString(),
      }
      answer.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', `http://127.0.0.1:${port}/credentials`)
    const store = openS3({ ...settings, endpoint, credentials: chain, clock: { now: () => Date.now() } })
    expect(accessKeyOf((await store.presignGet(KEY, null)).url)).toBe('CONTAINER1')
    expect(accessKeyOf((await store.presignPut(KEY, null, 1)).url)).toBe('CONTAINER2')
    server.closeAllConnections()
    server.close()
  })

  test('nothing anywhere is said in one line', async () => {
    using folder = scratch()
    bareEnvironment(folder.file('credentials'))
    const store = openS3({ ...settings, endpoint, credentials: chain })
    const error = await failureOf(store.presignGet(KEY, null))
    expect(error).toMatchObject({ name: 'PortFailure', code: 'objects_credentials_missing' })
    expect(error.message).not.toContain('\n')
  })
})

describe('parts are presigned as the AWS SDK does it', () => {
  const arbitrary = fc.record({
    partNumber: fc.integer({ min: 1, max: 10_000 }),
    uploadId: fc.stringMatching(/^[A-Za-z0-9._~+/=-]{1,60}$/),
    length: fc.integer({ min: 0, max: 5 * 1024 ** 3 }),
    keyed: fc.boolean(),
    sessionToken: fc.option(fc.stringMatching(/^[A-Za-z0-9/+=]{1,80}$/), { nil: undefined }),
  })

  test('for every part, upload, length, key and session token', async () => {
    const property = fc.asyncProperty(arbitrary, async ({ sessionToken, keyed, length, ...part }) => {
      const mine = { ...credentials, ...(sessionToken === undefined ? {} : { sessionToken }) }
      const store = openS3({ ...settings, endpoint, credentials: mine })
      const upload = { objectKey: KEY, uploadId: part.uploadId }
      const { url, headers } = await store.presignPart(upload, part.partNumber, keyed ? sseKey : null, length)
      const { host: _, ...signed } = headers
      const ours = (more: Record<string, string>) =>
        presign({
          method: 'PUT',
          endpoint,
          path: `/values/${KEY}`,
          query: { partNumber: String(part.partNumber), uploadId: part.uploadId, ...more },
          headers: signed,
          credentials: mine,
          region: settings.region,
          now: new Date(NOW),
          expiresSeconds: 300,
        })
      expect(url).toBe(ours({}))
      // What the SDK adds is given to both.
      const added = { 'X-Amz-Content-Sha256': 'UNSIGNED-PAYLOAD', 'x-id': 'UploadPart' }
      expect(sorted(ours(added))).toEqual(sorted(await presignedBySdk(mine, { ...part, length, keyed })))
    })
    await fc.assert(property, { numRuns: 60 })
  })
})

const sorted = (url: string) => url.split(/[?&]/).sort()

interface Part {
  readonly partNumber: number
  readonly uploadId: string
  readonly length: number
  readonly keyed: boolean
}

async function presignedBySdk(
  mine: Credentials,
  { partNumber, uploadId, length, keyed }: Part,
): Promise<string> {
  const client = new S3Client({
    endpoint,
    region: settings.region,
    credentials: mine,
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
  })
  const key = { SSECustomerAlgorithm: 'AES256', SSECustomerKey: sseKey.toString('base64') }
  const command = new UploadPartCommand({
    Bucket: settings.bucket,
    Key: KEY,
    PartNumber: partNumber,
    UploadId: uploadId,
    ContentLength: length,
    ...(keyed ? key : {}),
  })
  return await getSignedUrl(client, command, { expiresIn: 300, signingDate: new Date(NOW) })
}
