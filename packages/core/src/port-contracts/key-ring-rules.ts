import { expect, test } from 'vitest'
import type { RingKeyName } from '../crypto/key-ring.ts'
import type { Commits, Database, KeyRingChange, KeyUse } from '../ports.ts'
import type { OpenDatabase } from './database-under-test.ts'
import {
  bytes,
  givenGrant,
  givenSession,
  KID,
  NOW,
  OTHER_KID,
  sampleDeletion,
  sampleEvent,
  sampleGrant,
  sampleReference,
  sampleRoom,
  sampleTombstone,
  spend,
  UNWRITABLE,
} from './sample-rows.ts'

const ring = (version: number, kid = KID) => ({ version, kid, sealed: bytes(500) })
const change = (expected: number, changes: Partial<KeyRingChange> = {}): KeyRingChange => ({
  ...{ expected, retires: null, audit: null },
  ...changes,
})
const readRing = (database: Database) => database.read((reader) => reader.readKeyRing())

export function keyRingRules(open: OpenDatabase): void {
  versionRules(open)
  lossRules(open)
  retirementRules(open)
  countRules(open)
}

function versionRules(open: OpenDatabase): void {
  test('is replaced only by who knows the stored version; only what is done is recorded', async () => {
    await using under = await open()
    const { database } = under
    const [first, second, late] = [ring(1), ring(2, OTHER_KID), ring(2)]
    const steps: string[] = []
    for (const [next, expected] of [
      [second, 1],
      [first, 0],
      [ring(1), 0],
      [second, 1],
      [late, 1],
      [late, 3],
    ] as const) {
      const audit = sampleEvent({ action: 'rotate-key', requestId: `at ${expected}` })
      steps.push(await database.commit.replaceKeyRing(next, change(expected, { audit })))
    }
    const lost = 'changed-meanwhile'
    expect(steps).toEqual([lost, 'replaced', lost, 'replaced', lost, lost])
    expect(await readRing(database)).toEqual(second)
    expect((await under.readAudit()).map(({ requestId }) => requestId)).toEqual(['at 0', 'at 1'])
  })

  test('one that cannot be recorded is not replaced; one with nothing to record is', async () => {
    await using under = await open()
    const { database } = under
    const [first, second] = [ring(1), ring(2)]
    expect(await database.commit.replaceKeyRing(first, change(0))).toBe('replaced')
    const unwritable = change(1, { audit: sampleEvent(UNWRITABLE) })
    await expect(database.commit.replaceKeyRing(second, unwritable)).rejects.toThrow()
    expect(await readRing(database)).toEqual(first)
    expect(await under.readAudit()).toEqual([])
  })

  test('of many that replace it at once exactly one does, and the others are told', async () => {
    await using under = await open()
    await using other = await under.connect()
    for (let version = 1; version <= 10; version += 1) {
      const rings = [1, 2, 3, 4, 5, 6].map(() => ring(version))
      const outcomes = await Promise.all(
        rings.map((each, index) =>
          (index % 2 === 0 ? other : under.database).commit.replaceKeyRing(each, change(version - 1)),
        ),
      )
      expect(outcomes.toSorted()).toEqual([...Array(5).fill('changed-meanwhile'), 'replaced'])
      expect(await readRing(under.database)).toEqual(rings[outcomes.indexOf('replaced')])
    }
  })
}

// A database that has lost its ring must not get a new one: nothing that is in it would ever be found again.
function lossRules(open: OpenDatabase): void {
  for (const state of ['lives', 'was shredded'] as const) {
    test(`there is none, but a record that ${state}: nobody makes a new one`, async () => {
      await using under = await open()
      const { database } = under
      const { record } = await givenGrant(database.commit)
      if (state === 'was shredded') {
        await database.commit.shredRecord(record.recordId, sampleDeletion(), sampleEvent(), [])
      }
      for (const expected of [0, 1]) {
        expect(await database.commit.replaceKeyRing(ring(1), change(expected))).toBe('changed-meanwhile')
      }
      expect(await readRing(database)).toBeNull()
    })
  }
}

interface Use {
  readonly key: RingKeyName
  /** Writes a row that names version 1. */
  write(commit: Commits): Promise<unknown>
  /** Lets that row go, or name version 2. */
  release?(database: Database): Promise<unknown>
}

const young = { locatorVersion: 2, objectVersion: 2 }
const youngGrant = { grantVersion: 2, sessionVersion: 2 }
const shredAll = async ({ read, commit }: Database) => {
  for (const { recordId } of await read((reader) => reader.findUnstored(NOW * 2, null, 9))) {
    await commit.shredRecord(recordId, sampleDeletion(), sampleEvent(), [])
  }
}
const expireAll = ({ commit }: Database) => commit.removeExpired(NOW * 2, 99)

const USES: Record<string, Use> = {
  'a record is found by it': {
    key: 'locator',
    write: (commit) => givenGrant(commit, youngGrant, { ...young, locatorVersion: 1 }),
    release: shredAll,
  },
  'an object is found by it': {
    key: 'objects',
    write: (commit) => givenGrant(commit, youngGrant, { ...young, objectVersion: 1 }),
    release: shredAll,
  },
  'a record whose time is over is found by it': {
    key: 'objects',
    write: (commit) => givenGrant(commit, youngGrant, { ...young, objectVersion: 1, expiresAt: NOW - 1 }),
    release: shredAll,
  },
  'a grant was made with it': {
    key: 'grant',
    write: (commit) =>
      commit.setGrants([sampleGrant(bytes(16), { ...youngGrant, grantVersion: 1 })], [], [], sampleRoom()),
    release: expireAll,
  },
  "a grant's session is named by it": {
    key: 'session',
    write: (commit) =>
      commit.setGrants([sampleGrant(bytes(16), { ...youngGrant, sessionVersion: 1 })], [], [], sampleRoom()),
    release: expireAll,
  },
  'a session is named by it': {
    key: 'session',
    write: (commit) => givenSession(commit),
    release: expireAll,
  },
  'a revoked session is named by it': {
    key: 'session',
    write: (commit) => commit.revokeSession([sampleTombstone(bytes(32))], sampleEvent({ epoch: 2 })),
    release: expireAll,
  },
  'pseudonyms were made with it': {
    key: 'audit',
    write: (commit) => commit.recordAudit([sampleEvent({ epoch: 1 })]),
  },
}

function retirementRules(open: OpenDatabase): void {
  for (const [reason, { key, write, release }] of Object.entries(USES)) {
    test(`${key} is in use because ${reason}: it stays, and nothing is recorded`, async () => {
      await using under = await open()
      const { database } = under
      const { commit } = database
      const [first, second] = [ring(1), ring(2)]
      await commit.replaceKeyRing(first, change(0))
      await write(commit)
      const retires = { key, version: 1 }
      const rows = (await under.readAudit()).length
      const retirement = change(1, { retires, audit: sampleEvent({ epoch: 2 }) })
      expect(await commit.replaceKeyRing(second, retirement)).toBe('in-use')
      expect(await commit.replaceKeyRing(second, { ...retirement, expected: 2 })).toBe('changed-meanwhile')
      expect(await readRing(database)).toEqual(first)
      expect(await under.readAudit()).toHaveLength(rows)
      const another = { ...retirement, retires: { key, version: 3 } }
      expect(await commit.replaceKeyRing(ring(2), another)).toBe('replaced')
      expect(await under.readAudit()).toHaveLength(rows + 1)
      if (release === undefined) return
      await release(database)
      expect(await commit.replaceKeyRing(ring(3), { ...retirement, expected: 2 })).toBe('replaced')
    })
  }

  test('no row names a checkpoint key', async () => {
    await using under = await open()
    const { commit } = under.database
    await commit.replaceKeyRing(ring(1), change(0))
    await givenGrant(commit)
    const retires = { key: 'checkpoint', version: 1 } as const
    expect(await commit.replaceKeyRing(ring(2), change(1, { retires }))).toBe('replaced')
  })

  test('a record that was moved to the younger keys names the older ones no more', async () => {
    await using under = await open()
    const { commit } = under.database
    await commit.replaceKeyRing(ring(1), change(0))
    const { grant, record } = await givenGrant(commit)
    await commit.decide([spend(grant, { relocation: { locator: bytes(32), locatorVersion: 2 } })])
    const reference = sampleReference(record.recordId)
    await commit.referObjects([reference], sampleEvent())
    for (const [index, key] of (['locator', 'objects'] as const).entries()) {
      const retires = { key, version: 1 }
      expect(await commit.replaceKeyRing(ring(index + 2), change(index + 1, { retires }))).toBe('replaced')
    }
  })
}

function countRules(open: OpenDatabase): void {
  test('counts what still names each key, and leaves out what nothing names', async () => {
    await using under = await open()
    const { database } = under
    const { commit } = database
    const count = async () => sorted(await database.read((reader) => reader.countKeyUses()))
    await commit.replaceKeyRing(ring(1, OTHER_KID), change(0))
    // The ring itself lies under a root key.
    expect(await count()).toEqual([use('root', OTHER_KID, 1)])
    await givenGrant(commit, youngGrant)
    await givenGrant(commit, {}, { expiresAt: NOW - 1 })
    await givenGrant(commit, {}, { ...young, kid: OTHER_KID })
    const { record } = await givenGrant(commit, { grantVersion: 9 }, { kid: 'r9', ...young })
    await commit.shredRecord(record.recordId, sampleDeletion(), sampleEvent(), [])
    await commit.setGrants(
      [sampleGrant(bytes(16), { grantVersion: 10, sessionVersion: 10, expiresAt: 1 })],
      [],
      [],
      sampleRoom(),
    )
    await givenSession(commit, { sessionVersion: 2 })
    await commit.revokeSession([sampleTombstone(bytes(32), { sessionVersion: 3 })], sampleEvent())
    const wanted = [
      ...[use('root', KID, 2), use('root', OTHER_KID, 2)],
      ...[use('locator', '1', 2), use('locator', '2', 1)],
      ...[use('objects', '1', 2), use('objects', '2', 1)],
      ...[use('grant', '1', 2), use('grant', '2', 1), use('grant', '10', 1)],
      ...[use('session', '1', 2), use('session', '2', 2), use('session', '3', 1), use('session', '10', 1)],
    ]
    expect(await count()).toEqual(sorted(wanted))
  })
}

const use = (key: KeyUse['key'], name: string, rows: number): KeyUse => ({ key, name, rows })
const sorted = (uses: readonly KeyUse[]): KeyUse[] =>
  uses.toSorted((a, b) => `${a.key} ${a.name}`.localeCompare(`${b.key} ${b.name}`))
