import { randomBytes } from 'node:crypto'
import {
  amzDate,
  canonicalQuery,
  canonicalRequest,
  encodePath,
  presign,
  signature,
  signHeaders,
  signingKey,
  stringToSign,
} from '@lunadefend/core/sigv4'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  BUCKET,
  call,
  callSigned,
  credentials,
  filesOf,
  NOW,
  presigned,
  type RawAnswer,
  REGION,
  send,
  sendBytes,
  sha256,
  sse,
  startTestStore,
  type TestStore,
} from './harness.ts'

const VALUE = '078-05-1120'
let store: TestStore
const key = 'v1/00112233445566778899aabbccddeeff'
const customer = sse()

beforeAll(async () => {
  store = await startTestStore()
  expect((await call(store, 'PUT', key, { headers: customer, body: VALUE })).status).toBe(200)
  expect((await call(store, 'PUT', 'plain', { body: VALUE })).status).toBe(200)
})
beforeEach(() => store.setNow(NOW))
afterAll(async () => {
  // Whatever was tried, nothing else was stored, and what was stored is as it was.
  store.setNow(NOW)
  expect(await filesOf(store.directory, 'objects')).toHaveLength(2)
  expect((await call(store, 'GET', key, { headers: customer })).body.toString()).toBe(VALUE)
  expect(store.failures).toEqual([])
  await store[Symbol.asyncDispose]()
})

function expectRefused(answer: RawAnswer, status: number, code: string) {
  expect([answer.status, answer.code]).toEqual([status, code])
  expect(answer.body.toString()).not.toContain(VALUE)
}

interface HandSigned {
  method?: string
  path?: string
  /** Replace parameters, or with `undefined` leave them out. */
  parameters?: Record<string, string | undefined>
  more?: [string, string][]
  signed?: [string, string][]
}

/** Signs anything, also what `presign` refuses to. */
function handSigned({
  method = 'GET',
  path = `/${BUCKET}/plain`,
  parameters = {},
  more = [],
  signed,
}: HandSigned) {
  const headers = signed ?? [['host', new URL(store.url).host]]
  const date = parameters['X-Amz-Date'] ?? amzDate(NOW)
  const scope = { date: date.slice(0, 8), region: REGION, service: 's3' }
  const own = {
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${credentials.accessKeyId}/${scope.date}/${REGION}/s3/aws4_request`,
    'X-Amz-Date': date,
    'X-Amz-Expires': '300',
    'X-Amz-SignedHeaders': headers.map(([name]) => name).join(';'),
    ...parameters,
  }
  const pairs = Object.entries(own).filter((pair): pair is [string, string] => pair[1] !== undefined)
  const query = canonicalQuery([...pairs, ...more])
  const canonical = canonicalRequest({
    method,
    path: encodePath(path),
    query,
    headers,
    payloadHash: 'UNSIGNED-PAYLOAD',
  })
  const signingWith = signingKey(credentials.secretAccessKey, scope)
  const made = signature(signingWith, stringToSign(date, scope, canonical))
  return `${store.url}${encodePath(path)}?${query}&X-Amz-Signature=${made}`
}

describe('a presigned URL', () => {
  test('signed by hand is accepted when nothing is wrong with it', async () => {
    expect((await send({ method: 'GET', url: handSigned({}) })).status).toBe(200)
  })

  test('a read URL cannot write, delete or look', async () => {
    const url = presigned(store, 'GET', key, { headers: customer })
    for (const method of ['PUT', 'DELETE', 'HEAD', 'POST']) {
      const answer = await send({
        method,
        url,
        headers: customer,
        ...(method === 'PUT' ? { body: 'x' } : {}),
      })
      expect(answer.status).toBe(403)
      if (method !== 'HEAD') expect(answer.code).toBe('SignatureDoesNotMatch')
    }
  })

  test('a write URL cannot read, delete or look', async () => {
    const url = presigned(store, 'PUT', key, { headers: customer })
    for (const method of ['GET', 'DELETE', 'HEAD']) {
      expect((await send({ method, url, headers: customer })).status).toBe(403)
    }
  })

  test.each([
    ['another key', (url: string) => url.replace(key, 'plain')],
    ['a longer key', (url: string) => url.replace(key, `${key}/`)],
    ['a longer life', (url: string) => url.replace('X-Amz-Expires=300', 'X-Amz-Expires=301')],
    ['a later date', (url: string) => url.replace('T120000Z', 'T120001Z')],
    ['a header less', (url: string) => url.replace('&X-Amz-SignedHeaders=host%3B', '&X-Amz-SignedHeaders=')],
    ['another override', (url: string) => url.replace('octet-stream', 'javascript')],
    ['no override', (url: string) => url.replace(/&response-content-type=[^&]*/, '')],
    ['one more parameter', (url: string) => `${url}&x-id=GetObject`],
    ['one more override', (url: string) => `${url}&response-cache-control=public`],
    ['another signature', (url: string) => url.replace(/.$/, (last) => (last === '0' ? '1' : '0'))],
    ['a shorter signature', (url: string) => url.slice(0, -1)],
    ['an empty signature', (url: string) => url.replace(/Signature=[0-9a-f]*$/, 'Signature=')],
    [
      'a signature in capitals',
      (url: string) =>
        url.replace(/Signature=.*$/, (text) => text.toUpperCase().replace('SIGNATURE', 'Signature')),
    ],
  ])('changed to %s is refused', async (_, change) => {
    const query = { 'response-content-type': 'application/octet-stream' }
    const url = presigned(store, 'GET', key, { headers: customer, query })
    expect((await send({ method: 'GET', url, headers: customer })).status).toBe(200)
    const changed = change(url)
    expect(changed).not.toBe(url)
    const answer = await send({ method: 'GET', url: changed, headers: customer })
    expect([400, 403]).toContain(answer.status)
    expect(answer.body.toString()).not.toContain(VALUE)
  })

  test('with another Host is refused', async () => {
    const url = presigned(store, 'GET', 'plain')
    expectRefused(
      await send({ method: 'GET', url, headers: { host: 'evil.example' } }),
      403,
      'SignatureDoesNotMatch',
    )
    const port = new URL(store.url).port
    const byName = await send({ method: 'GET', url, headers: { host: `localhost:${port}` } })
    expectRefused(byName, 403, 'SignatureDoesNotMatch')
  })

  test.each(Object.keys(customer))('without the signed header %s is refused', async (name) => {
    const url = presigned(store, 'GET', key, { headers: customer })
    const headers = Object.fromEntries(Object.entries(customer).filter(([other]) => other !== name))
    expectRefused(await send({ method: 'GET', url, headers }), 403, 'SignatureDoesNotMatch')
  })

  test('with another key than was signed is refused', async () => {
    const url = presigned(store, 'PUT', 'new', { headers: customer })
    expectRefused(await send({ method: 'PUT', url, headers: sse(), body: 'x' }), 403, 'SignatureDoesNotMatch')
  })

  test('with a key that was not signed is refused', async () => {
    const put = await send({
      method: 'PUT',
      url: presigned(store, 'PUT', 'new'),
      headers: customer,
      body: 'x',
    })
    expectRefused(put, 403, 'AccessDenied')
    const get = await send({ method: 'GET', url: presigned(store, 'GET', key), headers: customer })
    expectRefused(get, 403, 'AccessDenied')
  })

  test.each([
    'x-amz-meta-a',
    'x-amz-acl',
    'x-amz-copy-source',
    'x-amz-date',
    'x-amz-content-sha256',
    'X-Amz-Server-Side-Encryption',
  ])('with the unsigned header %s is refused', async (name) => {
    const url = presigned(store, 'PUT', 'new')
    expectRefused(
      await send({ method: 'PUT', url, headers: { [name]: 'AES256' }, body: 'x' }),
      403,
      'AccessDenied',
    )
  })

  test('without if-none-match, where that was signed, is refused', async () => {
    const url = presigned(store, 'PUT', key, { headers: { ...customer, 'if-none-match': '*' } })
    expectRefused(
      await send({ method: 'PUT', url, headers: customer, body: 'x' }),
      403,
      'SignatureDoesNotMatch',
    )
    const headers = { ...customer, 'if-none-match': '"x"' }
    expectRefused(await send({ method: 'PUT', url, headers, body: 'x' }), 403, 'SignatureDoesNotMatch')
  })

  test.each(['', 'shor', 'longer'])('a signed content-length refuses the body %j', async (body) => {
    const headers = { ...customer, 'content-length': '5' }
    const url = presigned(store, 'PUT', 'new', { headers })
    expectRefused(await send({ method: 'PUT', url, headers: customer, body }), 403, 'SignatureDoesNotMatch')
    const chunked = { ...customer, 'transfer-encoding': 'chunked' }
    expectRefused(await send({ method: 'PUT', url, headers: chunked, body }), 403, 'SignatureDoesNotMatch')
  })

  test('a header that was signed as empty must still be sent', async () => {
    const url = handSigned({
      signed: [
        ['host', new URL(store.url).host],
        ['x-empty', ''],
      ],
    })
    expect((await send({ method: 'GET', url, headers: { 'x-empty': '' } })).status).toBe(200)
    expectRefused(await send({ method: 'GET', url }), 403, 'SignatureDoesNotMatch')
  })

  test('a host that is not signed is refused', async () => {
    const url = handSigned({ signed: [['range', 'bytes=0-1']] })
    expectRefused(await send({ method: 'GET', url, headers: { range: 'bytes=0-1' } }), 403, 'AccessDenied')
  })

  test('a host that is neither signed nor sent is refused', async () => {
    const { pathname, search } = new URL(handSigned({ signed: [['range', 'bytes=0-1']] }))
    const answer = await sendBytes(store, `GET ${pathname}${search} HTTP/1.0\r\nRange: bytes=0-1\r\n\r\n`)
    expect(answer).toMatch(/^HTTP\/1\.1 403 /)
  })

  test('a signed header that is sent twice is refused', async () => {
    const headers = { 'x-amz-meta-a': 'a' }
    const url = presigned(store, 'PUT', 'new', { headers })
    const twice = await send({ method: 'PUT', url, headers: { 'x-amz-meta-a': ['a', 'b'] }, body: 'x' })
    expectRefused(twice, 400, 'InvalidRequest')
    const joined = presigned(store, 'PUT', 'new', { headers: { 'x-amz-meta-a': 'a,b' } })
    const list = await send({
      method: 'PUT',
      url: joined,
      headers: { 'x-amz-meta-a': ['a', 'b'] },
      body: 'x',
    })
    expectRefused(list, 400, 'InvalidRequest')
  })

  test('two Host headers are refused', async () => {
    const { pathname, search, host } = new URL(presigned(store, 'GET', 'plain'))
    for (const hosts of [
      [host, 'evil.example'],
      ['evil.example', host],
      [host, host],
    ]) {
      const lines = hosts.map((each) => `Host: ${each}\r\n`).join('')
      const answer = await sendBytes(
        store,
        `GET ${pathname}${search} HTTP/1.1\r\n${lines}Connection: close\r\n\r\n`,
      )
      expect(answer).toMatch(/^HTTP\/1\.1 400 /)
      expect(answer).not.toContain(VALUE)
    }
  })
})

describe('the time of a presigned URL', () => {
  const at = (seconds: number) => new Date(NOW.getTime() + seconds * 1000)
  test.each([
    [0, 200],
    [299, 200],
    [300, 200],
    [301, 403],
    [86_400, 403],
    [-899, 200],
    [-900, 200],
    [-901, 403],
    [-86_400, 403],
  ])('%i seconds after it was signed for 300: %i', async (seconds, status) => {
    store.setNow(at(seconds))
    const answer = await send({ method: 'GET', url: presigned(store, 'GET', 'plain') })
    expect([answer.status, answer.code]).toEqual([status, status === 200 ? null : 'AccessDenied'])
  })

  test('seven days are the most', async () => {
    const week = { parameters: { 'X-Amz-Expires': '604800' } }
    expect((await send({ method: 'GET', url: handSigned(week) })).status).toBe(200)
    store.setNow(at(604_800))
    expect((await send({ method: 'GET', url: handSigned(week) })).status).toBe(200)
    store.setNow(at(604_801))
    expectRefused(await send({ method: 'GET', url: handSigned(week) }), 403, 'AccessDenied')
  })

  test.each(['604801', '0', '-1', '+5', '1e3', '5.5', '0x10', '', ' 5', '99999999999999999999'])(
    'a life of %j seconds is refused',
    async (seconds) => {
      const url = handSigned({ parameters: { 'X-Amz-Expires': seconds } })
      expectRefused(await send({ method: 'GET', url }), 400, 'AuthorizationQueryParametersError')
    },
  )

  test.each([
    '20260301',
    // A day that there is not; taken for the first of March it would be in time.
    '20260229T120000Z',
    '2026-03-01T12:00:00Z',
    '20260301T120000',
    '20260301T120000+',
    '20260301T126000Z',
    '',
  ])('the date %j is refused', async (date) => {
    const url = handSigned({ parameters: { 'X-Amz-Date': date } })
    expectRefused(await send({ method: 'GET', url }), 400, 'AuthorizationQueryParametersError')
  })
})

describe('the parameters of a presigned URL', () => {
  const { accessKeyId } = credentials
  test.each([
    ['another region', `${accessKeyId}/20260301/eu-central-1/s3/aws4_request`],
    ['another service', `${accessKeyId}/20260301/${REGION}/sts/aws4_request`],
    ['another end', `${accessKeyId}/20260301/${REGION}/s3/aws4_requests`],
    ['one part more', `${accessKeyId}/20260301/${REGION}/s3/aws4_request/x`],
    ['one part less', `${accessKeyId}/20260301/${REGION}/s3`],
    ['another date', `${accessKeyId}/20260302/${REGION}/s3/aws4_request`],
    ['nothing', ''],
  ])('a credential with %s is refused', async (_, credential) => {
    const url = handSigned({ parameters: { 'X-Amz-Credential': credential } })
    expectRefused(await send({ method: 'GET', url }), 400, 'AuthorizationQueryParametersError')
  })

  test('signing for another region, service or day does not help', async () => {
    const other = [
      { region: 'eu-central-1' },
      { service: 'sts' },
      { now: new Date(NOW.getTime() - 86_400_000) },
    ]
    for (const change of other) {
      const answer = await send({ method: 'GET', url: presigned(store, 'GET', 'plain', change) })
      expect(answer.status).toBeGreaterThanOrEqual(400)
    }
  })

  test.each(['X-Amz-Algorithm', 'X-Amz-Credential', 'X-Amz-Date', 'X-Amz-Expires', 'X-Amz-SignedHeaders'])(
    'without %s it is refused',
    async (name) => {
      const url = handSigned({ parameters: { [name]: undefined } })
      expectRefused(await send({ method: 'GET', url }), 400, 'AuthorizationQueryParametersError')
    },
  )

  test('without a signature it is refused', async () => {
    const url = handSigned({}).replace(/&X-Amz-Signature=.*/, '')
    expectRefused(await send({ method: 'GET', url }), 400, 'AuthorizationQueryParametersError')
  })

  test.each(['AWS4-HMAC-SHA1', 'AWS4-ECDSA-P256-SHA256', 'none', ''])(
    'the algorithm %j is refused',
    async (name) => {
      const url = handSigned({ parameters: { 'X-Amz-Algorithm': name } })
      expectRefused(await send({ method: 'GET', url }), 400, 'AuthorizationQueryParametersError')
    },
  )

  test.each([
    ['a moved key', 'x-amz-server-side-encryption-customer-key'],
    ['a moved algorithm', 'X-Amz-Server-Side-Encryption-Customer-Algorithm'],
    ['moved metadata', 'x-amz-meta-a'],
    ['an unknown one', 'X-Amz-Unknown'],
    ['another spelling', 'x-amz-content-sha256'],
  ])('a signed X-Amz-* parameter that is not known is refused: %s', async (_, name) => {
    const url = presigned(store, 'PUT', 'new', { query: { [name]: 'UNSIGNED-PAYLOAD' } })
    const answer = await send({ method: 'PUT', url, body: 'x' })
    expectRefused(answer, 400, 'AuthorizationQueryParametersError')
  })

  test.each([
    ['X-Amz-Expires', '300'],
    ['x-amz-expires', '604800'],
    ['X-Amz-Date', amzDate(NOW)],
    ['response-content-type', 'text/html'],
  ])('a parameter that is given twice is refused, even when it is signed so: %s', async (name, value) => {
    const more: [string, string][] = [
      ['response-content-type', 'text/plain'],
      [name, value],
    ]
    expectRefused(await send({ method: 'GET', url: handSigned({ more }) }), 400, 'InvalidArgument')
  })

  test.each(['Host', 'host;host', ';host', 'host;', 'range;host', ''])(
    'signed headers %j are refused',
    async (names) => {
      const url = handSigned({ parameters: { 'X-Amz-SignedHeaders': names } })
      const answer = await send({ method: 'GET', url, headers: { range: 'bytes=0-1' } })
      expectRefused(answer, 400, 'AuthorizationQueryParametersError')
    },
  )

  test('an unknown access key, another secret', async () => {
    const unknown = presigned(store, 'GET', 'plain', {
      credentials: { ...credentials, accessKeyId: 'OTHER' },
    })
    expectRefused(await send({ method: 'GET', url: unknown }), 403, 'InvalidAccessKeyId')
    const secretAccessKey = randomBytes(30).toString('base64')
    const wrong = presigned(store, 'GET', 'plain', { credentials: { ...credentials, secretAccessKey } })
    expectRefused(await send({ method: 'GET', url: wrong }), 403, 'SignatureDoesNotMatch')
  })

  test('a session token is refused', async () => {
    const url = presigned(store, 'GET', 'plain', { credentials: { ...credentials, sessionToken: 'token' } })
    expectRefused(await send({ method: 'GET', url }), 400, 'InvalidToken')
  })

  test('a body hash that is signed is checked', async () => {
    const hash = (body: string) => ({ 'x-amz-content-sha256': sha256(body) })
    const attempt = (headers: Record<string, string>) => {
      const canonical = canonicalRequestOf(headers)
      return send({ method: 'PUT', url: canonical, headers, body: 'body' })
    }
    expectRefused(await attempt(hash('other')), 400, 'XAmzContentSHA256Mismatch')
  })

  // A presigned URL whose payload hash is that of its header.
  function canonicalRequestOf(headers: Record<string, string>): string {
    const url = new URL(handSigned({ method: 'PUT', path: `/${BUCKET}/new` }))
    const signed: [string, string][] = [['host', url.host], ...Object.entries(headers)]
    url.searchParams.delete('X-Amz-Signature')
    url.searchParams.set('X-Amz-SignedHeaders', signed.map(([name]) => name).join(';'))
    const query = canonicalQuery(url.searchParams)
    const payloadHash = headers['x-amz-content-sha256'] ?? ''
    const canonical = canonicalRequest({
      method: 'PUT',
      path: url.pathname,
      query,
      headers: signed,
      payloadHash,
    })
    const scope = { date: '20260301', region: REGION, service: 's3' }
    const made = signature(
      signingKey(credentials.secretAccessKey, scope),
      stringToSign(amzDate(NOW), scope, canonical),
    )
    return `${url.origin}${url.pathname}?${query}&X-Amz-Signature=${made}`
  }
})

describe('a request signed in its headers', () => {
  const signedRequest = {
    method: 'GET',
    path: `/${BUCKET}/plain`,
    credentials,
    region: REGION,
    now: NOW,
    payloadHash: sha256(''),
  }
  const url = () => `${store.url}${signedRequest.path}`
  const signed = (change: Partial<Parameters<typeof signHeaders>[0]> = {}) =>
    signHeaders({ ...signedRequest, endpoint: store.url, ...change })

  test('without any signature is refused', async () => {
    expectRefused(await send({ method: 'GET', url: url() }), 403, 'AccessDenied')
    expectRefused(await send({ method: 'PUT', url: url(), body: 'x' }), 403, 'AccessDenied')
    expectRefused(await send({ method: 'DELETE', url: url() }), 403, 'AccessDenied')
  })

  test.each([
    [-900, 200],
    [-901, 403],
    [900, 200],
    [901, 403],
  ])('on a clock that is %i seconds off: %i', async (seconds, status) => {
    const now = new Date(NOW.getTime() + seconds * 1000)
    const answer = await callSigned(store, 'GET', 'plain', { now })
    expect([answer.status, answer.code]).toEqual([status, status === 200 ? null : 'RequestTimeTooSkewed'])
  })

  test('and in the query is refused', async () => {
    const both = await send({ method: 'GET', url: presigned(store, 'GET', 'plain'), headers: signed() })
    expectRefused(both, 400, 'InvalidArgument')
  })

  test('the body must be the one that was signed', async () => {
    const lie = await callSigned(store, 'PUT', 'new', { body: 'body', payloadHash: sha256('other') })
    expectRefused(lie, 400, 'XAmzContentSHA256Mismatch')
    const underKey = await callSigned(store, 'PUT', 'new', {
      headers: sse(),
      body: 'body',
      payloadHash: sha256(''),
    })
    expectRefused(underKey, 400, 'XAmzContentSHA256Mismatch')
    const get = await callSigned(store, 'GET', 'plain', { payloadHash: sha256('x') })
    expectRefused(get, 400, 'XAmzContentSHA256Mismatch')
  })

  test('a body that is not signed may be sent', async () => {
    const answer = await callSigned(store, 'GET', 'plain', { payloadHash: 'UNSIGNED-PAYLOAD' })
    expect(answer.status).toBe(200)
  })

  test.each([
    ['STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD', 501, 'NotImplemented'],
    // They say that the body comes in chunks, and no more.
    ['STREAMING-AWS4-HMAC-SHA256-PAYLOAD', 411, 'MissingContentLength'],
    ['STREAMING-UNSIGNED-PAYLOAD-TRAILER', 411, 'MissingContentLength'],
    [sha256('').toUpperCase(), 400, 'InvalidArgument'],
    ['', 400, 'InvalidArgument'],
  ])('the body hash %j is refused', async (payloadHash, status, code) => {
    expectRefused(await callSigned(store, 'PUT', 'new', { body: '', payloadHash }), status, code)
  })

  test('an unsigned x-amz-* header is refused', async () => {
    const answer = await callSigned(store, 'PUT', 'new', { body: 'x', unsigned: sse() })
    expectRefused(answer, 403, 'AccessDenied')
  })

  test('another method, path, query, host or date is refused', async () => {
    const headers = signed()
    const wrong = 'SignatureDoesNotMatch'
    expectRefused(await send({ method: 'DELETE', url: url(), headers }), 403, wrong)
    expectRefused(await send({ method: 'GET', url: `${store.url}/${BUCKET}/${key}`, headers }), 403, wrong)
    expectRefused(await send({ method: 'GET', url: `${url()}?response-expires=0`, headers }), 403, wrong)
    expectRefused(
      await send({ method: 'GET', url: url(), headers: { ...headers, host: 'evil.example' } }),
      403,
      wrong,
    )
    const later = { ...headers, 'x-amz-date': amzDate(new Date(NOW.getTime() + 1000)) }
    expectRefused(await send({ method: 'GET', url: url(), headers: later }), 403, wrong)
  })

  test.each([
    ['another scheme', 'Bearer abc'],
    ['the old signature', 'AWS LDTESTACCESSKEY:c2lnbmF0dXJl'],
    ['no parts', 'AWS4-HMAC-SHA256'],
    ['no signature', 'AWS4-HMAC-SHA256 Credential=a/20260301/us-east-1/s3/aws4_request, SignedHeaders=host'],
    ['a part twice', 'AWS4-HMAC-SHA256 Credential=a, Credential=b, SignedHeaders=host, Signature=0'],
    ['a bad credential', 'AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host, Signature=0'],
    [
      'bad signed headers',
      `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/20260301/${REGION}/s3/aws4_request, SignedHeaders=x;host, Signature=0`,
    ],
    ['nothing', ''],
  ])('with %s in Authorization is refused', async (_, authorization) => {
    const answer = await send({ method: 'GET', url: url(), headers: { ...signed(), authorization } })
    expectRefused(answer, 400, 'AuthorizationHeaderMalformed')
  })

  test('without a date or a body hash is refused', async () => {
    const { 'x-amz-date': _, ...undated } = signed()
    expectRefused(await send({ method: 'GET', url: url(), headers: undated }), 403, 'AccessDenied')
    const { 'x-amz-content-sha256': __, ...bodiless } = signed()
    expectRefused(await send({ method: 'GET', url: url(), headers: bodiless }), 400, 'InvalidRequest')
  })

  test('a session token is refused', async () => {
    const headers = signed({ credentials: { ...credentials, sessionToken: 'token' } })
    expectRefused(await send({ method: 'GET', url: url(), headers }), 400, 'InvalidToken')
  })

  test('two Authorization headers are refused', async () => {
    const { authorization = '', ...headers } = signed()
    const twice = { ...headers, authorization: [authorization, authorization] }
    expectRefused(await send({ method: 'GET', url: url(), headers: twice }), 400, 'InvalidRequest')
  })
})

describe('a key with odd characters', () => {
  test('is one key, however its path is encoded', async () => {
    const odd = 'a b+c%2F(é)'
    const made = presign({
      method: 'GET',
      endpoint: store.url,
      path: `/${BUCKET}/${odd}`,
      credentials,
      region: REGION,
      now: NOW,
      expiresSeconds: 60,
    })
    for (const url of [
      made,
      made.replace('%28', '(').replace('%29', ')'),
      made.replace('%C3%A9', '%c3%a9'),
    ]) {
      expectRefused(await send({ method: 'GET', url }), 404, 'NoSuchKey')
    }
    expectRefused(
      await send({ method: 'GET', url: made.replace('%252F', '%2F') }),
      403,
      'SignatureDoesNotMatch',
    )
  })
})
