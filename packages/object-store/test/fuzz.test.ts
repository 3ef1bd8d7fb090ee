/** Requests that are signed as they should be and say anything at all: an answer to each, none of them a failure. */
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { readXml } from '../src/read-xml.ts'
import { S3Error } from '../src/s3-error.ts'
import { call, callSigned, sse, startTestStore, type TestStore } from './harness.ts'
import { begin, complete, documentOf, upload } from './multipart-client.ts'

let store: TestStore
beforeAll(async () => {
  store = await startTestStore()
})
beforeEach(() => expect(store.failures).toEqual([]))
afterAll(async () => {
  // Whatever was asked, the store still works.
  expect((await call(store, 'PUT', 'after', { body: 'fine' })).status).toBe(200)
  expect((await call(store, 'GET', 'after')).body.toString()).toBe('fine')
  expect(store.failures).toEqual([])
  await store[Symbol.asyncDispose]()
})

/** Every status that is a decision about the request. */
function expectAnswer({ status }: { status: number }, method: string) {
  expect(status, method).toBeGreaterThanOrEqual(200)
  expect(status === 501 || status < 500, `${method} ${status}`).toBe(true)
}

const anyValue = fc.oneof(
  fc.constantFrom(
    '',
    '0',
    '1',
    '2',
    '-1',
    '10001',
    'url',
    '/',
    '*',
    '"x"',
    'AES256',
    'COPY',
    'REPLACE',
    'CRC32',
    'ENABLED',
  ),
  fc.constantFrom(
    'bytes=0-1',
    'lunadefend/key',
    '/lunadefend/key?versionId=1',
    'AAAAAA==',
    'FULL_OBJECT',
    'x-amz-checksum-crc32',
  ),
  fc.string({ maxLength: 20 }).map((text) => text.replace(/[^!-~]/g, '')),
)
const queryNames = [
  ...['uploads', 'uploadId', 'partNumber', 'list-type', 'prefix', 'delimiter', 'max-keys', 'start-after'],
  ...['continuation-token', 'encoding-type', 'fetch-owner', 'versioning', 'max-parts', 'part-number-marker'],
  ...[
    'key-marker',
    'upload-id-marker',
    'response-content-type',
    'versionId',
    'acl',
    '__proto__',
    'constructor',
  ],
]
const headerNames = [
  ...['x-amz-copy-source', 'x-amz-copy-source-range', 'x-amz-metadata-directive', 'x-amz-checksum-algorithm'],
  ...['x-amz-checksum-type', 'x-amz-checksum-crc32', 'x-amz-checksum-mode', 'x-amz-sdk-checksum-algorithm'],
  ...['x-amz-trailer', 'x-amz-decoded-content-length', 'x-amz-mp-object-size', 'x-amz-meta-a', 'x-amz-acl'],
  ...['x-amz-copy-source-if-match', 'x-amz-copy-source-if-modified-since', 'x-amz-server-side-encryption'],
  ...[
    'if-match',
    'if-none-match',
    'if-modified-since',
    'range',
    'content-md5',
    'content-encoding',
    'content-type',
  ],
]
const some = (names: string[]) =>
  fc
    .uniqueArray(fc.tuple(fc.constantFrom(...names), anyValue), { maxLength: 4, selector: ([name]) => name })
    .map((entries) => Object.fromEntries(entries))

test('any operation with any parameters and headers', async () => {
  await call(store, 'PUT', 'key', { body: '0123456789' })
  const uploadId = await begin(store, 'key')
  const request = fc.record({
    method: fc.constantFrom('GET', 'HEAD', 'PUT', 'POST', 'DELETE'),
    key: fc.constantFrom('', 'key', 'key/', '../key', 'other'),
    query: some(queryNames),
    headers: some(headerNames),
    real: fc.record({ upload: fc.boolean(), key: fc.boolean() }),
    body: fc.constantFrom('', 'value', documentOf([{ number: 1, etag: '0'.repeat(32) }])),
    payload: fc.constantFrom(
      'UNSIGNED-PAYLOAD',
      'UNSIGNED-PAYLOAD',
      'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
      'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
    ),
  })
  const property = fc.asyncProperty(request, async ({ method, key, query, headers, real, body, payload }) => {
    const answer = await callSigned(store, method, key, {
      query: { ...query, ...(real.upload ? { uploadId } : {}) },
      headers: { ...headers, ...(real.key ? sse() : {}) },
      payloadHash: payload,
      ...(/^P/.test(method) ? { body } : {}),
    })
    expectAnswer(answer, method)
    expect(store.failures).toEqual([])
  })
  await fc.assert(property, { numRuns: 400 })
})

test('any document that completes an upload', async () => {
  const { uploadId, parts } = await upload(store, 'documents', ['value'], {})
  const right = documentOf(parts)
  const piece = fc.oneof(
    fc.constantFrom(
      '<',
      '>',
      '</',
      '/>',
      '&',
      '&#x0;',
      '&lt;',
      ']]>',
      '<![CDATA[',
      '<!DOCTYPE a>',
      '<?xml?>',
      ' ',
    ),
    fc.constantFrom(
      'Part',
      'PartNumber',
      'ETag',
      '<Part>',
      '</Part>',
      'xmlns="a"',
      '__proto__',
      '<__proto__>',
      '\0',
    ),
    fc.string({ unit: 'binary', maxLength: 6 }),
  )
  const damaged = fc
    .tuple(fc.nat(right.length), fc.nat(20), fc.array(piece, { maxLength: 5 }))
    .map(([at, removed, pieces]) => right.slice(0, at) + pieces.join('') + right.slice(at + removed))
  const document = fc.oneof(
    damaged,
    fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join('')),
  )
  const property = fc.asyncProperty(document, async (text) => {
    expectAnswer(await complete(store, 'documents', uploadId, text), 'POST')
    expect(store.failures).toEqual([])
  })
  await fc.assert(property, { numRuns: 250 })
})

test('any XML is read, or refused as malformed', () => {
  const name = fc.constantFrom('a', 'root', '__proto__', 'constructor', 'toString', 'xml:a')
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 6 },
      fc.string({ maxLength: 5 }),
      fc
        .tuple(name, fc.array(tie('tree'), { maxLength: 3 }))
        .map(([tag, inner]) => `<${tag}>${inner.join('')}</${tag}>`),
    ),
  }))
  const property = fc.property(tree, (inner) => {
    try {
      const fields = readXml(Buffer.from(`<root>${inner}</root>`), 'root')
      expect(typeof fields).toBe('object')
    } catch (error) {
      expect(error).toBeInstanceOf(S3Error)
      expect((error as S3Error).code).toBe('MalformedXML')
    }
  })
  fc.assert(property, { numRuns: 1000 })
  expect(Object.keys(Object.prototype)).toEqual([])
})

test('any bytes as a body in chunks', async () => {
  const line = fc.oneof(
    fc.constantFrom('0', '5', 'ffffffffffff', '-1', '0x5', '5;chunk-signature=', '00000005', ''),
    fc.constantFrom('x-amz-checksum-crc32:AAAAAA==', 'x-amz-trailer-signature:0', 'hello'),
    fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  )
  const body = fc.array(line, { maxLength: 6 }).map((lines) => Buffer.from(lines.join('\r\n'), 'latin1'))
  const kinds = ['STREAMING-UNSIGNED-PAYLOAD-TRAILER', 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER'] as const
  const property = fc.asyncProperty(body, fc.constantFrom(...kinds), async (bytes, payloadHash) => {
    const headers = { 'x-amz-decoded-content-length': '5', 'x-amz-trailer': 'x-amz-checksum-crc32' }
    const answer = await callSigned(store, 'PUT', 'chunks', { headers, payloadHash, body: bytes })
    expectAnswer(answer, 'PUT')
    expect(store.failures).toEqual([])
  })
  await fc.assert(property, { numRuns: 250 })
})

test('any name of an object', async () => {
  const body = randomBytes(10)
  const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 })
  const property = fc.asyncProperty(name, async (key) => {
    expect((await call(store, 'PUT', key, { body })).status).toBe(200)
    expect((await call(store, 'GET', key)).body.equals(body)).toBe(true)
    const list = await call(store, 'GET', '', {
      query: { 'list-type': '2', 'encoding-type': 'url', prefix: key },
    })
    expect(list.body.toString()).toContain(
      `<Key>${encodeURIComponent(key)
        .replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
        .replaceAll('%2F', '/')}</Key>`,
    )
    expect((await call(store, 'DELETE', key)).status).toBe(204)
  })
  await fc.assert(property, { numRuns: 50 })
})
