import { expect, test } from 'vitest'
import type { Grant } from '../domain/grant.ts'
import type { Database, GrantFilter } from '../ports.ts'
import type { OpenDatabase } from './database-under-test.ts'
import {
  APP,
  bytes,
  givenGrant,
  givenSession,
  NOW,
  OTHER_APP,
  sampleDeletion,
  sampleEvent,
  sampleGrant,
  sampleOpening,
  sampleSession,
  sampleTombstone,
  spend,
} from './sample-rows.ts'

const find = (database: Database, grants: readonly Grant[]) =>
  database.read((reader) => reader.findGrants(grants.map(({ grantId }) => grantId)))

export function grantRules(open: OpenDatabase): void {
  settingRules(open)
  renamingRules(open)
  revokingRules(open)
  expiryRules(open)
}

function settingRules(open: OpenDatabase): void {
  test('a grant that is set again is replaced whole, and its uses start at 0', async () => {
    await using under = await open()
    const { database } = under
    const { grant } = await givenGrant(database.commit, { maxUses: 2, purpose: 'first' })
    await database.commit.decide([spend(grant), spend(grant)])
    expect(await find(database, [grant])).toEqual([{ ...grant, uses: 2 }])
    const again = { ...grant, expiresAt: NOW + 9, maxUses: 1, purpose: null }
    await database.commit.setGrants([{ ...again, uses: 1 }], [], [])
    expect(await find(database, [grant])).toEqual([again])
    expect(await database.commit.decide([spend(grant), spend(grant)])).toEqual([null, 'changed-meanwhile'])
  })

  test('all or none: one grant that cannot be written, and not one of them is', async () => {
    await using under = await open()
    const { database } = under
    const { grant, record } = await givenGrant(database.commit, { purpose: 'before' })
    const fresh = sampleGrant(record.recordId)
    const broken = sampleGrant(record.recordId, { expiresAt: Number.NaN })
    const batch = [fresh, { ...grant, purpose: 'after' }, broken]
    await expect(database.commit.setGrants(batch, [], [sampleEvent()])).rejects.toThrow()
    expect(await find(database, batch)).toEqual([null, grant, null])
    expect(await under.readAudit()).toHaveLength(1)
  })
}

function renamingRules(open: OpenDatabase): void {
  test('a grant that had a name under an older key has only the new one afterwards', async () => {
    await using under = await open()
    const { database } = under
    const { grant } = await givenGrant(database.commit)
    const neighbour = await givenGrant(database.commit)
    await database.commit.decide([spend(grant)])
    const renamed = { ...grant, grantId: bytes(32), grantVersion: 2, sessionVersion: 2 }
    await database.commit.setGrants([renamed], [bytes(32), grant.grantId], [sampleEvent()])
    expect(await find(database, [grant, renamed, neighbour.grant])).toEqual([null, renamed, neighbour.grant])
  })

  test('a name that is both replaced and set is set', async () => {
    await using under = await open()
    const { database } = under
    const { grant } = await givenGrant(database.commit)
    await database.commit.setGrants([{ ...grant, purpose: 'again' }], [grant.grantId], [])
    expect(await find(database, [grant])).toEqual([{ ...grant, purpose: 'again' }])
  })

  test('nothing is replaced when the new grants cannot be written', async () => {
    await using under = await open()
    const { database } = under
    const { grant } = await givenGrant(database.commit)
    const broken = sampleGrant(grant.recordId, { expiresAt: Number.NaN })
    await expect(database.commit.setGrants([broken], [grant.grantId], [])).rejects.toThrow()
    expect(await find(database, [grant, broken])).toEqual([grant, null])
  })
}

function revokingRules(open: OpenDatabase): void {
  const sessions = { a: bytes(32), b: bytes(32) }
  const records = { x: bytes(16), y: bytes(16), z: bytes(16) }
  const all = { app: APP, sessionRefs: null, recordIds: null }
  const cases: [string, GrantFilter, string[]][] = [
    ['of a session', { ...all, sessionRefs: [sessions.a] }, ['ax', 'ay']],
    ['of records', { ...all, recordIds: [records.x, records.z] }, ['ax', 'bx']],
    ['of both', { app: APP, sessionRefs: [sessions.b], recordIds: [records.x, records.y] }, ['bx', 'by']],
    ['of an unknown session', { ...all, sessionRefs: [bytes(32)] }, []],
    ['of no record', { ...all, recordIds: [] }, []],
    ['of no record of a session', { app: APP, sessionRefs: [sessions.a], recordIds: [] }, []],
    [
      'of several sessions',
      { ...all, sessionRefs: [sessions.a, bytes(32), sessions.b] },
      ['ax', 'ay', 'bx', 'by'],
    ],
    [
      'of several sessions and records',
      { app: APP, sessionRefs: [sessions.b, sessions.a], recordIds: [records.y] },
      ['ay', 'by'],
    ],
    ['of no session', { ...all, sessionRefs: [] }, []],
    ['of no session of a record', { app: APP, sessionRefs: [], recordIds: [records.x] }, []],
    ['of the whole app', all, ['ax', 'ay', 'bx', 'by']],
  ]
  const grantOf = (name: string, app = APP) =>
    sampleGrant(records[name[1] as 'x'], { app, sessionRef: sessions[name[0] as 'a'] })

  for (const [what, filter, revoked] of cases) {
    test(`revokes those ${what}, counts them, and leaves another app's alone`, async () => {
      await using under = await open()
      const { database } = under
      const names = ['ax', 'ay', 'bx', 'by']
      const ours = names.map((name) => grantOf(name))
      const theirs = names.map((name) => grantOf(name, OTHER_APP))
      await database.commit.setGrants([...ours, ...theirs], [], [])
      expect(await database.commit.revokeGrants(filter, [sampleEvent()])).toBe(revoked.length)
      const left = names.map((name, index) => (revoked.includes(name) ? null : ours[index]))
      expect(await find(database, ours)).toEqual(left)
      expect(await find(database, theirs)).toEqual(theirs)
      expect(await under.readAudit()).toHaveLength(1)
    })
  }
}

function expiryRules(open: OpenDatabase): void {
  test('what expires now is removed, what expires a millisecond later is not', async () => {
    await using under = await open()
    const { database } = under
    const { commit } = database
    const grants = [NOW - 1, NOW, NOW + 1].map((expiresAt) => sampleGrant(bytes(16), { expiresAt }))
    await commit.setGrants(grants, [], [])
    const old = await givenSession(commit, { expiresAt: NOW })
    const live = await givenSession(commit, { expiresAt: NOW + 1 })
    expect(await commit.removeExpired(NOW, 100)).toBe(3)
    expect(await find(database, grants)).toEqual([null, null, grants[2]])
    expect(await database.read((reader) => reader.findSession(old.tokenHash))).toBeNull()
    expect(await database.read((reader) => reader.findSession(live.tokenHash))).toEqual(live)
    expect(await commit.removeExpired(NOW, 100)).toBe(0)
  })

  test('removes at most so many of each kind, until nothing is left', async () => {
    await using under = await open()
    const { commit } = under.database
    await commit.setGrants(
      [1, 2, 3].map(() => sampleGrant(bytes(16), { expiresAt: NOW })),
      [],
      [],
    )
    for (const sessionRef of [bytes(32), bytes(32), bytes(32)]) {
      const opening = sampleOpening(sampleSession({ expiresAt: NOW }), { challengeExpiresAt: NOW })
      await commit.openSession(opening, sampleEvent())
      const tombstone = sampleTombstone(sessionRef, { revokedAt: NOW - 1, expiresAt: NOW })
      await commit.revokeSession([tombstone], sampleEvent())
    }
    expect(await commit.removeExpired(NOW, 2)).toBe(8)
    expect(await commit.removeExpired(NOW, 2)).toBe(4)
    expect(await commit.removeExpired(NOW, 2)).toBe(0)
  })

  test('neither records nor notes of objects expire', async () => {
    await using under = await open()
    const { database } = under
    const { record } = await givenGrant(database.commit)
    const deletion = sampleDeletion({ notBefore: NOW })
    await database.commit.shredRecord(record.recordId, deletion, sampleEvent())
    await database.commit.removeExpired(NOW * 2, 100)
    expect(await database.read((reader) => reader.findRecords([record.locator]))).not.toEqual([null])
    expect(await database.read((reader) => reader.findDeletions(NOW, 9))).toEqual([
      { objectKey: deletion.objectKey, uploadId: null },
    ])
  })
}
