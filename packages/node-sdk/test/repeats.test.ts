import type { CallName, ErrorCode } from '@lunadefend/contract'
import { CALLS, type Call } from '@lunadefend/contract'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { LunaDefend } from '../src/index.ts'
import { makeKey } from './keys.ts'
import { fail, standIn, tokenNumber } from './stand-in.ts'

const key = await makeKey('EdDSA')
const paper = await standIn(key)
afterAll(() => paper[Symbol.asyncDispose]())
const options = { tokenizerUrl: paper.url, app: 'shop', signingKey: key.privateJwk }
const client = new LunaDefend(options)
const sid = client.sid('app-session')
const token = tokenNumber(1)

beforeEach(() => {
  paper.intercept = () => false
  paper.seen.length = 0
})

const METHODS: Partial<Record<CallName, () => Promise<unknown>>> = {
  setGrant: () => client.grants.create(sid, token),
  verifyGrant: () => client.grants.create(sid, token).then(() => client.grants.verify(sid, token)),
  revokeGrant: () => client.grants.revoke({ sid }),
  revokeSession: () => client.sessions.revoke(sid),
  deleteToken: () => client.tokens.delete(token),
}

/** The keys that were sent with this call. */
function keysOf(name: CallName): unknown[] {
  return paper.seen.filter((seen) => seen.name === name).map(({ headers }) => headers['idempotency-key'])
}

/** The first answers to this call get lost, or are these. */
function failing(name: CallName, failures: readonly (ErrorCode | 'lost')[]): void {
  const left = [...failures]
  paper.intercept = (asked, res) => {
    const failure = asked === name ? left.shift() : undefined
    if (failure === undefined) return false
    if (failure === 'lost') res.destroy()
    else fail(res, failure)
    return true
  }
}

describe.each(Object.entries(METHODS) as [CallName, () => Promise<unknown>][])('%s', (name, ask) => {
  test('takes an idempotency key', () => {
    expect((CALLS[name] as Call).idempotencyKey).toBe(true)
  })

  test('is tried again under the same key, and another call has another one', async () => {
    failing(name, ['lost', 'idempotency_key_in_use'])
    await ask().catch((error: { code: string }) => expect(error.code).toBe('not_granted'))
    const [first, second, third] = keysOf(name)
    expect(first).toMatch(/^"[0-9a-f-]{36}"$/)
    expect([second, third]).toEqual([first, first])
    await ask().catch(() => {})
    expect(keysOf(name)).toHaveLength(4)
    expect(keysOf(name)[3]).not.toBe(first)
  })
})

test.each(['unavailable', 'internal'] as const)('%s three times is the answer', async (code) => {
  failing('revokeGrant', [code, code, code, code])
  await expect(client.grants.revoke({ sid })).rejects.toMatchObject({ code })
  expect(keysOf('revokeGrant')).toHaveLength(3)
})

test.each([
  ...(['access_denied', 'invalid_request', 'unauthenticated', 'idempotency_key_reused'] as const),
  ...(['too_many_requests', 'too_many_grants'] as const),
])('after %s nothing is tried again', async (code) => {
  failing('setGrant', [code])
  await expect(client.grants.create(sid, token)).rejects.toMatchObject({ code })
  expect(keysOf('setGrant')).toHaveLength(1)
})

test('after a time-out nothing is tried again', async () => {
  paper.intercept = () => true
  const hasty = new LunaDefend({ ...options, timeoutMs: 300 })
  await expect(hasty.grants.revoke({ sid })).rejects.toMatchObject({ code: 'timed_out' })
  expect(keysOf('revokeGrant').length).toBeLessThanOrEqual(1)
})

test('what must not be repeated has no key, and is asked once', async () => {
  failing('detokenize', ['unavailable'])
  await expect(client.detokenize(sid, token)).rejects.toMatchObject({ code: 'unavailable' })
  expect(keysOf('detokenize')).toEqual([undefined])
})
