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
  sampleRecord,
  sampleRoom,
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
  roomRules(open)
  repeatRules(open)
  listRules(open)
}

function settingRules(open: OpenDatabase): void {
  test('a grant that is set again is replaced whole, and its uses start at 0', async () => {
    await using under = await open()
    const { database } = under
    const { grant } = await givenGrant(database.commit, { maxUses: 2, purpose: 'first' })
    await database.commit.decide([spend(grant), spend(grant)])
    expect(await find(database, [grant])).toEqual([{ ...grant, uses: 2 }])
    const again = { ...grant, expiresAt: NOW + 9, maxUses: 1, purpose: null }
    await database.commit.setGrants([{ ...again, uses: 1 }], [], [], sampleRoom())
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
    await expect(database.commit.setGrants(batch, [], [sampleEvent()], sampleRoom())).rejects.toThrow()
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
    await database.commit.setGrants([renamed], [bytes(32), grant.grantId], [sampleEvent()], sampleRoom())
    expect(await find(database, [grant, renamed, neighbour.grant])).toEqual([null, renamed, neighbour.grant])
  })

  test('a name that is both replaced and set is set', async () => {
    await using under = await open()
    const { database } = under
    const { grant } = await givenGrant(database.commit)
    await database.commit.setGrants([{ ...grant, purpose: 'again' }], [grant.grantId], [], sampleRoom())
    expect(await find(database, [grant])).toEqual([{ ...grant, purpose: 'again' }])
  })

  test('nothing is replaced when the new grants cannot be written', async () => {
    await using under = await open()
    const { database } = under
    const { grant } = await givenGrant(database.commit)
    const broken = sampleGrant(grant.recordId, { expiresAt: Number.NaN })
    await expect(database.commit.setGrants([broken], [grant.grantId], [], sampleRoom())).rejects.toThrow()
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
      await database.commit.setGrants([...ours, ...theirs], [], [], sampleRoom())
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
    await commit.setGrants(grants, [], [], sampleRoom())
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
      sampleRoom(),
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
    await database.commit.shredRecord(record.recordId, deletion, sampleEvent(), [])
    await database.commit.removeExpired(NOW * 2, 100)
    expect(await database.read((reader) => reader.findRecords([record.locator]))).not.toEqual([null])
    expect(await database.read((reader) => reader.findDeletions(NOW, 9))).toEqual([
      { objectKey: deletion.objectKey, uploadId: null },
    ])
  })
}

function roomRules(open: OpenDatabase): void {
  const sessionRef = bytes(32)
  const room = (most: number) => sampleRoom({ sessionRefs: [bytes(32), sessionRef], most })
  const ours = (changes: Partial<Grant> = {}) => sampleGrant(bytes(16), { sessionRef, ...changes })

  test('a session has so many living grants and no more, all of a batch or none', async () => {
    await using under = await open()
    const { commit } = under.database
    const [a, b, c, d] = [ours(), ours(), ours(), ours()]
    expect(await commit.setGrants([a, b], [], [sampleEvent()], room(3))).toBeNull()
    const events = [sampleEvent(), sampleEvent()]
    expect(await commit.setGrants([c, d], [bytes(32)], events, room(3))).toBe('too-many-grants')
    expect(await find(under.database, [a, b, c, d])).toEqual([a, b, null, null])
    const rows = await under.readAudit()
    expect(rows.map(({ refusal }) => refusal)).toEqual([null, 'too-many-grants', 'too-many-grants'])
    expect(await commit.setGrants([c], [], [], room(3))).toBeNull()
  })

  test('what is overwritten, replaced, expired, or of another session or app, takes no room', async () => {
    await using under = await open()
    const { commit } = under.database
    const [a, b] = [ours(), ours()]
    const others = [ours({ expiresAt: NOW }), ours({ app: OTHER_APP }), ours({ sessionRef: bytes(32) })]
    await commit.setGrants([a, b, ...others], [], [], sampleRoom())
    expect(await commit.setGrants([a, b, a], [], [], room(2))).toBeNull()
    expect(await commit.setGrants([ours()], [b.grantId], [], room(2))).toBeNull()
    expect(await commit.setGrants([ours()], [], [], room(2))).toBe('too-many-grants')
    expect(await find(under.database, [a, b])).toEqual([a, null])
  })

  test('nothing is replaced where there is no room', async () => {
    await using under = await open()
    const { commit } = under.database
    const a = ours()
    await commit.setGrants([a], [], [], sampleRoom())
    expect(await commit.setGrants([ours(), ours()], [a.grantId], [], room(1))).toBe('too-many-grants')
    expect(await find(under.database, [a])).toEqual([a])
  })

  test('of those who ask at the same time nobody gets more than there is room for', async () => {
    await using under = await open()
    await using other = await under.connect()
    const batches = Array.from({ length: 12 }, () => [ours(), ours(), ours()])
    const set = batches.map((grants, index) =>
      (index % 2 ? other : under.database).commit.setGrants(grants, [], [], room(10)),
    )
    expect((await Promise.all(set)).filter((refusal) => refusal === null)).toHaveLength(3)
    expect((await find(under.database, batches.flat())).filter((grant) => grant !== null)).toHaveLength(9)
  })

  test('a record without room for its grant is not made', async () => {
    await using under = await open()
    const { commit } = under.database
    const record = sampleRecord()
    const grant = sampleGrant(record.recordId, { sessionRef })
    expect(await commit.createRecord(record, grant, sampleEvent(), room(0))).toBe('too-many-grants')
    expect(await under.database.read((reader) => reader.findRecordsById([record.recordId]))).toEqual([null])
    expect(await find(under.database, [grant])).toEqual([null])
    expect((await under.readAudit()).map(({ refusal }) => refusal)).toEqual(['too-many-grants'])
    expect(await commit.createRecord(record, grant, sampleEvent(), room(1))).toBeNull()
    expect(await find(under.database, [grant])).toEqual([grant])
  })
}

function repeatRules(open: OpenDatabase): void {
  const [here, there] = [bytes(32), bytes(32)]

  test('a use for the same is the same use, a use for something else is another one', async () => {
    await using under = await open()
    const { commit } = under.database
    const { grant } = await givenGrant(commit, { maxUses: 1 })
    const use = (usedFor: Uint8Array | null) => spend(grant, { usedFor })
    expect(await commit.decide([use(here), use(here), use(there), use(null), use(here)])).toEqual([
      ...[null, null, 'changed-meanwhile', 'changed-meanwhile', null],
    ])
    expect(await find(under.database, [grant])).toEqual([{ ...grant, uses: 1, usedFor: here }])
  })

  test('a use for nothing in particular always counts, and a grant that is set again was used for nothing', async () => {
    await using under = await open()
    const { commit } = under.database
    const { grant } = await givenGrant(commit, { maxUses: 3 })
    await commit.decide([spend(grant), spend(grant), spend(grant, { usedFor: here })])
    expect(await find(under.database, [grant])).toEqual([{ ...grant, uses: 3, usedFor: here }])
    await commit.setGrants([{ ...grant, maxUses: 1 }], [], [], sampleRoom())
    expect(await commit.decide([spend(grant), spend(grant, { usedFor: here })])).toEqual([
      ...[null, 'changed-meanwhile'],
    ])
  })

  test('of two that use it for different things at the same time one does', async () => {
    await using under = await open()
    await using other = await under.connect()
    const { grant } = await givenGrant(under.database.commit, { maxUses: 1 })
    const [one, two] = await Promise.all([
      under.database.commit.decide([spend(grant, { usedFor: here })]),
      other.commit.decide([spend(grant, { usedFor: there })]),
    ])
    expect([...one, ...two].filter((outcome) => outcome === null)).toHaveLength(1)
  })
}

function listRules(open: OpenDatabase): void {
  test('lists living grants of the app in one order, page by page, each once', async () => {
    await using under = await open()
    const refs = [bytes(32), bytes(32), bytes(32)]
    const grants = refs.flatMap((sessionRef) =>
      [1, 2, 3].map((n) => sampleGrant(bytes(16), { sessionRef, access: n === 1 ? 'store' : 'read' })),
    )
    const gone = sampleGrant(bytes(16), { expiresAt: NOW })
    const theirs = sampleGrant(bytes(16), { app: OTHER_APP, sessionRef: refs[0] as Uint8Array })
    await under.database.commit.setGrants([...grants, gone, theirs], [], [], sampleRoom())
    const all = { app: APP, sessionRefs: null, recordIds: null, access: null }
    const page = (after: Grant | null) =>
      under.database.read((reader) => reader.findGrantsOf(all, NOW, after, 4))
    const first = await page(null)
    const second = await page(first.at(-1) ?? null)
    const third = await page(second.at(-1) ?? null)
    expect([first.length, second.length, third.length]).toEqual([4, 4, 1])
    const place = ({ sessionRef, grantId }: Grant) => Buffer.concat([sessionRef, grantId]).toString('hex')
    const listed = [...first, ...second, ...third]
    expect(listed.map(place)).toEqual(grants.map(place).toSorted())
    expect(listed).toEqual(expect.arrayContaining(grants))
    const stores = await under.database.read((reader) =>
      reader.findGrantsOf({ ...all, sessionRefs: refs.slice(0, 2), access: 'store' }, NOW, null, 9),
    )
    expect(stores).toHaveLength(2)
  })
}
