import type { AppId, SessionId, TokenId } from '@lunadefend/contract'
import {
  type AuditRow,
  type Caller,
  deleteToken,
  type KeyedCall,
  type Needs,
  onceByKey,
  revokeGrant,
  rotateRingKey,
  setGrant,
  verifyGrant,
} from '@lunadefend/core'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ENGINES, type Engine } from '../harness/engines.ts'
import { APP, type House, openHouse, SID } from '../harness/house.ts'
import { killedRepeats } from './killed-repeats.ts'

const TERMS = { access: 'read', ttlSeconds: 3600, maxUses: null, purpose: null } as const

killedRepeats('SQLite')

describe.each(Object.entries(ENGINES))('repeats on %s', (_, start) => {
  let engine: Engine
  let house: House
  beforeAll(async () => {
    engine = await start()
    const { openDatabase } = await engine.fresh()
    house = await openHouse({ openDatabase })
  })
  afterAll(async () => {
    await house[Symbol.asyncDispose]()
    await engine[Symbol.asyncDispose]()
  })

  /** Rows that are not sealed: here nothing seals. */
  const rows = (): Promise<AuditRow[]> => house.needs.database.read((reader) => reader.findUnsealed(100_000))
  const decided = async (action: string) => (await rows()).filter((row) => row.action === action).length
  const caller = (requestId: string, more: object = {}): Caller => ({
    ...house.application,
    actor: { kind: 'application', app: APP, sid: null, ...more } as Caller['actor'],
    requestId,
  })
  const callOf = (token: TokenId, idempotencyKey: string, request = 'a request'): KeyedCall => ({
    ...{ idempotencyKey, request, app: APP, sid: SID, tokens: [token], stoppable: true },
  })

  /** What a call does to a token that can be counted, and what it is called in the audit log. */
  const WORKS = {
    'set-grant': (needs: Needs, by: Caller, token: TokenId) =>
      setGrant(needs, by, { sid: SID, tokens: [token], ...TERMS }),
    'verify-grant': (needs: Needs, by: Caller, token: TokenId) =>
      verifyGrant(needs, by, { sid: SID, tokens: [token], access: 'store', consume: true }),
    'revoke-grant': (needs: Needs, by: Caller, token: TokenId) =>
      revokeGrant(needs, by, { sid: SID, tokens: [token] }),
    'delete-token': (needs: Needs, by: Caller, token: TokenId) => deleteToken(needs, by, token),
  } as const

  test('any interleaving of repeats has the effect of one, and one answer', async () => {
    const attempts = fc.array(fc.record({ pause: fc.nat({ max: 4 }), lost: fc.boolean() }), {
      minLength: 2,
      maxLength: 7,
    })
    const name = fc.constantFrom(...(Object.keys(WORKS) as (keyof typeof WORKS)[]))
    let count = 0
    await fc.assert(
      fc.asyncProperty(name, attempts, async (action, tries) => {
        const token = await house.protect('value')
        const before = await decided(action)
        const key = `law ${++count}`
        const ask = (requestId: string) =>
          onceByKey(house.needs, caller(requestId), callOf(token, key), (by) =>
            WORKS[action](house.needs, by, token),
          )
        const others: unknown[] = []
        const answers = await Promise.all(
          tries.map(async ({ pause, lost }, index) => {
            for (let turn = 0; turn < pause; turn += 1) await new Promise(setImmediate)
            // Whoever does not wait for the answer asks again.
            const forgotten = lost ? ask(`lost ${index}`).catch(() => {}) : null
            others.push(forgotten)
            return ask(`try ${index}`).catch((error: { code: string }) => error.code)
          }),
        )
        await Promise.all(others)
        const last = await ask('last')
        const told = answers.filter((answer) => typeof answer !== 'string')
        expect(
          answers.filter((answer) => typeof answer === 'string' && answer !== 'idempotency_key_in_use'),
        ).toEqual([])
        for (const answer of told) expect(answer.told).toEqual(last.told)
        expect(told.filter(({ repeatOf }) => repeatOf === null).length).toBeLessThanOrEqual(1)
        expect(await decided(action)).toBe(before + 1)
      }),
      { numRuns: 12 },
    )
  })

  test('a key is that of its caller: an app, a session or an operator learns nothing of another one', async () => {
    const token = await house.protect('value')
    const key = 'guessed'
    const ask = (by: Caller, told: string) => onceByKey(house.needs, by, callOf(token, key), async () => told)
    const user = { kind: 'user', sid: 'alice' as SessionId, subject: 'alice', tokenHash: new Uint8Array(32) }
    const callers = [
      caller('1'),
      caller('2', { app: 'other' as AppId }),
      caller('3', user),
      caller('4', { ...user, sid: 'mallory' as SessionId }),
      caller('5', { ...user, app: 'other' as AppId }),
    ]
    for (const by of callers) {
      expect(await ask(by, by.requestId)).toEqual({ repeatOf: null, told: { value: by.requestId } })
    }
    for (const by of callers) {
      expect(await ask(by, 'another')).toEqual({ repeatOf: by.requestId, told: { value: by.requestId } })
    }
  })

  test('another request under the key, or in the name of another session, is refused', async () => {
    const token = await house.protect('value')
    const ask = (by: Caller, request: string) =>
      onceByKey(house.needs, by, callOf(token, 'reused', request), async () => request)
    await ask(caller('1'), 'one')
    await expect(ask(caller('2'), 'two')).rejects.toMatchObject({ code: 'idempotency_key_reused' })
    await expect(ask(caller('3', { sid: SID }), 'one')).rejects.toMatchObject({
      code: 'idempotency_key_reused',
    })
    expect(await ask(caller('4'), 'one')).toMatchObject({ repeatOf: '1' })
    const refused = (await rows()).filter(({ refusal }) => refusal === 'repeat-differs')
    expect(refused.map(({ requestId, action }) => [requestId, action])).toEqual([
      ['2', 'repeat-call'],
      ['3', 'repeat-call'],
    ])
  })

  test('the session key is rotated in between: the call is still known, and the old key in use', async () => {
    const token = await house.protect('value')
    const ask = (requestId: string) =>
      onceByKey(house.needs, caller(requestId), callOf(token, 'rotated'), async () => requestId)
    await ask('before')
    expect(await rotateRingKey(house.needs, 'rotation', 'session')).toBe('rotated')
    await house.refreshKeys()
    expect(await ask('next is known')).toMatchObject({ repeatOf: 'before' })
    house.clock.advance(91_000)
    expect(await ask('next is current')).toMatchObject({ repeatOf: 'before' })
  })

  test('nothing that is kept says what was asked or answered, or can be changed', async () => {
    const token = await house.protect('value')
    const kept: Uint8Array[] = []
    const { commit } = house.needs.database
    const note = async (ref: Uint8Array, holder: string, answer: Uint8Array) => {
      kept.push(ref, answer)
      const changed = Uint8Array.from(answer)
      changed[20] = (changed[20] ?? 0) ^ 1
      return commit.settleRepeat(ref, holder, changed)
    }
    const database = { ...house.needs.database, commit: { ...commit, settleRepeat: note } }
    const needs = { ...house.needs, keys: house.needs.keys, database } as Needs
    const ask = () => onceByKey(needs, caller('1'), callOf(token, 'a key in clear'), async () => 'an answer')
    await ask()
    const stored = Buffer.concat(kept).toString('latin1')
    for (const clear of ['a key in clear', 'an answer', 'a request', token])
      expect(stored).not.toContain(clear)
    await expect(ask()).rejects.toThrow('A sealed value does not open')
  })

  test('after a day a key is as good as new', async () => {
    const token = await house.protect('value')
    const ask = (requestId: string) =>
      onceByKey(house.needs, caller(requestId), callOf(token, 'yesterday'), async () => requestId)
    await ask('first')
    house.clock.advance(24 * 60 * 60 * 1000 - 60_000)
    expect(await ask('second')).toMatchObject({ repeatOf: 'first' })
    house.clock.advance(60_000)
    expect(await ask('third')).toEqual({ repeatOf: null, told: { value: 'third' } })
  })
})
