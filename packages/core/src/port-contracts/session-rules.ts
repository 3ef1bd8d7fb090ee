import { expect, test } from 'vitest'
import type { Session } from '../domain/session.ts'
import type { Commits, Database, SessionOpening } from '../ports.ts'
import type { OpenDatabase } from './database-under-test.ts'
import {
  APP,
  bytes,
  givenSession,
  NOW,
  OTHER_APP,
  sampleEvent,
  sampleGrant,
  sampleOpening,
  sampleSession,
} from './sample-rows.ts'

const find = (database: Database, { tokenHash }: Session) =>
  database.read((reader) => reader.findSession(tokenHash))
const opens = (commit: Commits, opening: SessionOpening) => commit.openSession(opening, sampleEvent())
const tombstone = (sessionRef: Uint8Array, revokedAt: number, app = APP) => ({
  app,
  sessionRef,
  revokedAt,
  expiresAt: NOW + 600_000,
})

export function sessionRules(open: OpenDatabase): void {
  challengeRules(open)
  closingRules(open)
  tombstoneRules(open)
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
    await commit.setGrants(grants, [])
    await commit.revokeSession(tombstone(sessionRef, NOW), sampleEvent())
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
      await database.commit.revokeSession(tombstone(session.sessionRef, revokedAt), sampleEvent())
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
    await commit.revokeSession(tombstone(session.sessionRef, NOW), sampleEvent())
    expect(await opens(commit, sampleOpening(session, { challengeHash }))).toBe('revoked')
    const later = sampleOpening(session, { challengeHash, assertedAt: NOW + 1000 })
    expect(await opens(commit, later)).toBe('opened')
  })

  test('of two revocations the later one counts, in whatever order they come', async () => {
    await using under = await open()
    const { commit } = under.database
    const { sessionRef } = sampleSession()
    await commit.revokeSession(tombstone(sessionRef, NOW + 5000), sampleEvent())
    await commit.revokeSession({ ...tombstone(sessionRef, NOW), expiresAt: NOW + 1 }, sampleEvent())
    await commit.removeExpired(NOW + 1, 100)
    const between = sampleOpening(sampleSession({ sessionRef }), { assertedAt: NOW + 4000 })
    expect(await opens(commit, between)).toBe('revoked')
  })

  test("another app's revocation, and one of another session, do not count", async () => {
    await using under = await open()
    const { commit } = under.database
    const session = sampleSession()
    await commit.revokeSession(tombstone(session.sessionRef, NOW, OTHER_APP), sampleEvent())
    await commit.revokeSession(tombstone(bytes(32), NOW), sampleEvent())
    expect(await opens(commit, sampleOpening(session))).toBe('opened')
  })
}
