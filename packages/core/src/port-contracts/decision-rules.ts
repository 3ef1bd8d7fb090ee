import { expect, test } from 'vitest'
import type { Grant } from '../domain/grant.ts'
import type { Session } from '../domain/session.ts'
import type { Commits, NewRecord } from '../ports.ts'
import type { OpenDatabase } from './database-under-test.ts'
import {
  APP,
  bytes,
  columnsOf,
  givenGrant,
  givenSession,
  NOW,
  type Spend,
  sampleDeletion,
  sampleEvent,
  sampleGrant,
  sampleRelocation,
  sampleReseal,
  sampleRoom,
  sampleSubject,
  sampleTombstone,
  spend,
} from './sample-rows.ts'

interface Given {
  readonly record: NewRecord
  readonly grant: Grant
  readonly session: Session
}

/** One flaw each: what happens before the decision, or what the decision names. */
const FLAWS: Record<string, (commit: Commits, given: Given) => Promise<Partial<Spend>>> = {
  'the grant is unknown': async () => ({ grantId: bytes(32) }),
  'the grant is for another record': async (commit) => ({
    recordId: (await givenGrant(commit)).record.recordId,
  }),
  'the grant was revoked': async (commit, { grant }) => {
    await commit.revokeGrants({ app: APP, sessionRefs: [grant.sessionRef], recordIds: null }, [])
    return {}
  },
  'the grant expires at this millisecond': async (_, { grant }) => ({
    audit: sampleSubject({ at: grant.expiresAt }),
    tokenHash: null,
  }),
  'the grant is used up': async (commit, { grant }) => {
    await commit.decide([spend(grant), spend(grant)])
    return {}
  },
  'the record is unknown': async (commit, { grant }) => {
    const recordId = bytes(16)
    await commit.setGrants([{ ...grant, recordId }], [], [], sampleRoom())
    return { recordId }
  },
  'the record was shredded': async (commit, { grant, record }) => {
    await commit.shredRecord(record.recordId, sampleDeletion(), sampleEvent(), [])
    await commit.setGrants([grant], [], [], sampleRoom())
    return {}
  },
  'the time to live of the record is over at this millisecond': async (commit) => {
    const { record, grant } = await givenGrant(commit, {}, { expiresAt: NOW })
    return { recordId: record.recordId, grantId: grant.grantId }
  },
  'the record was shredded, and another generation was read': async (commit, { grant, record }) => {
    await commit.shredRecord(record.recordId, sampleDeletion(), sampleEvent(), [])
    await commit.setGrants([grant], [], [], sampleRoom())
    return { generation: 7 }
  },
  'the time to live is over, and another generation was read': async (commit) => {
    const { record, grant } = await givenGrant(commit, {}, { expiresAt: NOW })
    return { recordId: record.recordId, grantId: grant.grantId, generation: 7 }
  },
  'the grant is unknown, and another generation was read': async () => ({
    grantId: bytes(32),
    generation: 7,
  }),
  'the session is unknown, and another generation was read': async () => ({
    tokenHash: bytes(32),
    generation: 7,
  }),
  'the session is unknown': async () => ({ tokenHash: bytes(32) }),
  'the session was closed': async (commit, { session }) => {
    await commit.closeSession(session.tokenHash, sampleEvent())
    return {}
  },
  'the session was revoked, and the grant set again': async (commit, { session, grant }) => {
    await commit.revokeSession([sampleTombstone(session.sessionRef)], sampleEvent())
    await commit.setGrants([grant], [], [], sampleRoom())
    return {}
  },
  'the session expires at this millisecond': async (commit) => ({
    tokenHash: (await givenSession(commit, { expiresAt: NOW })).tokenHash,
  }),
}

export function decisionRules(open: OpenDatabase): void {
  refusalRules(open)
  useRules(open)
  staleRules(open)
  relocationRules(open)
  orderRules(open)
}

function refusalRules(open: OpenDatabase): void {
  for (const [flaw, prepare] of Object.entries(FLAWS)) {
    test(`refused, spending nothing, because ${flaw}`, async () => {
      await using under = await open()
      const { database } = under
      const { commit } = database
      const given = { ...(await givenGrant(commit, { maxUses: 2 })), session: await givenSession(commit) }
      const decision = spend(given.grant, { tokenHash: given.session.tokenHash })
      expect(await commit.decide([decision])).toEqual([null])
      await commit.setGrants([given.grant], [], [], sampleRoom())

      const relocation = sampleRelocation()
      const changes = { relocation, ...(await prepare(commit, given)) }
      const find = () =>
        database.read(async (reader) => [
          await reader.findGrants([given.grant.grantId, changes.grantId ?? bytes(32)]),
          await reader.findRecords([given.record.locator, relocation.locator]),
        ])
      const before = await find()
      const refused = (['0', '1'] as const).map((uses) => ({
        ...decision,
        ...changes,
        uses: Number(uses) as 0 | 1,
      }))
      expect(await commit.decide(refused)).toEqual(['changed-meanwhile', 'changed-meanwhile'])
      expect(await find()).toEqual(before)
      const rows = (await under.readAudit()).slice(-2)
      expect(rows.map((row) => row.refusal)).toEqual(['changed-meanwhile', 'changed-meanwhile'])
    })
  }

  test('refusals are recorded in their own words, and spend nothing', async () => {
    await using under = await open()
    const { commit } = under.database
    const audit = sampleSubject()
    const decision = { kind: 'refuse', refusal: 'no-grant', audit } as const
    expect(await commit.decide([decision])).toEqual(['no-grant'])
    expect(await under.readAudit()).toEqual([
      { ...audit, refusal: 'no-grant', writer: expect.any(String), seq: 1 },
    ])
  })
}

function staleRules(open: OpenDatabase): void {
  test('stale when only the generation is another one: nothing is spent, moved or recorded', async () => {
    await using under = await open()
    const { database } = under
    const { commit } = database
    const { record, grant } = await givenGrant(commit, { maxUses: 1 })
    const { tokenHash } = await givenSession(commit)
    const relocation = sampleRelocation()
    const old = [
      spend(grant, { tokenHash, relocation, generation: 2 }),
      spend(grant, { tokenHash, relocation, generation: 2, uses: 0 }),
    ]
    expect(await commit.decide(old)).toEqual(['stale', 'stale'])
    expect(await under.readAudit()).toHaveLength(2)
    await commit.resealRecords([sampleReseal(record)], sampleEvent())
    expect(await commit.decide([spend(grant, { tokenHash, relocation })])).toEqual(['stale'])
    await database.read(async (reader) => {
      expect(await reader.findGrants([grant.grantId])).toEqual([grant])
      expect(await reader.findRecords([relocation.locator])).toEqual([null])
    })
    expect(await commit.decide(old.slice(0, 1))).toEqual([null])
    expect(await under.readAudit()).toHaveLength(4)
  })

  test('what is stale does not keep the others of its batch from being decided', async () => {
    await using under = await open()
    const { commit } = under.database
    const { grant } = await givenGrant(commit)
    const refusal = { kind: 'refuse', refusal: 'no-grant', audit: sampleSubject() } as const
    const outcomes = await commit.decide([spend(grant, { generation: 2 }), spend(grant), refusal])
    expect(outcomes).toEqual(['stale', null, 'no-grant'])
    expect((await under.readAudit()).map((row) => row.refusal)).toEqual([null, null, 'no-grant'])
  })
}

function relocationRules(open: OpenDatabase): void {
  for (const uses of [0, 1] as const) {
    test(`what is allowed (${uses} uses) moves the record; it is found at the new place alone`, async () => {
      await using under = await open()
      const { database } = under
      const { record, grant } = await givenGrant(database.commit)
      const neighbour = await givenGrant(database.commit)
      const relocation = sampleRelocation()
      expect(await database.commit.decide([spend(grant, { uses, relocation })])).toEqual([null])
      const locators = [record.locator, relocation.locator, neighbour.record.locator]
      expect(await database.read((reader) => reader.findRecords(locators))).toEqual([
        null,
        { ...columnsOf(record), locatorVersion: 2 },
        columnsOf(neighbour.record),
      ])
    })
  }

  test('moves forward only: a record that a younger key has placed stays, and is decided all the same', async () => {
    await using under = await open()
    const { database } = under
    const { record, grant } = await givenGrant(database.commit, {}, { locatorVersion: 2 })
    for (const locatorVersion of [1, 2]) {
      const relocation = sampleRelocation({ locatorVersion })
      expect(await database.commit.decide([spend(grant, { relocation })])).toEqual([null])
    }
    const found = await database.read((reader) => reader.findRecords([record.locator]))
    expect(found).toEqual([columnsOf(record)])
  })

  test('a place that is taken: rejected, and nothing is spent or recorded', async () => {
    await using under = await open()
    const { database } = under
    const { grant } = await givenGrant(database.commit)
    const { locator } = (await givenGrant(database.commit)).record
    const decisions = [spend(grant), spend(grant, { relocation: sampleRelocation({ locator }) })]
    await expect(database.commit.decide(decisions)).rejects.toThrow()
    expect(await database.read((reader) => reader.findGrants([grant.grantId]))).toEqual([grant])
    expect(await under.readAudit()).toHaveLength(2)
  })
}

function useRules(open: OpenDatabase): void {
  test('a use is counted; looking whether it is usable is not', async () => {
    await using under = await open()
    const { database } = under
    const { grant } = await givenGrant(database.commit, { maxUses: 1 })
    const unlimited = sampleGrant(grant.recordId)
    await database.commit.setGrants([unlimited], [], [], sampleRoom())
    const look = spend(grant, { uses: 0 })
    const decisions = [look, look, spend(grant), spend(unlimited), spend(unlimited), spend(unlimited)]
    expect(await database.commit.decide(decisions)).toEqual([null, null, null, null, null, null])
    expect(await database.commit.decide([look])).toEqual(['changed-meanwhile'])
    const left = await database.read((reader) => reader.findGrants([grant.grantId, unlimited.grantId]))
    expect(left.map((each) => each?.uses)).toEqual([1, 3])
  })

  test('the last millisecond of grant, session and record still counts', async () => {
    await using under = await open()
    const { commit } = under.database
    const { grant } = await givenGrant(commit, { expiresAt: NOW + 1 }, { expiresAt: NOW + 1 })
    const { tokenHash } = await givenSession(commit, { expiresAt: NOW + 1 })
    expect(await commit.decide([spend(grant, { tokenHash })])).toEqual([null])
  })
}

function orderRules(open: OpenDatabase): void {
  test('decides in order: what comes first gets the last use', async () => {
    await using under = await open()
    const { commit } = under.database
    const { grant } = await givenGrant(commit, { maxUses: 1 })
    const other = await givenGrant(commit, { maxUses: 1 })
    const refusal = { kind: 'refuse', refusal: 'not-stored', audit: sampleSubject() } as const
    const decisions = [spend(grant), refusal, spend(grant), spend(other.grant)]
    const outcomes = [null, 'not-stored', 'changed-meanwhile', null]
    expect(await commit.decide(decisions)).toEqual(outcomes)
    const rows = (await under.readAudit()).slice(2)
    expect(rows.map((row) => row.refusal)).toEqual(outcomes)
    expect(rows.map((row) => row.requestId)).toEqual(decisions.map(({ audit }) => audit.requestId))
    expect(await commit.decide([])).toEqual([])
  })

  test('a decision that cannot be recorded: rejected, and nothing is spent, not even by those before it', async () => {
    await using under = await open()
    const { database } = under
    const { grant } = await givenGrant(database.commit)
    const audit = sampleSubject({ epoch: Number.NaN })
    const decisions = [spend(grant), spend(grant, { audit }), spend(grant)]
    await expect(database.commit.decide(decisions)).rejects.toThrow()
    expect(await database.read((reader) => reader.findGrants([grant.grantId]))).toEqual([grant])
    expect(await under.readAudit()).toHaveLength(1)
  })
}
