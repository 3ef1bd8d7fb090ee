import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { call, filesOf, NOW, sse, startTestStore, type TestStore } from './harness.ts'
import { begin, complete, copyTo, PART_BYTES, stored, tag } from './multipart-client.ts'

let store: TestStore
beforeAll(async () => {
  store = await startTestStore()
})
afterAll(async () => {
  expect(store.failures).toEqual([])
  expect(await filesOf(store.directory, 'temporary')).toEqual([])
  await store[Symbol.asyncDispose]()
})

let count = 0
const freshKey = () => `copies/a b+é/${count++}`
const BODY = randomBytes(100_000)
/** The key of the source, as a copy names it. */
const ofSource = (headers: Record<string, string>) =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.replace('x-amz-', 'x-amz-copy-source-'), value]),
  )

async function put(headers: Record<string, string> = {}, kept: Record<string, string> = {}, body = BODY) {
  const key = freshKey()
  const answer = await call(store, 'PUT', key, { headers: { ...headers, ...kept }, body })
  expect(answer.status).toBe(200)
  return { key, etag: answer.headers.etag ?? '' }
}

const [one, other] = [sse(), sse()]

test.each([
  ['from one key to another', one, other],
  ['from one key to the same', one, one],
  ['from a key to none', one, {}],
  ['from none to a key', {}, one],
  ['from none to none', {}, {}],
])('a copy %s', async (_, from, to) => {
  const { key } = await put(from, { 'content-type': 'text/csv', 'x-amz-meta-a': 'b' })
  const copy = freshKey()
  const answer = await copyTo(store, copy, key, { ...to, ...ofSource(from) })
  expect(answer.status).toBe(200)
  const got = await call(store, 'GET', copy, { headers: to })
  expect(got.body.equals(BODY)).toBe(true)
  expect(got.headers).toMatchObject({ 'content-type': 'text/csv', 'x-amz-meta-a': 'b' })
  expect(tag(answer, 'ETag')?.replaceAll('&#x22;', '"')).toBe(got.headers.etag)
  expect((await call(store, 'GET', key, { headers: from })).body.equals(BODY)).toBe(true)
})

test('of an object of parts is one of its own', async () => {
  const key = freshKey()
  const first = randomBytes(PART_BYTES)
  await stored(store, key, [first, BODY], one)
  const copy = freshKey()
  expect((await copyTo(store, copy, key, { ...other, ...ofSource(one) })).status).toBe(200)
  await call(store, 'DELETE', key)
  const got = await call(store, 'GET', copy, { headers: other })
  expect(got.body.equals(Buffer.concat([first, BODY]))).toBe(true)
})

test('with other metadata has only that', async () => {
  const { key } = await put({}, { 'content-type': 'text/csv', 'x-amz-meta-a': 'b' })
  const copy = freshKey()
  const directive = { 'x-amz-metadata-directive': 'REPLACE', 'x-amz-meta-c': 'd' }
  expect((await copyTo(store, copy, key, directive)).status).toBe(200)
  const { headers } = await call(store, 'GET', copy)
  expect(headers).toMatchObject({ 'content-type': 'binary/octet-stream', 'x-amz-meta-c': 'd' })
  expect(headers).not.toHaveProperty('x-amz-meta-a')
  expect((await copyTo(store, copy, key, { 'x-amz-metadata-directive': 'KEEP' })).code).toBe(
    'InvalidArgument',
  )
})

describe('onto itself', () => {
  test('must change something', async () => {
    const { key } = await put()
    expect((await copyTo(store, key, key)).code).toBe('InvalidRequest')
    expect((await copyTo(store, key, key, { 'x-amz-metadata-directive': 'REPLACE' })).status).toBe(200)
    expect((await copyTo(store, key, key, one)).status).toBe(200)
    expect((await copyTo(store, key, key, { ...other, ...ofSource(one) })).status).toBe(200)
    expect((await call(store, 'GET', key, { headers: other })).body.equals(BODY)).toBe(true)
    expect((await call(store, 'GET', key, { headers: one })).code).toBe('AccessDenied')
  })

  test('is how an object gets another key', async () => {
    const key = freshKey()
    const first = randomBytes(PART_BYTES)
    await stored(store, key, [first, BODY], one)
    expect((await copyTo(store, key, key, { ...other, ...ofSource(one) })).status).toBe(200)
    const got = await call(store, 'GET', key, { headers: other })
    expect(got.body.equals(Buffer.concat([first, BODY]))).toBe(true)
  })
})

const past = new Date(NOW.getTime() - 1000).toUTCString()
test.each([
  ['match: this', { match: 'ETAG' }, 200],
  ['match: another', { match: '"x"' }, 412],
  ['none-match: another', { 'none-match': '"x"' }, 200],
  ['none-match: this', { 'none-match': 'ETAG' }, 412],
  ['modified-since: before', { 'modified-since': past }, 200],
  ['modified-since: then', { 'modified-since': NOW.toUTCString() }, 412],
  ['unmodified-since: then', { 'unmodified-since': NOW.toUTCString() }, 200],
  ['unmodified-since: before', { 'unmodified-since': past }, 412],
  ['match goes before unmodified-since', { match: 'ETAG', 'unmodified-since': past }, 200],
])('if the source is in a state, %s', async (_, conditions, status) => {
  const { key, etag } = await put(one)
  const named = Object.entries(conditions).map(([name, value]) => [
    `x-amz-copy-source-if-${name}`,
    value.replace('ETAG', etag),
  ])
  const headers = { ...ofSource(one), ...Object.fromEntries(named) }
  expect((await copyTo(store, freshKey(), key, headers)).status).toBe(status)
  const uploadId = await begin(store, key)
  expect((await copyTo(store, key, key, headers, { uploadId, partNumber: '1' })).status).toBe(status)
})

test('if the target is in a state', async () => {
  const { key } = await put()
  const { key: taken, etag } = await put()
  const to = (name: string, headers: Record<string, string>) => copyTo(store, name, key, headers)
  expect((await to(taken, { 'if-none-match': '*' })).code).toBe('PreconditionFailed')
  expect((await to(taken, { 'if-match': '"x"' })).code).toBe('PreconditionFailed')
  expect((await to(freshKey(), { 'if-match': '"x"' })).code).toBe('NoSuchKey')
  expect((await to(freshKey(), { 'if-none-match': '*' })).status).toBe(200)
  expect((await to(taken, { 'if-match': etag })).status).toBe(200)
})

describe('what is refused', () => {
  test('another key for the source, none, or one too many', async () => {
    const [{ key }, { key: plain }] = [await put(one), await put()]
    const codes = [
      await copyTo(store, freshKey(), key, ofSource(other)),
      await copyTo(store, freshKey(), key),
      await copyTo(store, freshKey(), plain, ofSource(one)),
      await copyTo(store, freshKey(), key, one),
    ].map(({ code }) => code)
    expect(codes).toEqual(['AccessDenied', 'InvalidRequest', 'InvalidRequest', 'InvalidRequest'])
  })

  test('a key for the source that was not signed', async () => {
    const { key } = await put(one)
    const headers = { 'x-amz-copy-source': encodeURI(`lunadefend/${key}`) }
    const answer = await call(store, 'PUT', freshKey(), { headers, unsigned: ofSource(one), body: '' })
    expect([answer.status, answer.code]).toEqual([403, 'AccessDenied'])
  })

  test.each([
    ['lunadefend', 'InvalidArgument'],
    ['', 'InvalidArgument'],
    ['/lunadefend/%zz', 'InvalidArgument'],
    ['/other/key', 'NoSuchBucket'],
    ['/lunadefend/nothing', 'NoSuchKey'],
    [`/lunadefend/${'a'.repeat(1025)}`, 'KeyTooLongError'],
    ['/lunadefend/../../etc/passwd', 'NoSuchKey'],
  ])('the source %j', async (source, code) => {
    const answer = await call(store, 'PUT', freshKey(), {
      headers: { 'x-amz-copy-source': source },
      body: '',
    })
    expect(answer.code).toBe(code)
  })

  test('a copy with a body', async () => {
    const { key } = await put()
    const headers = { 'x-amz-copy-source': encodeURI(`lunadefend/${key}`) }
    expect((await call(store, 'PUT', freshKey(), { headers, body: 'x' })).code).toBe('InvalidRequest')
  })
})

test('parts are copied from ranges, between keys, and put together', async () => {
  const { key } = await put(one)
  const uploadId = await begin(store, key, other)
  const range = (text: string, number: number) =>
    copyTo(
      store,
      key,
      key,
      { ...other, ...ofSource(one), 'x-amz-copy-source-range': text },
      { uploadId, partNumber: String(number) },
    )
  for (const bad of ['bytes=0-', 'bytes=-5', '0-5', 'bytes=5-2', 'bytes=0-1,3-4', `bytes=0-${BODY.length}`])
    expect((await range(bad, 1)).code).toBe('InvalidArgument')
  const part = await range('bytes=65530-65545', 1)
  const etag = tag(part, 'ETag')?.replaceAll('&#x22;', '"') ?? ''
  expect((await complete(store, key, uploadId, [{ number: 1, etag }])).status).toBe(200)
  const got = await call(store, 'GET', key, { headers: other })
  expect(got.body.equals(BODY.subarray(65_530, 65_546))).toBe(true)
})
