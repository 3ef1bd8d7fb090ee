import { expect, test } from 'vitest'
import type { Block } from '../domain/block.ts'
import type { Session } from '../domain/session.ts'
import type { Commits, Database, SessionOpening, Tombstone } from '../ports.ts'
import type { OpenDatabase } from './database-under-test.ts'
import {
  APP,
  bytes,
  givenGrant,
  givenSession,
  NOW,
  OTHER_APP,
  sampleBlock,
  sampleEvent,
  sampleGrant,
  sampleOpening,
  sampleRoom,
  sampleSession,
  sampleTombstone,
  spend,
} from './sample-rows.ts'

const find = (database: Database, { tokenHash }: Session) =>
  database.read((reader) => reader.findSession(tokenHash))
const opens = (commit: Commits, opening: SessionOpening) => commit.openSession(opening, sampleEvent())
const revoke = (commit: Commits, sessionRef: Uint8Array, changes: Partial<Tombstone> = {}) =>
  commit.revokeSession([sampleTombstone(sessionRef, changes)], sampleEvent())

export function sessionRules(open: OpenDatabase): void {
  challengeRules(open)
  stepUpRules(open)
  closingRules(open)
  tombstoneRules(open)
  versionRules(open)
}

function challengeRules(open: OpenDatabase): void {
  test('a challenge opens one session; used again it changes nothing', async () => {
    await using under = await open()
    const { database } = under
    const [first, second] = [sampleSession(), sampleSession({ app: OTHER_APP })]
    const challengeHash = bytes(32)
    const outcomes = [
      await opens(database.commit, sampleOpening(first, { challengeHash })),
      await opens(database.commit, sampleOpening(second, { challengeHash })),
    ]
    expect(outcomes).toEqual(['opened', 'challenge-used'])
    expect(await find(database, first)).toEqual(first)
    expect(await find(database, second)).toBeNull()
    expect(await under.readAudit()).toHaveLength(1)
  })

  test('a used challenge is remembered until it has expired', async () => {
    await using under = await open()
    const { commit } = under.database
    const challenge = { challengeHash: bytes(32), challengeExpiresAt: NOW + 1 }
    await opens(commit, sampleOpening(sampleSession(), challenge))
    await commit.removeExpired(NOW, 100)
    expect(await opens(commit, sampleOpening(sampleSession(), challenge))).toBe('challenge-used')
  })

  test('a session that cannot be written leaves the challenge unused', async () => {
    await using under = await open()
    const { commit } = under.database
    const { tokenHash } = await givenSession(commit)
    const challengeHash = bytes(32)
    const taken = sampleOpening(sampleSession({ tokenHash }), { challengeHash })
    await expect(opens(commit, taken)).rejects.toThrow()
    expect(await opens(commit, sampleOpening(sampleSession(), { challengeHash }))).toBe('opened')
  })
}

function stepUpRules(open: OpenDatabase): void {
  test('a new login lifts the step-ups that were set before it, and ends the other openings of the session', async () => {
    await using under = await open()
    const { database } = under
    const { commit } = database
    const [older, newer] = [bytes(32), bytes(32)]
    const here = await givenSession(commit, { sessionRef: newer })
    const others = [
      await givenSession(commit, { sessionRef: newer }),
      await givenSession(commit, { sessionRef: older }),
    ]
    const apart = [
      await givenSession(commit),
      await givenSession(commit, { sessionRef: newer, app: OTHER_APP }),
    ]
    const set = (ref: Uint8Array, changes: Partial<Block>) =>
      commit.setBlocks([sampleBlock(ref, changes)], sampleEvent())
    const pass = (authenticatedAt: number) =>
      commit.passStepUp(
        { app: APP, sessionRefs: [newer, older], authenticatedAt, tokenHash: here.tokenHash },
        sampleEvent({ action: 'pass-step-up' }),
      )
    await set(older, { effect: 'step-up', setBy: 'system' })
    await set(newer, { effect: 'step-up', setBy: 'application' })
    await set(bytes(32), { effect: 'step-up' })
    const rows = (await under.readAudit()).length

    expect(await pass(NOW)).toBe(false)
    for (const session of [here, ...others, ...apart]) expect(await find(database, session)).toEqual(session)
    expect(await under.readAudit()).toHaveLength(rows)

    expect(await pass(NOW + 1)).toBe(true)
    for (const session of [here, ...apart]) expect(await find(database, session)).toEqual(session)
    for (const session of others) expect(await find(database, session)).toBeNull()
    expect(await under.readAudit()).toHaveLength(rows + 1)
    expect(await pass(NOW + 1)).toBe(false)
    const any = { refs: null, blockId: null, app: null, setBy: null }
    expect(await database.read((reader) => reader.findBlocks(any, NOW, 9))).toHaveLength(1)
  })

  test('no login lifts a freeze', async () => {
    await using under = await open()
    const { commit } = under.database
    const { sessionRef, tokenHash } = await givenSession(commit)
    await commit.setBlocks([sampleBlock(sessionRef)], sampleEvent())
    await commit.setBlocks([sampleBlock(sessionRef, { effect: 'step-up' })], sampleEvent())
    const passing = { app: APP, sessionRefs: [sessionRef], authenticatedAt: NOW + 5000, tokenHash }
    expect(await commit.passStepUp(passing, sampleEvent())).toBe(true)
    const { grant } = await givenGrant(commit)
    expect(await commit.decide([spend(grant, { stops: [sessionRef] })])).toEqual(['blocked'])
  })
}

function closingRules(open: OpenDatabase): void {
  test('closing ends this session and no other; closing it again is no error', async () => {
    await using under = await open()
    const { database } = under
    const sessionRef = bytes(32)
    const here = await givenSession(database.commit, { sessionRef })
    const there = await givenSession(database.commit, { sessionRef })
    await database.commit.closeSession(here.tokenHash, sampleEvent())
    await database.commit.closeSession(here.tokenHash, sampleEvent())
    expect(await find(database, here)).toBeNull()
    expect(await find(database, there)).toEqual(there)
    expect(await under.readAudit()).toHaveLength(4)
  })

  test('revoking ends the session everywhere with its grants, and nothing else', async () => {
    await using under = await open()
    const { database } = under
    const { commit } = database
    const sessionRef = bytes(32)
    const ended = [await givenSession(commit, { sessionRef }), await givenSession(commit, { sessionRef })]
    const others = [await givenSession(commit), await givenSession(commit, { sessionRef, app: OTHER_APP })]
    const grants = [
      sampleGrant(bytes(16), { sessionRef }),
      sampleGrant(bytes(16)),
      sampleGrant(bytes(16), { sessionRef, app: OTHER_APP }),
    ]
    await commit.setGrants(grants, [], [], sampleRoom())
    await revoke(commit, sessionRef)
    for (const session of ended) expect(await find(database, session)).toBeNull()
    for (const session of others) expect(await find(database, session)).toEqual(session)
    const left = await database.read((reader) => reader.findGrants(grants.map(({ grantId }) => grantId)))
    expect(left).toEqual([null, ...grants.slice(1)])
    expect(await under.readAudit()).toHaveLength(5)
  })
}

function tombstoneRules(open: OpenDatabase): void {
  // NOW is a whole second.
  const cases = [
    { revokedAt: NOW, assertedAt: NOW - 1000, outcome: 'revoked' },
    { revokedAt: NOW, assertedAt: NOW, outcome: 'revoked' },
    { revokedAt: NOW + 999, assertedAt: NOW, outcome: 'revoked' },
    { revokedAt: NOW + 1, assertedAt: NOW + 999, outcome: 'revoked' },
    { revokedAt: NOW + 999, assertedAt: NOW + 1000, outcome: 'opened' },
    { revokedAt: NOW, assertedAt: NOW + 1000, outcome: 'opened' },
  ] as const
  for (const { revokedAt, assertedAt, outcome } of cases) {
    test(`revoked at ${revokedAt - NOW} ms, asserted at ${assertedAt - NOW} ms: ${outcome}`, async () => {
      await using under = await open()
      const { database } = under
      const session = sampleSession()
      await revoke(database.commit, session.sessionRef, { revokedAt })
      expect(await opens(database.commit, sampleOpening(session, { assertedAt }))).toBe(outcome)
      expect(await find(database, session)).toEqual(outcome === 'opened' ? session : null)
      expect(await under.readAudit()).toHaveLength(outcome === 'opened' ? 2 : 1)
    })
  }

  test('a refused assertion does not use up the challenge', async () => {
    await using under = await open()
    const { commit } = under.database
    const session = sampleSession()
    const challengeHash = bytes(32)
    await revoke(commit, session.sessionRef)
    expect(await opens(commit, sampleOpening(session, { challengeHash }))).toBe('revoked')
    const later = sampleOpening(session, { challengeHash, assertedAt: NOW + 1000 })
    expect(await opens(commit, later)).toBe('opened')
  })

  test('of two revocations the later one counts, in whatever order they come', async () => {
    await using under = await open()
    const { commit } = under.database
    const { sessionRef } = sampleSession()
    await revoke(commit, sessionRef, { revokedAt: NOW + 5000 })
    await revoke(commit, sessionRef, { expiresAt: NOW + 1 })
    await commit.removeExpired(NOW + 1, 100)
    const between = sampleOpening(sampleSession({ sessionRef }), { assertedAt: NOW + 4000 })
    expect(await opens(commit, between)).toBe('revoked')
  })

  test("another app's revocation, and one of another session, do not count", async () => {
    await using under = await open()
    const { commit } = under.database
    const session = sampleSession()
    await revoke(commit, session.sessionRef, { app: OTHER_APP })
    await revoke(commit, bytes(32))
    expect(await opens(commit, sampleOpening(session))).toBe('opened')
  })
}

function versionRules(open: OpenDatabase): void {
  test('revoking under several names ends the sessions and the grants of each, and is one row of audit', async () => {
    await using under = await open()
    const { database } = under
    const { commit } = database
    const [older, newer] = [bytes(32), bytes(32)]
    const sessions = [
      await givenSession(commit, { sessionRef: older }),
      await givenSession(commit, { sessionRef: newer, sessionVersion: 2 }),
    ]
    const kept = await givenSession(commit)
    const grants = [older, newer, bytes(32)].map((sessionRef) => sampleGrant(bytes(16), { sessionRef }))
    await commit.setGrants(grants, [], [], sampleRoom())
    const tombstones = [sampleTombstone(older), sampleTombstone(newer, { sessionVersion: 2 })]
    await commit.revokeSession(tombstones, sampleEvent())
    for (const session of sessions) expect(await find(database, session)).toBeNull()
    expect(await find(database, kept)).toEqual(kept)
    const left = await database.read((reader) => reader.findGrants(grants.map(({ grantId }) => grantId)))
    expect(left).toEqual([null, null, grants[2]])
    expect(await under.readAudit()).toHaveLength(4)
    for (const sessionRef of [older, newer]) {
      expect(await opens(commit, sampleOpening(sampleSession({ sessionRef })))).toBe('revoked')
    }
  })

  test('a tombstone under any of the names refuses, by the second of the latest', async () => {
    await using under = await open()
    const { database } = under
    const { commit } = database
    const [older, newer] = [bytes(32), bytes(32)]
    await revoke(commit, older, { revokedAt: NOW + 2500 })
    await revoke(commit, newer, { revokedAt: NOW, sessionVersion: 2 })
    const opening = (sessionRefs: Uint8Array[], assertedAt: number) =>
      sampleOpening(sampleSession({ sessionRef: newer, sessionVersion: 2 }), { sessionRefs, assertedAt })
    const refused = opening([newer, bytes(32), older], NOW + 2999)
    expect(await opens(commit, refused)).toBe('revoked')
    expect(await find(database, refused.session)).toBeNull()
    expect(await opens(commit, opening([newer, bytes(32), older], NOW + 3000))).toBe('opened')
    expect(await opens(commit, opening([newer], NOW + 1000))).toBe('opened')
    expect(await opens(commit, opening([newer], NOW + 999))).toBe('revoked')
  })

  test("another app's tombstone under one of the names does not count", async () => {
    await using under = await open()
    const { commit } = under.database
    const [older, newer] = [bytes(32), bytes(32)]
    await revoke(commit, older, { app: OTHER_APP })
    const session = sampleSession({ sessionRef: newer })
    expect(await opens(commit, sampleOpening(session, { sessionRefs: [older, newer] }))).toBe('opened')
  })
}
