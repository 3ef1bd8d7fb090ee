import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { handshakeRequest, shakeHands, type UserSession } from '../harness/handshake.ts'
import { type Installation, install } from '../harness/installation.ts'
import { findLeaks } from '../harness/leaks.ts'
import { exchange } from '../harness/raw-http.ts'
import { download, upload } from '../harness/store.ts'
import type { Answer, Request } from '../harness/wire.ts'
import { Writer } from '../harness/writer.ts'

/*
 * A whole life with the log at its most talkative: success, every kind of refusal, failures inside. Whatever was
 * sent or given out, none of it is in the log, nor in the metrics; and every request is.
 */

const VALUE = '078-05-1120'
const CANARY = 'canary078051120'

let log = ''
let on: Installation
/** All that a log must not hold. */
const secrets = new Set<string>([VALUE, CANARY])
const requestIds = new Set<string>()

beforeAll(async () => {
  on = await install({
    logLevel: 'info',
    surroundings: { logTo: { write: (line: string) => (log += line) } },
  })
})
afterAll(() => on[Symbol.asyncDispose]())

/** As the wire does it, and everything that went over it is a secret from now on. */
async function call(path: string, request: Request = {}): Promise<Answer> {
  keep(request.body)
  keep(request.headers)
  const answer = await on.wire.call(path, request)
  keep(answer.body.data)
  keep(answer.headers.get('set-cookie'))
  requestIds.add(answer.headers.get('x-request-id') as string)
  return answer
}

/** Every text in it that is long enough to be known again, and the parts of URLs, cookies and JWTs. */
function keep(sent: unknown): void {
  if (typeof sent === 'object' && sent !== null) for (const part of Object.values(sent)) keep(part)
  if (typeof sent !== 'string') return
  for (const part of [sent, ...sent.split(/[?&=;. /]/)])
    if (part.length >= 12 && !PUBLIC.test(part)) secrets.add(part)
}

const PUBLIC =
  /^(application|same-origin|cross-site|memory|unauthenticated|Max-Age|SameSite|response-|X-Amz-|attachment|no-store|localhost|http:)/

async function asApplication(claims = {}): Promise<Record<string, string>> {
  return on.application(claims)
}

async function logIn(sid: string): Promise<UserSession> {
  const request = await handshakeRequest(on.wire, on.who(sid))
  const answer = await call('/session', request)
  const cookie = answer.headers.get('set-cookie')?.split(';')[0] as string
  const { sessionHash } = answer.body.data
  return {
    sid,
    sessionHash,
    cookie,
    headers: { cookie, 'sec-fetch-site': 'same-origin', 'lunasec-session-hash': sessionHash },
  }
}

async function live(): Promise<{ alice: UserSession; tokenId: string }> {
  const alice = await logIn('session-of-alice')
  const body = { contentLength: VALUE.length, metadata: { name: `${CANARY} of metadata` } }
  const made = await call('/tokenize', { headers: alice.headers, body })
  expect((await upload(made.body.data, VALUE)).status).toBe(200)
  const { tokenId } = made.body.data
  const headers = await asApplication()
  await call('/grant/verify', { headers, body: { sessionId: alice.sid, tokenId } })
  await call('/grant/set', {
    headers,
    body: { sessionId: alice.sid, tokenId, purpose: `${CANARY} of purpose` },
  })
  const answer = await call('/detokenize', { headers: alice.headers, body: { tokenId } })
  expect(await (await download(answer.body.data)).text()).toBe(VALUE)
  await call('/metadata/get', { headers: alice.headers, body: { tokenId } })
  await call('/session', { method: 'GET', headers: alice.headers })
  return { alice, tokenId }
}

async function beRefused({ alice, tokenId }: Awaited<ReturnType<typeof live>>): Promise<void> {
  const { headers } = alice
  const mallory = await logIn('session-of-mallory')
  const application = await asApplication()
  const refusals: [string, Request, string][] = [
    ['/detokenize', { headers: mallory.headers, body: { tokenId } }, 'access_denied'],
    ['/detokenize', { headers, body: { tokenId: `${CANARY} no token` } }, 'invalid_request'],
    ['/detokenize', { headers, body: { tokenId, [`${CANARY}-key`]: CANARY } }, 'invalid_request'],
    ['/tokenize', { headers, body: { metadata: { text: CANARY.repeat(1000) } } }, 'invalid_request'],
    ['/tokenize', { headers, body: { metadata: { text: CANARY.repeat(2000) } } }, 'payload_too_large'],
    [`/detokenize?token=${CANARY}`, { body: { tokenId } }, 'unauthenticated'],
    ['/detokenize', { headers: { authorization: `Bearer ${CANARY}.${CANARY}.${CANARY}` }, body: { tokenId } }, 'unauthenticated'],
    ['/detokenize', { headers: { ...headers, 'lunasec-session-hash': `${CANARY}-hash` }, body: { tokenId } }, 'session_changed'],
    ['/grant/set', { headers, body: { sessionId: alice.sid, tokenId } }, 'forbidden'],
    ['/grant/set', { headers: application, body: { sessionId: alice.sid, tokenId, ttl: `${CANARY}h` } }, 'invalid_request'],
    ['/session', { body: { assertion: CANARY, proof: CANARY, keep: 'cookie' }, headers }, 'unauthenticated'],
    [`/${CANARY}/${tokenId}`, { headers, body: {} }, 'not_found'],
    ['/detokenize', { method: 'PUT', headers, body: { tokenId } }, 'method_not_allowed'],
    ['/tokenize', { headers: { ...headers, 'content-type': `text/${CANARY}` }, body: {} }, 'unsupported_media_type'],
  ] // biome-ignore format: a table
  for (const [path, request, code] of refusals)
    expect((await call(path, request)).body.error?.code).toBe(code)
  for (const first of [
    `GET /%zz${CANARY} HTTP/1.1`,
    `${CANARY} / HTTP/1.1`,
    `GET /health?${tokenId} HTTP/1.1`,
  ])
    await exchange(on.wire.url, `${first}\r\nhost: x\r\ncookie: ${CANARY}\r\nconnection: close\r\n\r\n`)
  await shakeHands(on.wire, on.who('session-of-alice'), { assertionClaims: { aud: `http://${CANARY}` } })
}

async function failInside({ alice, tokenId }: Awaited<ReturnType<typeof live>>): Promise<void> {
  using writer = new Writer(on.lunaDefend.paths.database)
  const { headers } = alice
  const made = await call('/tokenize', { headers, body: {} })
  await on.lunaDefend.objects.stop()
  const body = { sessionId: alice.sid, tokenId: made.body.data.tokenId }
  expect((await call('/grant/verify', { headers: await asApplication(), body })).status).toBe(503)
  expect((await fetch(`${on.wire.url}/ready`)).status).toBe(503)
  const ask = () => call('/detokenize', { headers, body: { tokenId } })
  writer.run('UPDATE seals SET record_salt = randomblob(32)')
  expect((await ask()).status).toBe(500)
  writer.run("UPDATE records SET kid = 'r0000000000000000'")
  expect((await ask()).status).toBe(503)
  writer.run('ALTER TABLE grants RENAME TO grants_elsewhere')
  expect((await ask()).status).toBe(503)
  writer.run('ALTER TABLE grants_elsewhere RENAME TO grants')
}

async function end({ alice, tokenId }: Awaited<ReturnType<typeof live>>): Promise<void> {
  const headers = await asApplication()
  await call('/grant/revoke', { headers, body: { sessionId: alice.sid } })
  await call('/token/delete', { headers, body: { tokenId } })
  await call('/session', { method: 'DELETE', headers: alice.headers })
  await call('/session/revoke', { headers, body: { sessionId: alice.sid } })
}

function keepKeysOfTheHouse(): void {
  const { rootKey, objectsKey, credentials, apps } = on.lunaDefend.paths
  keep(readFileSync(rootKey, 'utf8').split(' ')[1])
  keep(readFileSync(objectsKey, 'utf8').trim())
  const { accessKeyId, secretAccessKey } = JSON.parse(readFileSync(credentials, 'utf8'))
  const { d } = JSON.parse(readFileSync(join(apps, 'acme.private.jwk'), 'utf8'))
  keep([accessKeyId, secretAccessKey, d])
}

/** All that a line may say. */
const MEMBERS = new Set([
  'level',
  'time',
  'requestId',
  'reqId',
  'route',
  'status',
  'ms',
  'msg',
  'error',
  'at',
  'detail',
  'job',
])

test('no token, session, cookie, key, hash, URL or value is in the log or in the metrics', {
  timeout: 60_000,
}, async () => {
  const life = await live()
  await beRefused(life)
  await failInside(life)
  await end(life)
  keepKeysOfTheHouse()
  const metrics = await (await fetch(`${on.wire.url}/metrics`)).text()

  expect(secrets.size).toBeGreaterThan(60)
  expect(findLeaks(log, ['lunasec-', 'session-of-', 'user of session-', ...secrets])).toEqual([])
  expect(findLeaks(metrics, ['lunasec-', 'session-of-', ...secrets])).toEqual([])

  const lines = log
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  for (const line of lines) for (const member of Object.keys(line)) expect(MEMBERS).toContain(member)
  // The name of an error or its code, never its text.
  for (const { error = 'none' } of lines) expect(error).toMatch(/^[A-Za-z_]+$/)
  const logged = new Set(lines.map(({ requestId }) => requestId))
  for (const requestId of requestIds) expect(logged).toContain(requestId)
  expect(lines.filter(({ level }) => level >= 50).length).toBeGreaterThanOrEqual(4)
})

test('what breaks inside is nobody else’s fault, and its text is not in the log, not even as a place', async () => {
  const text = `no JSON\n    at ${CANARY} (/etc/${CANARY}:1:1)`
  let broken = false
  let written = ''
  const now = () => {
    if (broken) throw new SyntaxError(text)
    return Date.now()
  }
  await using house = await install({
    logLevel: 'info',
    surroundings: { clock: { now }, logTo: { write: (line: string) => (written += line) } },
  })
  const headers = await house.application()
  await house.wire.call('/block/list', { headers, body: {} })
  broken = true
  const answer = await house.wire.call('/block/list', { headers, body: {} })
  broken = false
  expect([answer.status, answer.body.error.code]).toEqual([500, 'internal'])
  const id = answer.headers.get('x-request-id')
  const line = written.split('\n').find((each) => each.includes('SyntaxError') && each.includes(String(id)))
  expect(JSON.parse(line ?? '{}').at).toMatch(/^at .*logs\.test\.ts/)
  expect(written).not.toContain(CANARY)
})
