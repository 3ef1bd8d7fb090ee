import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import type { AppId, SessionId, TokenId } from '@lunadefend/contract'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkChallenge, newChallenge } from '../src/crypto/challenge.ts'
import {
  grantIdOf,
  limitRefOf,
  locatorOf,
  pseudonymOf,
  sessionHashOf,
  sessionRefOf,
} from '../src/crypto/identifiers.ts'
import { openSession, sealSession } from '../src/crypto/session-seal.ts'
import { GRANT_LIFE, parseDuration } from '../src/domain/duration.ts'
import { type Grant, refusalOf } from '../src/domain/grant.ts'
import type { TokenRecord } from '../src/domain/record.ts'

const app = 'acme' as AppId
const key = createSecretKey(randomBytes(32))

describe('durations', () => {
  test.each([
    [undefined, 900], [1, 1], ['90', 90], ['90s', 90], ['15m', 900], ['1h20m10s', 4810], ['24h', 86_400], ['2h', 7200],
  ])('%j is %d seconds', (text, seconds) => expect(parseDuration(text, GRANT_LIFE)).toEqual({ seconds })) // biome-ignore format: a table

  test.each([
    0,
    -1,
    1.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    86_401,
    '',
    '0',
    '0m',
    '-5',
    '-5m',
    '25h',
    'm',
    's15',
    '15M',
    '1 h',
    '1h1h',
    '10s5m',
    '9999999999999',
  ])('%j is none, and it is said why', (text) =>
    expect(parseDuration(text, GRANT_LIFE)).toEqual({ problem: expect.stringMatching(/^must be/) }),
  )

  test('no text makes it throw or gives a duration out of bounds', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9hms.-]{0,20}$/)), (text) => {
        const duration = parseDuration(text, GRANT_LIFE)
        if ('seconds' in duration) expect(duration.seconds).toBeGreaterThan(0)
        if ('seconds' in duration) expect(duration.seconds).toBeLessThanOrEqual(86_400)
      }),
    )
  })
})

describe('whether record and grant allow it', () => {
  const record = { deletedAt: null } as TokenRecord
  const grant = { expiresAt: 1000, maxUses: 2, uses: 1 } as Grant
  test.each([
    [record, grant, 999, null],
    [record, { ...grant, maxUses: null, uses: 99 }, 999, null],
    [null, grant, 999, 'unknown-token'],
    [{ ...record, deletedAt: 5 }, grant, 999, 'token-deleted'],
    [record, null, 999, 'no-grant'],
    [record, grant, 1000, 'grant-expired'],
    [record, { ...grant, uses: 2 }, 999, 'grant-used-up'],
  ])('%#', (aRecord, aGrant, now, refusal) => expect(refusalOf(aRecord, aGrant, now)).toBe(refusal))
})

describe('challenges', () => {
  const now = Date.UTC(2026, 0, 1)
  test('are good for 120 seconds and for their app', () => {
    const { challenge, expiresAt } = newChallenge(key, app, now)
    expect(expiresAt).toBe(now / 1000 + 120)
    expect(checkChallenge(key, app, challenge, now + 119_999)).toBe(expiresAt)
    expect(checkChallenge(key, app, challenge, now + 120_000)).toBeNull()
    expect(checkChallenge(key, 'other' as AppId, challenge, now)).toBeNull()
    expect(checkChallenge(createSecretKey(randomBytes(32)), app, challenge, now)).toBeNull()
  })

  test('have one spelling, and not a byte of them can be changed', () => {
    const { challenge } = newChallenge(key, app, now)
    const bytes = Buffer.from(challenge, 'base64url')
    for (const other of [
      `${challenge}=`,
      ` ${challenge}`,
      bytes.toString('base64'),
      challenge.slice(0, -1),
    ]) {
      if (other !== challenge) expect(checkChallenge(key, app, other, now)).toBeNull()
    }
    for (let index = 0; index < bytes.length; index++) {
      const changed = Buffer.from(bytes)
      changed[index] = (changed[index] as number) ^ 1
      expect(checkChallenge(key, app, changed.toString('base64url'), now), `byte ${index}`).toBeNull()
    }
  })
})

describe('identifiers', () => {
  test('fields cannot run into each other', () => {
    const text = fc.string({ minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(text, text, text, text, (a, b, c, d) => {
        fc.pre(a !== c || b !== d)
        const one = locatorOf(key, a as AppId, b as TokenId)
        expect(one.equals(locatorOf(key, c as AppId, d as TokenId))).toBe(false)
      }),
    )
  })

  test('read and store, sessions, apps and users are told apart', () => {
    const [sid, token] = ['s' as SessionId, 't' as TokenId]
    const ids = [
      grantIdOf(key, app, sid, token, 'read'), grantIdOf(key, app, sid, token, 'store'),
      grantIdOf(key, app, 'r' as SessionId, token, 'read'), grantIdOf(key, 'b' as AppId, sid, token, 'read'),
      sessionRefOf(key, app, sid), sessionRefOf(key, 'b' as AppId, sid),
    ].map((id) => id.toString('hex')) // biome-ignore format: pairs
    const hashes = ['', 'alice', 'bob'].map((subject) => sessionHashOf(key, app, sid, subject))
    expect(new Set([...ids, ...hashes]).size).toBe(ids.length + hashes.length)
    expect(hashes[0]).toMatch(/^[0-9a-f]{40}$/)
  })

  test('a pseudonym tells kinds, apps and names apart, and nothing to whoever lacks the key', () => {
    const another = createSecretKey(randomBytes(32))
    const pseudonyms = [
      pseudonymOf(key, 'token', app, 'name'), pseudonymOf(key, 'session', app, 'name'),
      pseudonymOf(key, 'subject', app, 'name'), pseudonymOf(key, 'token', 'b' as AppId, 'name'),
      pseudonymOf(key, 'token', app, 'another name'), pseudonymOf(another, 'token', app, 'name'),
    ] // biome-ignore format: pairs
    expect(new Set(pseudonyms).size).toBe(pseudonyms.length)
    for (const pseudonym of pseudonyms) expect(pseudonym).toMatch(/^[0-9a-f]{32}$/)
  })

  test('a name that is remembered is the one that was made; so is one that was forgotten meanwhile', () => {
    const [bytes, sids] = [randomBytes(32), Array.from({ length: 10_050 }, (_, index) => `s${index}`)]
    const [one, other] = [createSecretKey(bytes), createSecretKey(randomBytes(32))]
    const names = (by: KeyObject) =>
      sids.map((sid) => sessionRefOf(by, app, sid as SessionId).toString('hex'))
    const first = names(one)
    expect(names(one)).toEqual(first)
    expect(names(createSecretKey(bytes))).toEqual(first)
    expect(new Set([...first, ...names(other)]).size).toBe(2 * sids.length)
  })

  test('a name of a token is made each time, and the same as one that is remembered', () => {
    const named = (ofToken: boolean) => limitRefOf(key, ['member', 'a', 'token'], ofToken)
    expect(named(false)).toBe(named(false))
    expect(named(true)).not.toBe(named(true))
    expect(named(true)).toEqual(named(false))
  })
})

describe('the sealed session id', () => {
  const context = Buffer.from('row')
  test('opens with the access token only, and only in its row', () => {
    const sealed = sealSession(key, 'secret', context, 'sid')
    expect(openSession(key, 'secret', context, sealed)).toBe('sid')
    expect(() => openSession(key, 'other', context, sealed)).toThrow()
    expect(() => openSession(key, 'secret', Buffer.from('another row'), sealed)).toThrow()
    expect(() => openSession(createSecretKey(randomBytes(32)), 'secret', context, sealed)).toThrow()
    expect(sealed.includes('sid')).toBe(false)
  })
})
