import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { UserSession } from './harness/handshake.ts'
import { type Installation, install } from './harness/installation.ts'
import { download, upload } from './harness/store.ts'

let on: Installation
let alice: UserSession
beforeAll(async () => {
  on = await install()
  alice = await on.logIn('alice-1')
})
afterAll(() => on[Symbol.asyncDispose]())

describe('the wire', () => {
  test('tokenize, upload, grant, detokenize, download', async () => {
    const made = await on.wire.call('/tokenize', { headers: alice.headers, body: { contentLength: 11 } })
    expect(made.status).toBe(200)
    expect(made.headers.get('lunasec-session-hash')).toBe(alice.sessionHash)
    expect(made.headers.get('vary')).toMatch(/^Origin/)
    expect(made.body.data.tokenId).toMatch(/^lunasec-/)
    expect(made.body.data.headers['if-none-match']).toBe('*')
    expect((await upload(made.body.data, '078-05-1120')).status).toBe(200)

    const { tokenId } = made.body.data
    const verified = await on.wire.call('/grant/verify', {
      headers: await on.application(),
      body: { sessionId: 'alice-1', tokenId },
    })
    expect(verified.body.data).toEqual({ valid: true })
    expect((await on.grant('alice-1', tokenId)).status).toBe(200)

    const answer = await on.detokenize(alice, tokenId)
    expect(answer.status).toBe(200)
    expect(answer.body).toMatchObject({ success: true, error: {} })
    const { downloadUrl, headers } = answer.body.data
    expect(Object.keys(headers).sort()).toEqual([
      'host',
      'x-amz-server-side-encryption-customer-algorithm',
      'x-amz-server-side-encryption-customer-key',
      'x-amz-server-side-encryption-customer-key-md5',
    ])
    expect(headers['x-amz-server-side-encryption-customer-algorithm']).toBe('AES256')
    expect(headers.host).toBe(new URL(downloadUrl).host)
    const got = await download(answer.body.data)
    expect(got.headers.get('content-type')).toBe('application/octet-stream')
    expect(got.headers.get('cache-control')).toBe('no-store')
    expect(await got.text()).toBe('078-05-1120')
  })

  test('a request with one cookie and no session hash is answered', async () => {
    const tokenId = await on.protect(alice, 'some-super-secret-data')
    await on.grant('alice-1', tokenId)
    const headers = { accept: 'application/json', origin: on.wire.url, cookie: alice.cookie }
    const answer = await on.wire.call('/detokenize', { headers, body: { tokenId } })
    expect(await on.reveal(answer)).toBe('some-super-secret-data')
  })

  test('large answers are compressed when the client asks', async () => {
    const tokenIds = await Promise.all([1, 2, 3].map((n) => on.protect(alice, `value ${n}`)))
    await on.wire.call('/grant/set', {
      headers: await on.application(),
      body: { sessionId: 'alice-1', tokenIds },
    })
    const headers = { ...alice.headers, 'accept-encoding': 'br' }
    const answer = await on.wire.call('/detokenize', { headers, body: { tokenIds } })
    expect(answer.headers.get('content-encoding')).toBe('br')
    expect(answer.body.data.results).toHaveLength(3)
  })

  test('a batch answers in order, item by item', async () => {
    const [one, two] = [await on.protect(alice, 'one'), await on.protect(alice, 'two')]
    await on.grant('alice-1', two)
    const answer = await on.wire.call('/detokenize', {
      headers: alice.headers,
      body: { tokenIds: [one, two] },
    })
    const [first, second] = answer.body.data.results
    expect(first).toMatchObject({ success: false, error: { code: 'access_denied' } })
    expect(await (await download(second.data)).text()).toBe('two')
  })

  test('metadata is sealed with the record and needs a read grant', async () => {
    const metadata = { dataType: 'string', customFields: { a: 1 } }
    const made = await on.wire.call('/tokenize', { headers: alice.headers, body: { metadata } })
    const { tokenId } = made.body.data
    const read = () => on.wire.call('/metadata/get', { headers: alice.headers, body: { tokenId } })
    expect((await read()).status).toBe(403)
    await on.grant('alice-1', tokenId)
    expect((await read()).body.data).toEqual({ metadata })
  })

  test('a session shows its state and ends', async () => {
    const mallory = await on.logIn('brief')
    const state = await on.wire.call('/session', { method: 'GET', headers: mallory.headers })
    expect(state.body.data.sessionHash).toBe(mallory.sessionHash)
    const closed = await on.wire.call('/session', { method: 'DELETE', headers: mallory.headers })
    expect(closed.headers.get('set-cookie')).toMatch(/^access_token=;.*Max-Age=0/)
    expect((await on.wire.call('/session', { method: 'GET', headers: mallory.headers })).status).toBe(401)
  })

  test('a challenge lives two minutes, and the cookie is opaque', async () => {
    const answer = await on.wire.call('/session/challenge', { body: { app: 'acme' } })
    expect(answer.body.data.expiresAt).toBeGreaterThan(Date.now() / 1000 + 100)
    expect(alice.cookie).toMatch(/^access_token=[A-Za-z0-9_-]{43}$/)
  })
})

describe('bad input gets a clear error', () => {
  const cases: [string, string, unknown, number, RegExp][] = [
    ['a string that is no token', '/detokenize', { tokenId: 'hello' }, 400, /body\/tokenId/],
    [
      'an upper-case token',
      '/detokenize',
      { tokenId: `lunasec-${randomUUID().toUpperCase()}` },
      400,
      /tokenId/,
    ],
    ['no token', '/detokenize', {}, 400, /exactly one of tokenId and tokenIds/],
    ['both forms', '/detokenize', { tokenId: `lunasec-${randomUUID()}`, tokenIds: [] }, 400, /body/],
    ['an unknown key', '/tokenize', { surprise: 1 }, 400, /unknown key/],
    ['a wrong type', '/tokenize', { contentLength: '5' }, 400, /body\/contentLength: has the wrong type/],
    ['a negative length', '/tokenize', { contentLength: -1 }, 400, /body\/contentLength: is too small/],
    ['metadata past the limit', '/tokenize', { metadata: { a: 'x'.repeat(5000) } }, 400, /body\/metadata/],
    ['a body past the limit', '/tokenize', { metadata: { a: 'x'.repeat(20_000) } }, 413, /too large/],
  ]
  test.each(cases)('%s', async (_name, path, body, status, words) => {
    const answer = await on.wire.call(path, { headers: alice.headers, body })
    expect(answer.status).toBe(status)
    expect(answer.body.error.message).toMatch(words)
    expect(answer.body.error.message).not.toContain('hello')
  })

  test('wrong media type, wrong method, unknown path, malformed JSON, __proto__', async () => {
    const raw = (path: string, init: RequestInit) =>
      fetch(on.wire.url + path, { headers: alice.headers, ...init })
    const text = { ...alice.headers, 'content-type': 'text/plain' }
    const json = { ...alice.headers, 'content-type': 'application/json' }
    expect((await raw('/tokenize', { method: 'POST', body: '{}', headers: text })).status).toBe(415)
    expect((await raw('/tokenize', { method: 'GET' })).status).toBe(405)
    expect((await raw('/nowhere', { method: 'POST' })).status).toBe(404)
    for (const body of ['{', '{"__proto__":{}}']) {
      const answer = await raw('/tokenize', { method: 'POST', body, headers: json })
      expect(answer.status).toBe(400)
      expect((await answer.json()).error.message).toMatch(/body: is not JSON/)
    }
  })

  test.each([
    ['a\u0000b', 400],
    ['a\ud800b', 400],
    ['\udc00', 400],
    ['an audit \u{1f50d}\n', 200],
  ])('a grant for the purpose %j', async (purpose, status) => {
    const tokenId = await on.protect(alice, 'x')
    const answer = await on.grant('alice-1', tokenId, { purpose })
    expect(answer.status).toBe(status)
    if (status === 400) expect(answer.body.error.message).toMatch(/body\/purpose: is not well-formed/)
  })

  test.each([
    ['/grant/revoke', {}, /body: is empty/],
    ['/grant/revoke', { all: true, sessionId: 'alice-1' }, /body: names what excludes each other/],
    [
      '/grant/set',
      { sessionId: 'a', tokenId: `lunasec-${randomUUID()}`, access: 'write' },
      /body\/access: is none/,
    ],
    [
      '/grant/verify',
      { sessionId: 'a', tokenId: `lunasec-${randomUUID()}`, consume: true, record: 'profile/\udfff' },
      /body\/record: is not well-formed/,
    ],
    [
      '/upload/parts',
      { tokenId: `lunasec-${randomUUID()}`, partNumbers: [1, 1] },
      /body\/partNumbers: has an item twice/,
    ],
  ])('of %s: %j', async (path, body, words) => {
    const answer = await on.wire.call(path, { headers: await on.application(), body })
    expect(answer.status).toBe(400)
    expect(answer.body.error.message).toMatch(words)
  })

  test.each([0, -5, '0s', '25h', 86_401, '1x', '', 1.5])('a grant for %j', async (ttl) => {
    const tokenId = await on.protect(alice, 'x')
    const answer = await on.grant('alice-1', tokenId, { ttl })
    expect(answer.status).toBe(400)
    expect(answer.body.error.message).toMatch(/body\/ttl/)
  })

  test.each([
    [{}, 900],
    [{ ttl: '15m' }, 900],
    [{ ttl: '1h20m10s' }, 4810],
    [{ customDuration: 60 }, 60],
  ])('a grant with %j lives %d seconds', async (more, seconds) => {
    const tokenId = await on.protect(alice, 'x')
    const { expiresAt } = (await on.grant('alice-1', tokenId, more)).body.data
    expect(Math.abs(expiresAt - Date.now() / 1000 - seconds)).toBeLessThan(10)
  })
})

describe('what the service says of itself', () => {
  test('health and readiness', async () => {
    expect((await fetch(`${on.wire.url}/health`)).status).toBe(200)
    const ready = await (await fetch(`${on.wire.url}/ready`)).json()
    const checks = { database: 'ok', objectStore: 'ok', rootKey: 'ok', audit: 'ok' }
    expect(ready.data).toEqual({ ready: true, checks, limiter: 'shared' })
  })

  test('metrics count by route and hold no token', async () => {
    const metrics = await (await fetch(`${on.wire.url}/metrics`)).text()
    expect(metrics).toMatch(/lunadefend_requests_total\{route="POST \/tokenize",status="200"\} \d+/)
    expect(metrics).not.toContain('lunasec-')
  })
})
