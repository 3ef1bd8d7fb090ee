import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { call, callSigned, NOW, presigned, send, sse, startTestStore, type TestStore } from './harness.ts'

let store: TestStore
beforeAll(async () => {
  store = await startTestStore()
})
afterAll(async () => {
  expect(store.failures).toEqual([])
  await store[Symbol.asyncDispose]()
})

let count = 0
const freshKey = () => `v1/${(count++).toString(16).padStart(32, '0')}`
const once = { 'if-none-match': '*' }

async function put(body: string | Uint8Array, headers: Record<string, string> = {}, key = freshKey()) {
  const answer = await call(store, 'PUT', key, { headers, body })
  expect(answer.status).toBe(200)
  return { key, answer }
}

describe('an object with a customer key', () => {
  const key = sse()

  test('comes back as it was sent, to GET and HEAD', async () => {
    const { key: name, answer } = await put('078-05-1120', { ...key, ...once, 'content-length': '11' })
    expect(answer.headers).toMatchObject({
      'x-amz-server-side-encryption-customer-algorithm': 'AES256',
      'x-amz-server-side-encryption-customer-key-md5': key['x-amz-server-side-encryption-customer-key-md5'],
    })
    expect(answer.body).toHaveLength(0)
    const got = await call(store, 'GET', name, { headers: key })
    expect(got.status).toBe(200)
    expect(got.body.toString()).toBe('078-05-1120')
    const head = await call(store, 'HEAD', name, { headers: key })
    expect(head.status).toBe(200)
    expect(head.body).toHaveLength(0)
    for (const { headers } of [got, head]) {
      expect(headers).toMatchObject({
        'accept-ranges': 'bytes',
        'content-length': '11',
        'content-type': 'binary/octet-stream',
        etag: answer.headers.etag,
        'last-modified': NOW.toUTCString(),
        'x-amz-server-side-encryption-customer-algorithm': 'AES256',
        'x-amz-server-side-encryption-customer-key-md5': key['x-amz-server-side-encryption-customer-key-md5'],
      })
      expect(headers).not.toHaveProperty('x-amz-server-side-encryption')
      expect(JSON.stringify(headers)).not.toContain(key['x-amz-server-side-encryption-customer-key'])
    }
  })

  test('its etag says nothing about its content', async () => {
    const md5 = createHash('md5').update('same')
    const checked = { ...key, 'content-md5': md5.copy().digest('base64') }
    const etags = await Promise.all(
      [key, key, checked, checked].map(async (headers) => (await put('same', headers)).answer.headers.etag),
    )
    expect(new Set(etags).size).toBe(4)
    expect(etags).not.toContain(`"${md5.digest('hex')}"`)
  })

  test.each(['GET', 'HEAD'])('%s without the key is refused', async (method) => {
    const { key: name } = await put('secret', key)
    const answer = await call(store, method, name)
    expect(answer.status).toBe(400)
    if (method === 'GET') expect(answer.code).toBe('InvalidRequest')
    expect(answer.body.toString()).not.toContain('secret')
  })

  test.each(['GET', 'HEAD'])('%s with another key is refused', async (method) => {
    const { key: name } = await put('secret', key)
    const answer = await call(store, method, name, { headers: sse() })
    expect(answer.status).toBe(403)
    if (method === 'GET') expect(answer.code).toBe('AccessDenied')
  })

  const { 'x-amz-server-side-encryption-customer-key-md5': md5, ...withoutMd5 } = key
  const { 'x-amz-server-side-encryption-customer-key': bytes, ...withoutKey } = key
  const { 'x-amz-server-side-encryption-customer-algorithm': algorithm, ...withoutAlgorithm } = key
  test.each([
    ['no algorithm', withoutAlgorithm, 'InvalidArgument'],
    ['no key', withoutKey, 'InvalidArgument'],
    ['no MD5', withoutMd5, 'InvalidArgument'],
    ['another algorithm', { ...key, [keyOf(algorithm)]: 'AES128' }, 'InvalidEncryptionAlgorithmError'],
    [
      'an algorithm in lower case',
      { ...key, [keyOf(algorithm)]: 'aes256' },
      'InvalidEncryptionAlgorithmError',
    ],
    ['a short key', sse(randomBytes(31)), 'InvalidArgument'],
    ['a long key', sse(randomBytes(33)), 'InvalidArgument'],
    ['an empty key', sse(new Uint8Array()), 'InvalidArgument'],
    ['a key in other letters', { ...key, [keyOf(bytes)]: `${bytes.slice(0, -1)}*` }, 'InvalidArgument'],
    ['the MD5 of another key', { ...key, [keyOf(md5)]: sse()[keyOf(md5)] ?? '' }, 'InvalidArgument'],
  ])('%s: refused on PUT and on GET, and nothing is stored', async (_, headers, code) => {
    const name = freshKey()
    const refused = await call(store, 'PUT', name, { headers, body: 'secret' })
    expect([refused.status, refused.code]).toEqual([400, code])
    expect((await call(store, 'GET', name)).code).toBe('NoSuchKey')
    const stored = (await put('secret', key)).key
    expect((await call(store, 'GET', stored, { headers })).code).toBe(code)
  })

  // The header names, found by the value that the fixture holds.
  function keyOf(value: string): string {
    return Object.keys(key).find((name) => key[name] === value) ?? ''
  }
})

describe('an object without a customer key', () => {
  test('says that the store encrypted it; its etag is the MD5 of its content', async () => {
    const { key, answer } = await put('hello')
    const etag = `"${createHash('md5').update('hello').digest('hex')}"`
    expect(answer.headers).toMatchObject({ etag, 'x-amz-server-side-encryption': 'AES256' })
    const got = await call(store, 'GET', key)
    expect(got.body.toString()).toBe('hello')
    expect(got.headers).toMatchObject({ etag, 'x-amz-server-side-encryption': 'AES256' })
  })

  test.each(['GET', 'HEAD'])('%s with a customer key is refused', async (method) => {
    const { key } = await put('hello')
    const answer = await call(store, method, key, { headers: sse() })
    expect(answer.status).toBe(400)
    if (method === 'GET') expect(answer.code).toBe('InvalidRequest')
  })

  test('AES256 may be asked for; other services not, and not together with a customer key', async () => {
    const ask = (value: string, more = {}) =>
      call(store, 'PUT', freshKey(), {
        headers: { 'x-amz-server-side-encryption': value, ...more },
        body: 'x',
      })
    expect((await ask('AES256')).status).toBe(200)
    expect((await ask('aws:kms')).code).toBe('NotImplemented')
    expect((await ask('AES256', sse())).code).toBe('InvalidArgument')
  })
})

describe('PUT', () => {
  test('keeps content type, the other stored headers and user metadata', async () => {
    const unsigned = {
      'content-type': 'text/plain; charset=utf-8',
      'content-language': 'de',
      'cache-control': 'private',
    }
    const headers = { 'x-amz-meta-a': 'one  two', 'x-amz-meta-b': '' }
    const key = freshKey()
    expect((await call(store, 'PUT', key, { headers, unsigned, body: 'x' })).status).toBe(200)
    const got = await call(store, 'GET', key)
    expect(got.headers).toMatchObject({ ...unsigned, ...headers })
  })

  test('replaces an object, its headers and its key', async () => {
    const { key } = await put('first', { 'x-amz-meta-a': 'first', ...sse() })
    await put('second', {}, key)
    const got = await call(store, 'GET', key)
    expect(got.body.toString()).toBe('second')
    expect(got.headers).not.toHaveProperty('x-amz-meta-a')
  })

  test('an upload URL works once', async () => {
    const key = freshKey()
    const headers = { ...sse(), ...once }
    const url = presigned(store, 'PUT', key, { headers })
    expect((await send({ method: 'PUT', url, headers, body: 'first' })).status).toBe(200)
    const again = await send({ method: 'PUT', url, headers, body: 'second' })
    expect([again.status, again.code]).toEqual([412, 'PreconditionFailed'])
    const { 'if-none-match': _, ...get } = headers
    expect((await call(store, 'GET', key, { headers: get })).body.toString()).toBe('first')
  })

  test('of many uploads at once exactly one is stored', async () => {
    const key = freshKey()
    const body = (i: number) => String(i).repeat(100_000)
    const racers = Array.from({ length: 20 }, (_, i) =>
      call(store, 'PUT', key, { headers: once, body: body(i) }),
    )
    const statuses = (await Promise.all(racers)).map((answer) => answer.status)
    expect(statuses.filter((status) => status === 200)).toHaveLength(1)
    expect(statuses.filter((status) => status === 412)).toHaveLength(19)
    expect((await call(store, 'GET', key)).body.toString()).toBe(body(statuses.indexOf(200)))
  })

  test('replaces only the state that If-Match names', async () => {
    const { key, answer } = await put('first')
    const attempt = (etag: string, name = key) =>
      call(store, 'PUT', name, { headers: { 'if-match': etag }, body: 'second' })
    expect((await attempt('"x"')).code).toBe('PreconditionFailed')
    const nothing = await attempt('*', freshKey())
    expect([nothing.status, nothing.code]).toEqual([404, 'NoSuchKey'])
    expect((await call(store, 'GET', key)).body.toString()).toBe('first')
    expect((await attempt(answer.headers.etag ?? '')).status).toBe(200)
    expect((await attempt('*')).status).toBe(200)
    expect((await call(store, 'GET', key)).body.toString()).toBe('second')
  })

  test('of many that replace one state exactly one is stored', async () => {
    const { key, answer } = await put('first', sse())
    const headers = { 'if-match': answer.headers.etag ?? '' }
    const racers = Array.from({ length: 20 }, (_, i) => call(store, 'PUT', key, { headers, body: String(i) }))
    const statuses = (await Promise.all(racers)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 200)).toHaveLength(1)
    expect((await call(store, 'GET', key)).body.toString()).toBe(String(statuses.indexOf(200)))
  })

  test('Content-MD5 is checked', async () => {
    const md5 = createHash('md5').update('body').digest('base64')
    const attempt = (value: string, more = {}) => {
      const key = freshKey()
      return call(store, 'PUT', key, { headers: { 'content-md5': value, ...more }, body: 'body' }).then(
        async (answer) => [answer.status, answer.code, (await call(store, 'GET', key)).status],
      )
    }
    expect(await attempt(md5)).toEqual([200, null, 200])
    expect((await attempt(md5, sse()))[0]).toBe(200)
    const wrong = createHash('md5').update('other').digest('base64')
    expect(await attempt(wrong)).toEqual([400, 'BadDigest', 404])
    expect(await attempt(wrong, sse())).toEqual([400, 'BadDigest', 404])
    expect(await attempt('AAAA')).toEqual([400, 'InvalidDigest', 404])
    expect(await attempt(md5.slice(0, -2))).toEqual([400, 'InvalidDigest', 404])
  })

  test('a body of no announced length is refused', async () => {
    const url = presigned(store, 'PUT', freshKey())
    const chunked = await send({ method: 'PUT', url, headers: { 'transfer-encoding': 'chunked' }, body: 'x' })
    expect([chunked.status, chunked.code]).toEqual([501, 'NotImplemented'])
  })

  test('more than 5 GiB is refused before it is sent', async () => {
    const length = { 'content-length': String(5 * 1024 ** 3 + 1), expect: '100-continue' }
    const answer = await send({ method: 'PUT', url: presigned(store, 'PUT', freshKey()), headers: length })
    expect([answer.status, answer.code]).toEqual([400, 'EntityTooLarge'])
  })

  test('2 KiB of user metadata and 1024 bytes of key are allowed, and not more', async () => {
    const meta = (n: number) => ({ 'x-amz-meta-ab': 'x'.repeat(n - 2) })
    expect((await call(store, 'PUT', freshKey(), { headers: meta(2048), body: '' })).status).toBe(200)
    expect((await call(store, 'PUT', freshKey(), { headers: meta(2049), body: '' })).code).toBe(
      'MetadataTooLarge',
    )
    expect((await call(store, 'PUT', 'é'.repeat(512), { body: '' })).status).toBe(200)
    expect((await call(store, 'PUT', `${'é'.repeat(512)}x`, { body: '' })).code).toBe('KeyTooLongError')
  })

  test('any key is one object of its own', async () => {
    const keys = [
      'a',
      'A',
      'a/',
      '/a',
      '//a',
      'a//',
      './a',
      '../a',
      '../../etc/passwd',
      'a/../b',
      '%2e%2e',
      'a b',
      'a+b',
      'a\0b',
      'é',
      'e\u0301',
      '漢/😀',
      '"<&>\'',
      '\\..\\a',
      'CON',
      '.',
    ]
    for (const key of keys) expect((await call(store, 'PUT', key, { body: `of ${key}` })).status).toBe(200)
    for (const key of keys) expect((await call(store, 'GET', key)).body.toString()).toBe(`of ${key}`)
  })
})

describe('GET and HEAD', () => {
  test('an unknown key', async () => {
    const got = await call(store, 'GET', freshKey())
    expect([got.status, got.code]).toEqual([404, 'NoSuchKey'])
    const head = await call(store, 'HEAD', freshKey(), { headers: sse() })
    expect([head.status, head.body.length]).toEqual([404, 0])
  })

  test.each([
    ['bytes=0-0', 206, '0', 'bytes 0-0/10'],
    ['bytes=3-5', 206, '345', 'bytes 3-5/10'],
    ['bytes=7-', 206, '789', 'bytes 7-9/10'],
    ['bytes=7-99999', 206, '789', 'bytes 7-9/10'],
    ['bytes=-3', 206, '789', 'bytes 7-9/10'],
    ['bytes=-99', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=10-', 416, null, 'bytes */10'],
    ['bytes=-0', 416, null, 'bytes */10'],
    ['bytes=5-3', 200, '0123456789', undefined],
    ['bytes=0-1,3-4', 200, '0123456789', undefined],
    ['bytes=-', 200, '0123456789', undefined],
    ['items=0-1', 200, '0123456789', undefined],
    ['bytes=a-b', 200, '0123456789', undefined],
  ])('Range: %s is answered with %i', async (range, status, body, contentRange) => {
    const headers = sse()
    const { key } = await put('0123456789', headers)
    const got = await call(store, 'GET', key, { headers, unsigned: { range } })
    expect([got.status, got.headers['content-range']]).toEqual([status, contentRange])
    if (body === null) expect(got.code).toBe('InvalidRange')
    else expect(got.body.toString()).toBe(body)
    const head = await call(store, 'HEAD', key, { headers, unsigned: { range } })
    expect([head.status, head.headers['content-range']]).toEqual([status, contentRange])
    if (body !== null) expect(head.headers['content-length']).toBe(String(body.length))
  })

  test('every range of an empty object is unsatisfiable', async () => {
    const { key } = await put('')
    expect((await call(store, 'GET', key)).headers['content-length']).toBe('0')
    expect((await call(store, 'GET', key, { unsigned: { range: 'bytes=0-' } })).status).toBe(416)
    expect((await call(store, 'GET', key, { unsigned: { range: 'bytes=-1' } })).status).toBe(416)
  })

  const past = new Date(NOW.getTime() - 1000).toUTCString()
  const same = NOW.toUTCString()
  test.each([
    ['If-Match of the etag', { 'if-match': 'ETAG' }, 200],
    ['If-Match of a list', { 'if-match': '"x", ETAG' }, 200],
    ['If-Match of anything', { 'if-match': '*' }, 200],
    ['If-Match of another etag', { 'if-match': '"x"' }, 412],
    ['If-None-Match of the etag', { 'if-none-match': 'ETAG' }, 304],
    ['If-None-Match of the weak etag', { 'if-none-match': 'W/ETAG' }, 304],
    ['If-None-Match of another etag', { 'if-none-match': '"x"' }, 200],
    ['If-Modified-Since then', { 'if-modified-since': same }, 304],
    ['If-Modified-Since before', { 'if-modified-since': past }, 200],
    ['If-Unmodified-Since then', { 'if-unmodified-since': same }, 200],
    ['If-Unmodified-Since before', { 'if-unmodified-since': past }, 412],
    ['a date that is none', { 'if-modified-since': 'yesterday' }, 200],
    ['If-Match before If-Unmodified-Since', { 'if-match': 'ETAG', 'if-unmodified-since': past }, 200],
    ['If-None-Match before If-Modified-Since', { 'if-none-match': '"x"', 'if-modified-since': same }, 200],
    ['a range If-Range of the etag', { range: 'bytes=0-1', 'if-range': 'ETAG' }, 206],
    ['a range If-Range of another etag', { range: 'bytes=0-1', 'if-range': '"x"' }, 200],
  ])('%s', async (_, conditions, status) => {
    const headers = sse()
    const { key, answer } = await put('body', headers)
    const filled = Object.entries(conditions).map(([name, value]) => [
      name,
      value.replace('ETAG', answer.headers.etag ?? ''),
    ])
    for (const method of ['GET', 'HEAD']) {
      const got = await call(store, method, key, { headers, unsigned: Object.fromEntries(filled) })
      expect(got.status).toBe(status)
      if (status === 304) expect([got.headers.etag, got.body.length]).toEqual([answer.headers.etag, 0])
    }
  })

  test('dates have whole seconds', async () => {
    store.setNow(new Date(NOW.getTime() + 999))
    const { key, answer } = await put('body')
    store.setNow(NOW)
    expect(answer.status).toBe(200)
    const got = await call(store, 'GET', key, { unsigned: { 'if-modified-since': same } })
    expect([got.status, got.headers['last-modified']]).toEqual([304, same])
  })

  test('response-* overrides headers', async () => {
    const headers = { ...sse(), 'x-amz-meta-a': 'b' }
    const { key } = await put('<script>', { ...headers, 'content-type': 'text/html' })
    const { 'x-amz-meta-a': _, ...get } = headers
    const overrides = {
      'response-cache-control': 'no-store',
      'response-content-disposition': 'attachment; filename="a b.txt"',
      'response-content-encoding': 'identity',
      'response-content-language': 'en',
      'response-content-type': 'application/octet-stream',
      'response-expires': 'Thu, 01 Jan 1970 00:00:00 GMT',
    }
    for (const method of ['GET', 'HEAD']) {
      const got = await call(store, method, key, { headers: get, query: overrides })
      expect(got.status).toBe(200)
      for (const [name, value] of Object.entries(overrides)) {
        expect(got.headers[name.replace('response-', '')]).toBe(value)
      }
    }
  })

  test.each(['a\r\nset-cookie: a=b', 'a\nb', 'a\0b', '漢'])(
    'an override that is no header value: %j',
    async (value) => {
      const { key } = await put('body')
      const got = await call(store, 'GET', key, { query: { 'response-content-type': value } })
      expect([got.status, got.code]).toEqual([400, 'InvalidArgument'])
      expect(got.headers).not.toHaveProperty('set-cookie')
    },
  )

  test('a body is refused', async () => {
    const { key } = await put('body')
    for (const method of ['GET', 'DELETE']) {
      const url = presigned(store, method, key)
      const answer = await send({ method, url, headers: { 'content-length': '4' }, body: 'more' })
      expect([answer.status, answer.code]).toEqual([400, 'InvalidRequest'])
      const chunked = await send({ method, url, headers: { 'transfer-encoding': 'chunked' }, body: 'more' })
      expect([chunked.status, chunked.code]).toEqual([400, 'InvalidRequest'])
    }
    expect((await call(store, 'GET', key)).status).toBe(200)
  })

  test('what is stored cannot act as a page of the store', async () => {
    const { key } = await put('<script>', { 'content-type': 'text/html' })
    expect((await call(store, 'GET', key)).headers).toMatchObject({
      'content-security-policy': "default-src 'none'; sandbox",
      'x-content-type-options': 'nosniff',
    })
  })
})

describe('DELETE', () => {
  test('removes the object, and says the same when there is none', async () => {
    const { key } = await put('body', sse())
    expect((await call(store, 'DELETE', key)).status).toBe(204)
    expect((await call(store, 'GET', key)).code).toBe('NoSuchKey')
    expect((await call(store, 'DELETE', key)).status).toBe(204)
    expect((await put('again', once, key)).answer.status).toBe(200)
  })
})

test('DELETE removes only the state that If-Match names', async () => {
  const { key, answer } = await put('body', sse())
  const attempt = (etag: string) => call(store, 'DELETE', key, { headers: { 'if-match': etag } })
  expect((await attempt('"x"')).code).toBe('PreconditionFailed')
  expect((await attempt(answer.headers.etag ?? '')).status).toBe(204)
  expect((await attempt('*')).code).toBe('NoSuchKey')
})

describe('the rest of S3 is refused', () => {
  test.each([
    ['list objects of version 1', 'GET', '', {}],
    ['list objects of version 3', 'GET', '', { query: { 'list-type': '3' } }],
    ['create bucket', 'PUT', '', { body: '' }],
    ['delete bucket', 'DELETE', '', {}],
    ['delete many', 'POST', '', { query: { delete: '' } }],
    ['switch versioning on', 'PUT', '', { query: { versioning: '' }, body: '' }],
    ['a form', 'POST', 'key', { body: '' }],
    ['access control list', 'GET', 'key', { query: { acl: '' } }],
    ['attributes', 'GET', 'key', { query: { attributes: '' } }],
    ['tagging', 'PUT', 'key', { query: { tagging: '' }, body: '' }],
    ['a version', 'GET', 'key', { query: { versionId: 'x' } }],
    ['response-* on a PUT', 'PUT', 'key', { query: { 'response-content-type': 'text/html' }, body: '' }],
    [
      'a version as the source of a copy',
      'PUT',
      'key',
      { headers: { 'x-amz-copy-source': '/lunadefend/other?versionId=x' }, body: '' },
    ],
    ['a canned list', 'PUT', 'key', { headers: { 'x-amz-acl': 'public-read' }, body: '' }],
    ['a storage class', 'PUT', 'key', { headers: { 'x-amz-storage-class': 'GLACIER' }, body: '' }],
    [
      'another encryption',
      'PUT',
      'key',
      { headers: { 'x-amz-server-side-encryption': 'aws:kms' }, body: '' },
    ],
    ['replace unless in a known state', 'PUT', 'key', { headers: { 'if-none-match': '"x"' }, body: '' }],
    ['delete unless in a known state', 'DELETE', 'key', { headers: { 'if-none-match': '"x"' } }],
    ['delete unless changed', 'DELETE', 'key', { headers: { 'if-modified-since': NOW.toUTCString() } }],
    ['an unknown method', 'PATCH', 'key', {}],
  ])('%s', async (_, method, key, exchange) => {
    const answer = await call(store, method, key, exchange)
    expect(answer.status).toBe(501)
    if (method !== 'HEAD') expect(answer.code).toBe('NotImplemented')
    expect((await call(store, 'GET', 'key')).code).toBe('NoSuchKey')
  })

  test('another bucket', async () => {
    const url = presigned(store, 'GET', 'key', { path: '/other/key' })
    const answer = await send({ method: 'GET', url })
    expect([answer.status, answer.code]).toEqual([404, 'NoSuchBucket'])
  })
})

describe('every error', () => {
  test('is an XML document with a code, a message and the id of the request, and nothing that was sent', async () => {
    const headers = sse()
    const { key } = await put('secret', headers)
    const answer = await call(store, 'GET', key, {
      headers: sse(),
      query: { 'response-expires': 'sent<by>&us' },
    })
    const id = String(answer.headers['x-amz-request-id'])
    expect(id).toMatch(/^[0-9A-F]{16}$/)
    expect(answer.headers['content-type']).toBe('application/xml')
    expect(answer.body.toString()).toBe(
      `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied.</Message><RequestId>${id}</RequestId></Error>`,
    )
  })

  test('a request of its own signature is as good as a presigned one', async () => {
    const key = freshKey()
    const headers = sse()
    expect(
      (await callSigned(store, 'PUT', key, { headers: { ...headers, ...once }, body: 'body' })).status,
    ).toBe(200)
    expect((await callSigned(store, 'GET', key, { headers })).body.toString()).toBe('body')
    expect((await callSigned(store, 'HEAD', key, { headers })).status).toBe(200)
    expect((await callSigned(store, 'DELETE', key)).status).toBe(204)
  })
})
