import { randomUUID } from 'node:crypto'
import { CALLS, ERRORS, type ErrorCode, VIEWS } from '@lunadefend/contract'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { securityHeaders } from '../../packages/tokenizer/src/http/security-headers.ts'
import type { UserSession } from '../harness/handshake.ts'
import { type Installation, install, ORIGIN } from '../harness/installation.ts'
import { exchange, parseAnswers, type RawAnswer, type RawRequest, send } from '../harness/raw-http.ts'

/** Stands in everything that is sent, and must never come back. */
const CANARY = 'canary078051120'

let on: Installation
let alice: UserSession
let application: string
let tokenId: string
let sids = 0
beforeAll(async () => {
  on = await install()
  await renew()
  tokenId = await on.protect(alice, CANARY)
  await on.grant(alice.sid, tokenId)
})
afterAll(() => on[Symbol.asyncDispose]())

async function renew(): Promise<void> {
  alice = await on.logIn(`alice-${++sids}`)
  application = (await on.application({ sid: alice.sid }))['authorization'] as string
}

const API_HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  vary: 'Origin',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

/** A refusal, whatever it refuses, is one of the closed list, in the envelope, and repeats nothing. */
function expectRefusal({ status, headers, text }: RawAnswer): ErrorCode {
  const body = JSON.parse(text)
  const { code, name, requestId, message, ...more } = body.error
  expect({ ...body, error: more }).toEqual({ success: false, error: {} })
  expect(ERRORS).toHaveProperty(code)
  expect(ERRORS[code as ErrorCode]).toMatchObject({ status, name })
  expect(message).toMatch(/^[ -~]{1,200}$/)
  expect(requestId).toMatch(/^[0-9a-f]{32}$/)
  expect(headers).toMatchObject({ ...API_HEADERS, 'x-request-id': requestId })
  expect(headers['content-type']).toMatch(/^application\/json/)
  return code
}

function expectSane(answer: RawAnswer): void {
  expect(answer.status).toBeLessThan(500)
  const all = JSON.stringify(answer)
  expect(all).not.toContain(CANARY)
  for (const secret of [alice.cookie.split('=')[1] as string, application]) expect(all).not.toContain(secret)
  expect(answer.headers).not.toHaveProperty('access-control-allow-origin')
  if (answer.status >= 400 && answer.text !== '') expectRefusal(answer)
}

describe('any request', () => {
  const paths = [
    ...[...Object.values(CALLS), ...Object.values(VIEWS)].map(({ path }) => path.replace('*', '0/000')),
    '/',
  ]
  const endings = [
    '',
    '',
    '',
    '',
    '/',
    `/${CANARY}`,
    `?${CANARY}=1`,
    '?app=acme&component=input',
    '%00',
    '%2e%2e',
    '%zz',
    ';a',
    '/..',
    '//',
    '\\',
    '%c0%af',
    '?%zz',
    '?__proto__=1',
    `?app[]=${CANARY}`,
  ]
  const path = fc.oneof(
    {
      weight: 9,
      arbitrary: fc
        .tuple(fc.constantFrom(...paths), fc.constantFrom(...endings))
        .map((parts) => parts.join('')),
    },
    { weight: 1, arbitrary: fc.webPath().map((text) => (text.startsWith('/') ? text : `/${text}`)) },
  )
  const method = fc.oneof(
    { weight: 5, arbitrary: fc.constant('POST') },
    {
      weight: 3,
      arbitrary: fc.constantFrom(
        'GET',
        'DELETE',
        'HEAD',
        'PUT',
        'PATCH',
        'OPTIONS',
        'TRACE',
        'PROPFIND',
        'QUERY',
        'LOCK',
      ),
    },
  )

  const odd = fc.constantFrom<unknown>(
    null, true, -1, 0, 1.5, 1e308, 2 ** 53, -0, '', CANARY, 'x'.repeat(5000), '\ud800', '\u0000', '\u202e', 'lunasec-', [], {}, [[]],
    [CANARY], { [CANARY]: 1 }, { length: 1e9 }, '15m', '-5m', '99999999999h', '__proto__', Array(1001).fill(`lunasec-${randomUUID()}`),
  ) // biome-ignore format: a list
  const fields = [
    'tokenId',
    'tokenIds',
    'sessionId',
    'access',
    'ttl',
    'customDuration',
    'maxUses',
    'purpose',
    'consume',
    'metadata',
    'contentLength',
    'accept',
    'app',
    'assertion',
    'proof',
    'keep',
    CANARY,
  ]
  const good = fc.constantFrom<unknown>(
    'TOKEN',
    ['TOKEN'],
    'SID',
    'read',
    'store',
    60,
    'cookie',
    'memory',
    { a: 1 },
    'acme',
    ['e2e'],
    `lunasec-${randomUUID()}`,
  )
  const shaped = fc
    .dictionary(fc.constantFrom(...fields), fc.oneof(good, good, odd), { maxKeys: 4 })
    .map((body) => JSON.stringify(body))
  const nested = fc
    .integer({ min: 1, max: 7000 })
    .map((depth) => `{"metadata":{"a":${'['.repeat(depth)}${']'.repeat(depth)}}}`)
  const proto = fc.constantFrom(
    `{"__proto__":{"a":1}}`,
    `{"metadata":{"__proto__":1}}`,
    `{"constructor":{"prototype":1}}`,
    `{"tokenId":"${CANARY}","tokenId":1}`,
    '{"contentLength":1e999}',
  )
  const body = fc.oneof(
    { weight: 8, arbitrary: shaped },
    {
      weight: 2,
      arbitrary: fc.oneof(
        nested,
        proto,
        fc.json(),
        fc.constantFrom('', 'null', '[]', '{', `"${CANARY}"`, '\ufeff{}', ' '.repeat(70_000)),
      ),
    },
    {
      weight: 1,
      arbitrary: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    },
  )
  const type = fc.oneof(
    { weight: 8, arbitrary: fc.constant('application/json') },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        'text/plain',
        `text/${CANARY}`,
        'application/json; charset=utf-16',
        'application/x-www-form-urlencoded',
        'multipart/form-data; boundary=x',
        '',
        'application/json, text/html',
        `application/json; x="${CANARY}`,
      ),
    },
  )
  const credential = fc.constantFrom<(readonly [string, string])[]>(
    [['cookie', 'COOKIE'], ['sec-fetch-site', 'same-origin'], ['lunasec-session-hash', 'HASH']],
    [['authorization', 'APPLICATION']],
    [['authorization', 'BEARER']],
    [],
    [['cookie', 'COOKIE'], ['sec-fetch-site', 'cross-site'], ['origin', `https://${CANARY}.test`]],
    [['cookie', 'COOKIE'], ['sec-fetch-site', 'same-origin'], ['lunasec-session-hash', CANARY]],
    [['authorization', `Bearer ${CANARY}`]],
    [['authorization', 'APPLICATION'], ['authorization', 'BEARER']],
    [['cookie', `access_token=${CANARY}; access_token_x=${'A'.repeat(43)}`], ['sec-fetch-site', 'same-origin']],
  ) // biome-ignore format: pairs
  const extra = fc.constantFrom<(readonly [string, string])[]>(
    [], [], [], [['accept-encoding', 'br']], [['accept-encoding', 'identity;q=0, *;q=0']], [['accept', CANARY]], [['x-request-id', CANARY]],
    [['content-encoding', 'gzip']], [['x-forwarded-host', CANARY]], [['x-http-method-override', 'DELETE']], [['if-none-match', '*']],
    [['range', 'bytes=0-1']], [['idempotency-key', CANARY]], [['sec-fetch-dest', 'iframe']], [['upgrade', 'h2c']], [['expect', CANARY]],
  ) // biome-ignore format: a list
  const anyRequest = fc.record({ method, path, body: fc.option(body, { freq: 8 }), type, credential, extra })

  type Drawn = typeof anyRequest extends fc.Arbitrary<infer T> ? T : never
  function fill(text: string): string {
    const values = {
      TOKEN: tokenId,
      SID: alice.sid,
      COOKIE: alice.cookie,
      HASH: alice.sessionHash,
      APPLICATION: application,
      BEARER: `Bearer ${alice.cookie.split('=')[1]}`,
    }
    return text.replace(/\b[A-Z]{3,11}\b/g, (word) => values[word as keyof typeof values] ?? word)
  }
  function made({ method, path, body, type, credential, extra }: Drawn): RawRequest {
    const headers = [...credential, ...extra].map(([name, value]) => [name, fill(value)] as const)
    const typed = body === null || type === '' ? headers : [...headers, ['content-type', type] as const]
    return { method, path, headers: typed, body: body === null ? null : Buffer.from(fill(body)) }
  }

  test('has a sane answer: no 5xx, every refusal in the envelope, nothing repeated', {
    timeout: 90_000,
  }, async () => {
    const statuses = new Map<number, number>()
    await fc.assert(
      fc.asyncProperty(fc.array(anyRequest, { minLength: 8, maxLength: 8 }), async (drawn) => {
        const state = await on.wire.call('/session', { method: 'GET', headers: alice.headers })
        // One of the requests before has logged out, or has revoked.
        if (state.status !== 200) await renew()
        for (const answer of await Promise.all(drawn.map((one) => send(on.wire.url, made(one))))) {
          expectSane(answer)
          statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
        }
      }),
      { numRuns: 300 },
    )
    await renew()
    // Else the property would hold of a server that refuses everything at the door.
    for (const status of [200, 400, 401, 403, 404, 405, 413, 415])
      expect(statuses.get(status), String(status)).toBeGreaterThan(0)
  })
})

describe('bytes that are hardly a request', () => {
  const line = (first: string, fields: readonly string[] = [], body = '') =>
    [first, `host: localhost:${new URL(on.wire.url).port}`, 'connection: close', ...fields, '', body].join(
      '\r\n',
    )
  const post = (fields: readonly string[], body: string, path = '/tokenize') =>
    line(
      `POST ${path} HTTP/1.1`,
      [`authorization: ${application}`, 'content-type: application/json', ...fields],
      body,
    )

  const refused: [string, string, () => string][] = [
    ['a target that is no URL', 'invalid_request', () => line(`GET /%zz${CANARY} HTTP/1.1`)],
    ['a target that is no URL, on a known path', 'invalid_request', () => line('POST /detokenize%f HTTP/1.1')],
    ['headers past 16 KiB', 'invalid_request', () => line('GET /health HTTP/1.1', [`x: ${CANARY.repeat(1200)}`])],
    ['2,000 headers', 'invalid_request', () => line('GET /health HTTP/1.1', Array.from({ length: 2000 }, (_, i) => `x${i}: ${CANARY}`))],
    ['a cookie past 16 KiB', 'invalid_request', () => line('GET /session HTTP/1.1', [`cookie: access_token=${'A'.repeat(17_000)}`])],
    ['200 access tokens', 'session_changed', () => line('GET /session HTTP/1.1', ['sec-fetch-site: same-origin', `cookie: ${Array.from({ length: 200 }, (_, i) => `access_token=${String(i).padStart(43, 'A')}`).join(';')}`])],
    ['no host', 'invalid_request', () => 'GET /health HTTP/1.1\r\nconnection: close\r\n\r\n'],
    ['two lengths', 'invalid_request', () => post(['content-length: 2', 'content-length: 2'], '{}')],
    ['two lengths that differ', 'invalid_request', () => post(['content-length: 2', 'content-length: 40'], '{}')],
    ['a length and chunks', 'invalid_request', () => post(['content-length: 2', 'transfer-encoding: chunked'], '0\r\n\r\n')],
    ['chunks that are not the last coding', 'invalid_request', () => post(['transfer-encoding: chunked, gzip'], '0\r\n\r\n')],
    ['a length that is no number', 'invalid_request', () => post(['content-length: +2'], '{}')],
    ['a length without end', 'payload_too_large', () => post([`content-length: ${'9'.repeat(15)}`], '{}')],
    ['chunks without end', 'payload_too_large', () => post(['transfer-encoding: chunked'], `${'8000\r\n'}${' '.repeat(0x8000)}\r\n`)],
    ['a chunk of a broken size', 'invalid_request', () => post(['transfer-encoding: chunked'], `${CANARY}\r\n`)],
    ['another expectation', 'invalid_request', () => post([`expect: ${CANARY}`, 'content-length: 2'], '{}')],
    ['a header that goes on in the next line', 'invalid_request', () => line('GET /health HTTP/1.1', [`x: 1\r\n ${CANARY}\u0000`])],
    ['a bare line feed', 'invalid_request', () => `GET /health HTTP/1.1\nhost: x\n\n${CANARY}`],
    ['a space before the colon', 'invalid_request', () => line('GET /health HTTP/1.1', [`authorization : ${CANARY}`])],
    ['no method', 'invalid_request', () => line(`${CANARY} /health HTTP/1.1`)],
    ['another version', 'invalid_request', () => line('GET /health HTTP/9.9')],
    ['HTTP/2', 'invalid_request', () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['TLS', 'invalid_request', () => '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['two Authorization headers', 'unauthenticated', () => line('GET /session HTTP/1.1', ['authorization: Bearer a', 'authorization: Bearer b'])],
    ['an upper-case path', 'not_found', () => line('POST /DETOKENIZE HTTP/1.1')],
    ['OPTIONS *', 'not_found', () => line('OPTIONS * HTTP/1.1')],
    ['a preflight', 'method_not_allowed', () => line('OPTIONS /detokenize HTTP/1.1', [`origin: ${ORIGIN}`, 'access-control-request-method: POST'])],
    ['a session id that is no Unicode', 'invalid_request', () => post(['content-length: 22'], '{"sessionId":"\\ud800"}', '/grant/revoke')],
    ['a session id past 256 bytes', 'invalid_request', () => post(['content-length: 277'], JSON.stringify({ sessionId: '😀'.repeat(65) }).padEnd(277).slice(0, 277), '/session/revoke')],
  ] // biome-ignore format: a table
  test.each(refused)('%s: %s', async (_what, code, bytes) => {
    const [answer, ...more] = parseAnswers(await exchange(on.wire.url, bytes()))
    expect(more).toEqual([])
    expect(expectRefusal(answer as RawAnswer)).toBe(code)
    expect(JSON.stringify(answer)).not.toContain(CANARY)
  })

  test('of many access tokens only the first eight are looked at', async () => {
    const planted = (count: number) =>
      Array.from({ length: count }, (_, i) => `access_token=${String(i).padStart(43, 'A')}`)
    const ask = (count: number) =>
      on.wire.call('/session', {
        method: 'GET',
        headers: { ...alice.headers, cookie: [...planted(count), alice.cookie].join('; ') },
      })
    expect((await ask(7)).status).toBe(200)
    expect((await ask(8)).status).toBe(401)
  })

  test('a refused method says which ones there are', async () => {
    const answers = ['PUT /tokenize', 'POST /session/challenge/../x', 'PUT /session'].map((first) =>
      exchange(on.wire.url, line(`${first} HTTP/1.1`)),
    )
    const allowed = (await Promise.all(answers)).map((text) => parseAnswers(text)[0]?.headers['allow'])
    expect(allowed).toEqual(['POST', undefined, 'POST, GET, HEAD, DELETE'])
  })

  test.each(['{"sessionId":["e2e"]}', '{"tokenIds":"e2e"}', '{"tokenId":{}}'])(
    'a body that a call does not take is not looked at: %s',
    async (body) => {
      const session = await on.logIn(`leaves-${++sids}`)
      const headers = [
        ...Object.entries({ ...session.headers, 'content-type': 'application/json' }),
        ['content-length', String(body.length)],
      ].map(([name, value]) => `${name}: ${value}`)
      const [answer] = parseAnswers(
        await exchange(on.wire.url, line('DELETE /session HTTP/1.1', headers, body)),
      )
      expect(answer?.status).toBe(200)
    },
  )

  test('requests in one go are answered in their order, each for itself', async () => {
    const keep = (first: string, fields: readonly string[] = []) =>
      line(first, fields).replace('connection: close\r\n', '')
    const cookie = [`cookie: ${alice.cookie}`, 'sec-fetch-site: same-origin']
    const many = [
      keep('GET /session HTTP/1.1', cookie), keep('GET /session HTTP/1.1'), keep('GET /nowhere HTTP/1.1'),
      keep('GET /session HTTP/1.1', cookie), line('GET /session HTTP/1.1', ['sec-fetch-site: same-origin']),
    ] // biome-ignore format: one go
    const answers = parseAnswers(await exchange(on.wire.url, many.join('')))
    expect(answers.map(({ status }) => status)).toEqual([200, 401, 404, 200, 401])
    expect(answers.map(({ headers }) => headers['lunasec-session-hash'] ?? null)).toEqual([
      alice.sessionHash,
      null,
      null,
      alice.sessionHash,
      null,
    ])
  })

  test('any change to a good request leaves the Tokenizer well', { timeout: 60_000 }, async () => {
    const good = Buffer.from(post(['content-length: 17', `x: ${CANARY}`], '{"metadata":null}'))
    const change = fc.record({
      at: fc.nat(good.length),
      take: fc.nat(20),
      put: fc.uint8Array({ maxLength: 20 }),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(change, { minLength: 1, maxLength: 3 }), { minLength: 8, maxLength: 8 }),
        async (lots) => {
          const texts = lots.map((changes) =>
            changes.reduce(
              (bytes, { at, take, put }) =>
                Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + take)]),
              good,
            ),
          )
          // What is cut short waits for its rest.
          const came = await Promise.all(texts.map((bytes) => exchange(on.wire.url, bytes, 150)))
          for (const answer of came.flatMap(parseAnswers)) expectSane(answer)
        },
      ),
      { numRuns: 60 },
    )
    expect((await on.wire.call('/session', { method: 'GET', headers: alice.headers })).status).toBe(200)
  })
})

describe('headers', () => {
  test.each(Object.entries(API_HEADERS))('%s is %s on every answer, good or bad', async (name, value) => {
    const good = await on.wire.call('/session', { method: 'GET', headers: alice.headers })
    const bad = await on.wire.call('/session', { method: 'GET' })
    const none = await on.wire.call('/nowhere')
    for (const answer of [good, bad, none]) expect(answer.headers.get(name)).toBe(value)
  })

  test('the request id is our own, each time another', async () => {
    const ask = () => on.wire.call('/nowhere', { headers: { 'x-request-id': 'a'.repeat(32) } })
    const ids = (await Promise.all([ask(), ask()])).map(({ headers }) => headers.get('x-request-id'))
    expect(new Set([...ids, 'a'.repeat(32)]).size).toBe(3)
  })
})

describe('the frame', () => {
  const ask = (path: string, dest?: string) =>
    send(on.wire.url, {
      method: 'GET',
      path,
      headers: dest === undefined ? [] : [['sec-fetch-dest', dest]],
      body: null,
    })
  const PATH = '/frame?app=acme&component=input'

  test.each([undefined, 'document', 'empty', 'embed', 'object', 'frame', ''])(
    'for %s is refused',
    async (dest) => {
      expect(expectRefusal(await ask(PATH, dest))).toBe('forbidden')
    },
  )

  test.each([
    ['/frame?app=nobody&component=input', 'forbidden'],
    ['/frame?app=__proto__&component=input', 'invalid_request'],
    [`/frame?app=acme&component=${CANARY}`, 'invalid_request'],
    [`${PATH}&${CANARY}=1`, 'invalid_request'],
    [`${PATH}&app=${CANARY}`, 'invalid_request'],
    ['/frame', 'invalid_request'],
  ])('%s is refused', async (path, code) => {
    const answer = await ask(path, 'iframe')
    expect(expectRefusal(answer)).toBe(code)
    expect(answer.text).not.toContain(CANARY)
  })

  test('may be shown by the pages of its app, and by no other; its nonce is never the same', async () => {
    const answers = await Promise.all([ask(PATH, 'iframe'), ask(PATH, 'iframe')])
    const nonces = answers.map(({ status, headers, text }) => {
      const policy = headers['content-security-policy'] ?? ''
      expect(status).toBe(200)
      expect(/frame-ancestors ([^;]*)/.exec(policy)?.[1]).toBe(ORIGIN)
      expect(headers).not.toHaveProperty('x-frame-options')
      expect(headers['cache-control']).toBe('no-store')
      const nonce = /script-src 'nonce-([^']+)'/.exec(policy)?.[1] as string
      expect(Buffer.from(nonce, 'base64').length).toBeGreaterThanOrEqual(16)
      expect(text).toContain(`nonce="${nonce}"`)
      return nonce
    })
    expect(nonces[0]).not.toBe(nonces[1])
  })
})

test('a batch takes 1,000 tokens and not one more', async () => {
  const status = async (count: number) => {
    const body = { tokenIds: Array(count).fill(tokenId) }
    return (await on.wire.call('/detokenize', { headers: { authorization: application }, body })).status
  }
  expect([await status(1000), await status(1001)]).toEqual([200, 400])
})

test('https is demanded for good where the public URL has it', () => {
  expect(securityHeaders('https://t.test')['strict-transport-security']).toMatch(/^max-age=\d{8}/)
  expect(securityHeaders('http://localhost:1')).not.toHaveProperty('strict-transport-security')
})

describe('refusals tell nothing by their shape', () => {
  /** All that somebody sees, but for the id and the time. */
  const shape = ({ status, headers, text }: RawAnswer) => {
    const { date: _date, 'x-request-id': id = '', ...rest } = headers
    return { status, rest, text: text.replace(id, '') }
  }
  const ask = (
    path: string,
    headers: readonly (readonly [string, string])[],
    body: object | null,
    method = 'POST',
  ) =>
    send(on.wire.url, {
      method,
      path,
      headers: body === null ? headers : [...headers, ['content-type', 'application/json']],
      body: body === null ? null : Buffer.from(JSON.stringify(body)),
    })

  test('every credential that is none', async () => {
    const ended = await on.logIn('ended')
    await on.wire.call('/session', { method: 'DELETE', headers: ended.headers })
    const own = ['sec-fetch-site', 'same-origin'] as const
    const signed = application.slice('Bearer '.length)
    const credentials: (readonly [string, string])[][] = [
      [], [own], [['cookie', alice.cookie]], [['cookie', alice.cookie], ['sec-fetch-site', 'same-site']], [own, ['cookie', ended.cookie]],
      [own, ['cookie', `access_token=${'A'.repeat(43)}`]], [['authorization', `Bearer ${'A'.repeat(43)}`]], [['authorization', 'Bearer x']],
      [['authorization', '']], [['authorization', `Bearer ${signed.slice(0, -4)}AAAA`]], [['authorization', `Basic ${signed}`]],
      [['authorization', `Bearer ${signed}.x`]], [['authorization', `Bearer ${'x'.repeat(5000)}`]],
    ] // biome-ignore format: pairs
    const answers = await Promise.all(credentials.map((headers) => ask('/detokenize', headers, { tokenId })))
    const shapes = new Set(answers.map((answer) => JSON.stringify(shape(answer))))
    expect([...shapes].map((text) => JSON.parse(text).status)).toEqual([401])
  })

  test('every token that is denied, in size too, alone and in a batch', async () => {
    const others = await on.logIn('others')
    const foreign = await on.protect(others, 'x'.repeat(5000))
    const deleted = await on.protect(others, 'x')
    await on.wire.call('/token/delete', {
      headers: { authorization: application },
      body: { tokenId: deleted },
    })
    const tokens = [foreign, deleted, `lunasec-${randomUUID()}`]
    const headers = Object.entries(alice.headers)
    for (const path of ['/detokenize', '/metadata/get']) {
      const answers = await Promise.all(tokens.map((one) => ask(path, headers, { tokenId: one })))
      expect(new Set(answers.map((answer) => JSON.stringify(shape(answer)))).size).toBe(1)
      expect(answers[0]?.status).toBe(403)
    }
    const batch = await ask('/detokenize', headers, { tokenIds: tokens })
    const items = JSON.parse(batch.text).data.results.map((item: object) => JSON.stringify(item))
    expect(new Set(items).size).toBe(1)
  })

  test('an unknown app and a known one differ in the challenge only', async () => {
    const unknown = await ask('/session/challenge', [], { app: 'nobody' })
    expect(expectRefusal(unknown)).toBe('unauthenticated')
  })
})
