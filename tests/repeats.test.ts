import { hash } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { CALLS, type Call } from '@lunadefend/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { UserSession } from './harness/handshake.ts'
import { type Installation, install, OPERATOR } from './harness/installation.ts'
import { send } from './harness/raw-http.ts'
import type { Answer } from './harness/wire.ts'

let on: Installation
let offset = 0
beforeAll(async () => {
  const apps = [
    { id: 'acme', origins: ['http://localhost:3999'] },
    { id: 'other', origins: ['http://localhost:3998'] },
  ]
  const clock = { now: () => Date.now() + offset }
  on = await install({ apps, operators: [OPERATOR], surroundings: { clock } })
})
afterAll(() => on[Symbol.asyncDispose]())

let count = 0
const newKey = () => `"key ${++count}"`

async function asked(path: string, body: object, idempotencyKey: string, app = 'acme'): Promise<Answer> {
  const headers = { ...(await on.application({}, app)), 'idempotency-key': idempotencyKey }
  return on.wire.call(path, { headers, body })
}

const fresh = async (path: string, body: object) =>
  on.wire.call(path, { headers: await on.application(), body })

let alice: UserSession
let tokenId: string
beforeAll(async () => {
  alice = await on.logIn('alice')
  tokenId = await on.protect(alice, 'value')
})

describe('a call under one key has its effect once, and is answered the same', () => {
  /** Twice under one key, byte for byte; then what a call without a key finds. */
  async function twice(path: string, body: object): Promise<Answer> {
    const key = newKey()
    const first = await asked(path, body, key)
    const again = await asked(path, Object.fromEntries(Object.entries(body).toReversed()), key)
    expect(again.status).toBe(first.status)
    expect(JSON.stringify(again.body)).toBe(JSON.stringify(first.body))
    expect(first.headers.get('idempotency-replayed')).toBeNull()
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    expect(again.headers.get('x-request-id')).not.toBe(first.headers.get('x-request-id'))
    return first
  }

  test('/grant/set: the uses of the grant are not counted anew, and it does not live longer', async () => {
    const body = { sessionId: 'alice', tokenIds: [tokenId], maxUses: 1, ttl: 60 }
    const key = newKey()
    const first = await asked('/grant/set', body, key)
    expect((await on.detokenize(alice, tokenId)).status).toBe(200)
    offset = 2000
    expect((await asked('/grant/set', body, key)).body).toEqual(first.body)
    offset = 0
    expect((await on.detokenize(alice, tokenId)).status).toBe(403)
    await twice('/grant/set', { sessionId: 'alice', tokenId })
  })

  test('/grant/verify: one use is one use', async () => {
    const made = await on.protect(alice, 'another')
    const body = { sessionId: 'alice', tokenId: made, consume: true }
    expect((await twice('/grant/verify', body)).body.data).toEqual({ valid: true })
    expect((await fresh('/grant/verify', body)).body.data).toEqual({ valid: false })
    expect((await twice('/grant/verify', body)).body.data).toEqual({ valid: false })
  })

  test('/grant/revoke: it answers how many there were, and leaves alone what was granted since', async () => {
    const key = newKey()
    const body = { sessionId: 'alice', tokenId }
    await fresh('/grant/set', body)
    const first = await asked('/grant/revoke', body, key)
    expect(first.body.data.revoked).toBeGreaterThan(0)
    await fresh('/grant/set', body)
    expect((await asked('/grant/revoke', body, key)).body).toEqual(first.body)
    expect((await on.detokenize(alice, tokenId)).status).toBe(200)
    expect((await twice('/grant/revoke', body)).body.data.revoked).toBe(1)
  })

  test('/session/revoke: who logs in since stays logged in', async () => {
    const key = newKey()
    offset = -2000
    expect((await asked('/session/revoke', { sessionId: 'bob' }, key)).status).toBe(200)
    offset = 0
    const bob = await on.logIn('bob')
    expect((await asked('/session/revoke', { sessionId: 'bob' }, key)).status).toBe(200)
    const state = await on.wire.call('/session', { method: 'GET', headers: bob.headers })
    expect(state.status).toBe(200)
    await twice('/session/revoke', { sessionId: 'bob' })
  })

  test('/token/delete: the receipt is the same, where a second deletion is refused', async () => {
    const made = await on.protect(alice, 'to be deleted')
    const receipt = await twice('/token/delete', { tokenId: made })
    expect(receipt.body.data).toMatchObject({ objectRemoved: true })
    expect((await fresh('/token/delete', { tokenId: made })).status).toBe(403)
  })

  test('/token/delete by an operator', async () => {
    const made = await on.protect(alice, 'to be deleted')
    const headers = { ...(await on.operator()), 'idempotency-key': newKey() }
    const ask = () => on.wire.call('/token/delete', { headers, body: { tokenId: made, app: 'acme' } })
    const first = await ask()
    expect(first.status).toBe(200)
    expect((await ask()).body).toEqual(first.body)
  })

  test('a refusal, with the request that was refused', async () => {
    const unknown = 'lunasec-2b58d9b2-83c1-4e9b-9692-b149112810c8'
    const refused = await twice('/grant/set', { sessionId: 'alice', tokenId: unknown })
    expect(refused.status).toBe(403)
    expect(refused.body.error.requestId).toBe(refused.headers.get('x-request-id'))
  })

  test('/upload/complete, by the session whose upload it is', async () => {
    const headers = { ...alice.headers, 'idempotency-key': newKey() }
    const made = await on.protect(alice, 'uploaded')
    await fresh('/grant/verify', { sessionId: 'alice', tokenId: made })
    const ask = (by = headers) => on.wire.call('/upload/complete', { headers: by, body: { tokenId: made } })
    const first = await ask()
    expect(first.status).toBe(200)
    expect((await ask()).headers.get('idempotency-replayed')).toBe('true')
    // Somebody else who guesses the key is told what they would be told without it.
    const mallory = await on.logIn('mallory')
    const guessed = await ask({ ...mallory.headers, 'idempotency-key': headers['idempotency-key'] })
    const without = await ask({ ...mallory.headers, 'idempotency-key': newKey() })
    expect([guessed.status, without.status]).toEqual([403, 403])
    const words = ({ body: { error } }: Answer) => ({ ...error, requestId: '' })
    expect(words(guessed)).toEqual(words(without))
    expect(guessed.headers.get('idempotency-replayed')).toBeNull()
  })
})

test('another app with the same key is answered for itself', async () => {
  const key = newKey()
  const body = { sessionId: 'alice', tokenId }
  expect((await asked('/grant/set', body, key)).status).toBe(200)
  const other = await asked('/grant/set', body, key, 'other')
  expect(other.status).toBe(403)
  expect(other.headers.get('idempotency-replayed')).toBeNull()
})

test('another body, path or session under the key: 422, and nothing is done', async () => {
  const key = newKey()
  const body = { sessionId: 'alice', tokenId }
  await asked('/grant/set', body, key)
  const others = [
    await asked('/grant/set', { ...body, maxUses: 1 }, key),
    await asked('/grant/verify', body, key),
    await asked('/grant/revoke', body, key),
  ]
  expect(others.map(({ status, body: { error } }) => [status, error.code])).toEqual(
    others.map(() => [422, 'idempotency_key_reused']),
  )
  expect((await on.detokenize(alice, tokenId)).status).toBe(200)
})

test('what decides nothing is not kept: the same key may be used again', async () => {
  const key = newKey()
  const wrong = await asked('/grant/set', { sessionId: 'alice', tokenId, ttl: 0 }, key)
  expect(wrong.status).toBe(400)
  expect((await asked('/grant/set', { sessionId: 'alice', tokenId, ttl: 60 }, key)).status).toBe(200)
})

test('a block that was set meanwhile stops a repeat that gives, and none that takes back', async () => {
  const [given, taken] = [newKey(), newKey()]
  const verify = { sessionId: 'carol', tokenId, access: 'read' }
  const revoke = { sessionId: 'dave' }
  await asked('/grant/set', { sessionId: 'carol', tokenId }, newKey())
  expect((await asked('/grant/verify', verify, given)).body.data).toEqual({ valid: true })
  await asked('/grant/revoke', revoke, taken)
  const headers = await on.operator()
  const block = { scope: 'app', app: 'acme' }
  expect((await on.wire.call('/block/set', { headers, body: block })).status).toBe(200)
  const stopped = await asked('/grant/verify', verify, given)
  expect([stopped.status, stopped.body.error.code]).toEqual([403, 'access_denied'])
  expect((await asked('/grant/revoke', revoke, taken)).headers.get('idempotency-replayed')).toBe('true')
  expect((await on.wire.call('/block/lift', { headers, body: block })).status).toBe(200)
  expect((await asked('/grant/verify', verify, given)).body.data).toEqual({ valid: true })
})

test('a day later the key is as good as new', async () => {
  const key = newKey()
  const body = { sessionId: 'alice', tokenId, ttl: 60 }
  const first = await asked('/grant/set', body, key)
  offset += 24 * 60 * 60 * 1000
  // By its clock, tokens are made a day too early now.
  const iat = Math.floor((Date.now() + offset) / 1000)
  const headers = { ...(await on.application({ iat, exp: iat + 60 })), 'idempotency-key': key }
  const later = await on.wire.call('/grant/set', { headers, body })
  expect(later.headers.get('idempotency-replayed')).toBeNull()
  expect(later.body.data.expiresAt).toBeGreaterThan(first.body.data.expiresAt)
  offset -= 24 * 60 * 60 * 1000
})

const NO_KEYS = [
  ...['', '""', 'bare', "'single'", '"open', '"a"b"', '"tab\t"', '"ümlaut"', '"a";b=c', '"a", "b"', ':YQ==:'],
  ...[`"${'x'.repeat(256)}"`, '"back\\slash"', '"ends\\"'],
]

test.each(NO_KEYS)('%s is no key: 400, and it says where', async (key) => {
  const authorization = (await on.application())['authorization'] as string
  const { status, text } = await send(on.wire.url, {
    method: 'POST',
    path: '/grant/revoke',
    headers: [
      ['authorization', authorization],
      ['content-type', 'application/json'],
      ['idempotency-key', key],
    ],
    body: Buffer.from(JSON.stringify({ sessionId: 'nobody' })),
  })
  expect(status).toBe(400)
  expect(text).toContain('headers/idempotency-key')
})

test.each(['"\\"quoted\\" and \\\\"', `"${'~'.repeat(255)}"`, '" "'])('%s is a key', async (key) => {
  const first = await asked('/grant/revoke', { sessionId: 'nobody' }, key)
  expect(first.status).toBe(200)
  const again = await asked('/grant/revoke', { sessionId: 'nobody' }, key)
  expect(again.headers.get('idempotency-replayed')).toBe('true')
})

test('the contract says which calls take a key; others ignore it, whatever it is', async () => {
  const contract = await (await fetch(`${on.wire.url}/openapi.json`)).json()
  const taking = Object.values<Call>(CALLS).filter((call) => {
    const { parameters = [] } = contract.paths[call.path][call.method.toLowerCase()]
    return parameters.some((each: { name: string }) => each.name === 'idempotency-key')
  })
  expect(taking.map(({ path }) => path).toSorted()).toEqual([
    ...['/grant/revoke', '/grant/set', '/grant/verify'],
    ...['/session/revoke', '/token/delete', '/upload/complete'],
  ])
  const headers = { ...alice.headers, 'idempotency-key': 'no key at all' }
  const [one, two] = await Promise.all(
    [1, 2].map(() => on.wire.call('/tokenize', { headers, body: { contentLength: 5 } })),
  )
  expect([one?.status, two?.status]).toEqual([200, 200])
  expect(one?.body.data.tokenId).not.toBe(two?.body.data.tokenId)
  expect(two?.headers.get('idempotency-replayed')).toBeNull()
})

test('keys of many forms are stored in none of them', async () => {
  const key = 'a key that can be found'
  await asked('/grant/revoke', { sessionId: 'somebody to find' }, `"${key}"`)
  using db = new DatabaseSync(`${on.directory}/tokenizer.sqlite`, { readOnly: true })
  const rows = db.prepare('SELECT * FROM repeats').all()
  expect(rows.length).toBeGreaterThan(0)
  const stored = rows
    .flatMap((row) => Object.values(row))
    .map((value) => (value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : String(value)))
    .join('\n')
  const digest = hash('sha256', key, 'buffer').toString('latin1')
  for (const form of [key, digest, 'somebody to find', 'revoked']) expect(stored).not.toContain(form)
})
