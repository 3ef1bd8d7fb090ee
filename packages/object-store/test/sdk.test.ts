import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BUCKET, credentials, REGION, send, sse, startTestStore, type TestStore } from './harness.ts'

let store: TestStore
let client: S3Client
beforeAll(async () => {
  store = await startTestStore({ now: () => new Date() })
  client = new S3Client({
    endpoint: store.url,
    region: REGION,
    credentials,
    forcePathStyle: true,
    maxAttempts: 1,
    // S3 takes no chunks of less than 8 KiB, and the SDK makes one of each piece of a stream.
    requestStreamBufferSize: 65_536,
  })
})
afterAll(async () => {
  client.destroy()
  expect(store.failures).toEqual([])
  await store[Symbol.asyncDispose]()
})

const customer = { SSECustomerAlgorithm: 'AES256', SSECustomerKey: randomBytes(32).toString('base64') }

describe('the AWS SDK', () => {
  test.each([
    ['a customer key', customer],
    ['no customer key', {}],
  ])('stores, looks, reads and deletes with %s', async (_, encryption) => {
    const object = { Bucket: BUCKET, Key: 'folder/a key+with (odd) characters/é' }
    const body = randomBytes(200_000)
    const metadata = { ContentType: 'image/png', Metadata: { note: 'kept' } }
    const put = await client.send(
      new PutObjectCommand({ ...object, ...encryption, ...metadata, Body: body, IfNoneMatch: '*' }),
    )
    const head = await client.send(new HeadObjectCommand({ ...object, ...encryption }))
    expect(head).toMatchObject({ ...metadata, ContentLength: 200_000, ETag: put.ETag })
    const got = await client.send(new GetObjectCommand({ ...object, ...encryption }))
    expect(got).toMatchObject({ ...metadata, ETag: put.ETag })
    expect(body.equals((await got.Body?.transformToByteArray()) ?? new Uint8Array())).toBe(true)
    const part = await client.send(
      new GetObjectCommand({ ...object, ...encryption, Range: 'bytes=65530-65545' }),
    )
    expect(part.ContentRange).toBe('bytes 65530-65545/200000')
    expect(
      body.subarray(65_530, 65_546).equals((await part.Body?.transformToByteArray()) ?? new Uint8Array()),
    ).toBe(true)
    await client.send(new DeleteObjectCommand(object))
    await expect(client.send(new GetObjectCommand({ ...object, ...encryption }))).rejects.toMatchObject({
      name: 'NoSuchKey',
    })
    await expect(client.send(new HeadObjectCommand(object))).rejects.toMatchObject({ name: 'NotFound' })
  })

  test('reads refusals by their codes', async () => {
    const object = { Bucket: BUCKET, Key: 'refusals' }
    await client.send(new PutObjectCommand({ ...object, ...customer, Body: 'value' }))
    const get = (more: object) => client.send(new GetObjectCommand({ ...object, ...more }))
    await expect(get({})).rejects.toMatchObject({
      name: 'InvalidRequest',
      $metadata: { httpStatusCode: 400 },
    })
    const other = { ...customer, SSECustomerKey: randomBytes(32).toString('base64') }
    await expect(get(other)).rejects.toMatchObject({
      name: 'AccessDenied',
      $metadata: { httpStatusCode: 403 },
    })
    await expect(get({ ...customer, IfMatch: '"x"' })).rejects.toMatchObject({ name: 'PreconditionFailed' })
    await expect(get({ ...customer, Range: 'bytes=99-' })).rejects.toMatchObject({ name: 'InvalidRange' })
    const again = new PutObjectCommand({ ...object, ...customer, Body: 'other', IfNoneMatch: '*' })
    await expect(client.send(again)).rejects.toMatchObject({ name: 'PreconditionFailed' })
  })

  test('sends a big body that waits for permission, and a stream', async () => {
    const body = randomBytes(5 * 1024 * 1024 + 1)
    const object = { Bucket: BUCKET, Key: 'big' }
    const bodies = [body, Readable.from([body.subarray(0, 100), body.subarray(100)])]
    for (const Body of bodies) {
      await client.send(new PutObjectCommand({ ...object, ...customer, Body, ContentLength: body.length }))
      const got = await client.send(new GetObjectCommand({ ...object, ...customer }))
      const hash = createHash('sha256').update((await got.Body?.transformToByteArray()) ?? '')
      expect(hash.digest('hex')).toBe(createHash('sha256').update(body).digest('hex'))
    }
  })

  test('makes presigned URLs that are accepted', async () => {
    const key = randomBytes(32)
    const headers = sse(key)
    const input = {
      Bucket: BUCKET,
      Key: 'presigned by the SDK',
      SSECustomerAlgorithm: 'AES256',
      SSECustomerKey: key.toString('base64'),
    }
    const put = await getSignedUrl(client, new PutObjectCommand({ ...input, IfNoneMatch: '*' }))
    const stored = await send({
      method: 'PUT',
      url: put,
      headers: { ...headers, 'if-none-match': '*' },
      body: 'value',
    })
    expect(stored.status).toBe(200)
    const get = await getSignedUrl(
      client,
      new GetObjectCommand({ ...input, ResponseContentType: 'text/plain' }),
    )
    const got = await send({ method: 'GET', url: get, headers })
    expect([got.status, got.body.toString(), got.headers['content-type']]).toEqual([
      200,
      'value',
      'text/plain',
    ])
  })

  test('must not move the customer key into the URL', async () => {
    const hoistableHeaders = new Set(Object.keys(sse()))
    const command = new PutObjectCommand({ Bucket: BUCKET, Key: 'hoisted', ...customer })
    const url = await getSignedUrl(client, command, { hoistableHeaders })
    expect(url).toContain('customer-key')
    expect((await send({ method: 'PUT', url, body: 'value' })).code).toBe('AuthorizationQueryParametersError')
  })
})

test('the AWS SDK uploads in parts with its own checksums, copies to another key, and lists', async () => {
  const object = { Bucket: BUCKET, Key: 'in parts' }
  const bodies = [randomBytes(5 * 1024 * 1024), randomBytes(1000)]
  const begun = { ...object, ...customer, ChecksumAlgorithm: 'CRC32' as const }
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(begun))
  const Parts = await Promise.all(
    bodies.map(async (Body, i) => {
      const part = { ...object, ...customer, UploadId, PartNumber: i + 1, Body }
      const { ETag, ChecksumCRC32 } = await client.send(new UploadPartCommand(part))
      return { PartNumber: i + 1, ETag, ChecksumCRC32 }
    }),
  )
  const done = { ...object, ...customer, UploadId, MultipartUpload: { Parts }, IfNoneMatch: '*' }
  const { ChecksumCRC32, ETag } = await client.send(new CompleteMultipartUploadCommand(done))
  expect(ChecksumCRC32).toMatch(/^[A-Za-z0-9+/]{6}==-2$/)

  const other = { SSECustomerAlgorithm: 'AES256', SSECustomerKey: randomBytes(32).toString('base64') }
  const source = {
    CopySource: encodeURI(`${BUCKET}/in parts`),
    CopySourceIfMatch: ETag,
    CopySourceSSECustomerAlgorithm: 'AES256',
    CopySourceSSECustomerKey: customer.SSECustomerKey,
  }
  await client.send(new CopyObjectCommand({ ...object, Key: 'copied', ...source, ...other }))
  const got = await client.send(new GetObjectCommand({ ...object, Key: 'copied', ...other }))
  expect(Buffer.concat(bodies).equals((await got.Body?.transformToByteArray()) ?? new Uint8Array())).toBe(
    true,
  )
  const list = await client.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: 'in ' }))
  expect(list.Contents).toMatchObject([{ Key: 'in parts', ETag, Size: 5 * 1024 * 1024 + 1000 }])
})
