import type { OperatorId } from '@lunadefend/contract'
import { expect, test } from 'vitest'
import type { AuditEvent } from '../domain/audit.ts'
import type { Commits } from '../ports.ts'
import type { AuditRow, OpenDatabase } from './database-under-test.ts'
import {
  APP,
  bytes,
  columnsOf,
  givenGrant,
  givenSession,
  KID,
  NOW,
  sampleBlock,
  sampleDeletion,
  sampleEvent,
  sampleGrant,
  sampleOpening,
  sampleRecord,
  sampleReference,
  sampleReseal,
  sampleRoom,
  sampleSession,
  sampleTombstone,
  sampleUpload,
  spend,
  UNWRITABLE,
} from './sample-rows.ts'

/** Throws unless every writer counts 1, 2, 3, … in the order in which its rows come. */
export function expectNoGap(rows: readonly AuditRow[]): void {
  const last = new Map<string, number>()
  for (const { writer, seq } of rows) {
    expect(seq).toBe((last.get(writer) ?? 0) + 1)
    last.set(writer, seq)
  }
}

export function auditRules(open: OpenDatabase): void {
  numberRules(open)
  atomicityRules(open)
}

function numberRules(open: OpenDatabase): void {
  test('every column comes back as it went in, in the order of the commits', async () => {
    await using under = await open()
    const events = [
      sampleEvent({
        session: null,
        user: null,
        token: null,
        network: null,
        generation: null,
        actor: 'application',
      }),
      sampleEvent({ refusal: 'grant-used-up', policy: 'office-hours', generation: 4_294_967_296 }),
      sampleEvent({ actor: 'operator', operator: 'ops-1' as OperatorId, action: 'delete-token', count: 0 }),
      sampleEvent({ action: 'delete-token', epoch: 99_999, count: 0 }),
      sampleEvent({ action: 'reap-objects', app: null, actor: 'system', count: 4_294_967_296 }),
    ]
    await under.database.commit.recordAudit(events)
    const rows = await under.readAudit()
    const writer = rows[0]?.writer
    expect(rows).toEqual(events.map((event, index) => ({ ...event, writer, seq: index + 1 })))
  })

  test('numbers have no gap, whatever fails in between', async () => {
    await using under = await open()
    const { commit } = under.database
    const { record, grant } = await givenGrant(commit)
    const attempts = Array.from({ length: 60 }, (_, index) => {
      if (index % 3 === 0) return commit.recordAudit([sampleEvent(), sampleEvent()])
      if (index % 3 === 1) return commit.createRecord(record, grant, sampleEvent(), sampleRoom())
      return commit.recordAudit([sampleEvent(), sampleEvent(UNWRITABLE)])
    })
    const settled = await Promise.allSettled(attempts)
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(20)
    const rows = await under.readAudit()
    expect(rows).toHaveLength(41)
    expectNoGap(rows)
  })

  test('each opening of the database is a writer of its own', async () => {
    await using under = await open()
    {
      await using other = await under.connect()
      await Promise.all([
        under.database.commit.recordAudit([sampleEvent()]),
        other.commit.recordAudit([sampleEvent(), sampleEvent()]),
      ])
    }
    await using third = await under.connect()
    await third.commit.recordAudit([sampleEvent()])
    const rows = await under.readAudit()
    expectNoGap(rows)
    expect(new Set(rows.map(({ writer }) => writer)).size).toBe(3)
  })
}

/** Every commit that is audited, asked for with a row that cannot be written. */
const UNRECORDABLE: Record<string, (commit: Commits, given: Given, audit: AuditEvent) => Promise<unknown>> = {
  createRecord: (commit, { fresh }, audit) =>
    commit.createRecord(fresh, sampleGrant(fresh.recordId), audit, sampleRoom()),
  decide: (commit, { grant }, audit) => commit.decide([spend(grant, { audit })]),
  setGrants: (commit, { grant }, audit) =>
    commit.setGrants(
      [{ ...grant, purpose: 'other', grantId: bytes(32) }],
      [grant.grantId],
      [audit],
      sampleRoom(),
    ),
  revokeGrants: (commit, { grant }, audit) =>
    commit.revokeGrants({ app: APP, sessionRefs: [grant.sessionRef], recordIds: null }, [
      sampleEvent(),
      audit,
    ]),
  openSession: (commit, { opening }, audit) => commit.openSession(opening, audit),
  closeSession: (commit, { session }, audit) => commit.closeSession(session.tokenHash, audit),
  revokeSession: (commit, { opening }, audit) =>
    commit.revokeSession([sampleTombstone(opening.session.sessionRef)], audit),
  shredRecord: (commit, { record }, audit) =>
    commit.shredRecord(record.recordId, sampleDeletion({ notBefore: NOW }), audit, []),
  recordAudit: (commit, _, audit) => commit.recordAudit([sampleEvent(), audit]),
  endUpload: (commit, { record }, audit) => commit.endUpload(record.recordId, NOW, audit),
  setBlocks: (commit, { grant }, audit) => commit.setBlocks([sampleBlock(grant.sessionRef)], audit),
  liftBlocks: (commit, _, audit) =>
    commit.liftBlocks({ refs: null, blockId: null, app: null, setBy: null }, audit),
  resealRecords: (commit, { record }, audit) => commit.resealRecords([sampleReseal(record)], audit),
  referObjects: (commit, { record }, audit) => commit.referObjects([sampleReference(record.recordId)], audit),
  rekeyRecord: (commit, { record }, audit) =>
    commit.rekeyRecord(
      sampleReseal(record),
      sampleReference(record.recordId),
      sampleDeletion({ notBefore: NOW }),
      audit,
      [],
    ),
  replaceKeyRing: (commit, _, audit) =>
    commit.replaceKeyRing({ ...RING, version: 2 }, { expected: 1, retires: null, audit }),
}

const RING = { version: 1, kid: KID, sealed: bytes(99) }

type Given = Awaited<ReturnType<typeof given>>

async function given(commit: Commits) {
  await commit.replaceKeyRing(RING, { expected: 0, retires: null, audit: null })
  const sessionRef = bytes(32)
  const session = await givenSession(commit, { sessionRef })
  const opening = sampleOpening(sampleSession({ sessionRef }))
  const granted = await givenGrant(commit, { sessionRef })
  const upload = sampleUpload(granted.record.recordId)
  const block = sampleBlock(bytes(32))
  await commit.setBlocks([block], sampleEvent())
  await commit.beginUpload(upload)
  return { ...granted, upload, block, session, opening, fresh: sampleRecord() }
}

function atomicityRules(open: OpenDatabase): void {
  for (const [name, attempt] of Object.entries(UNRECORDABLE)) {
    test(`${name} that cannot be recorded is rejected and changes nothing`, async () => {
      await using under = await open()
      const { database } = under
      const before = await given(database.commit)
      const { record, grant, upload, block, session, opening, fresh } = before
      await expect(attempt(database.commit, before, sampleEvent(UNWRITABLE))).rejects.toThrow()

      await database.read(async (reader) => {
        expect(await reader.findRecords([record.locator, fresh.locator])).toEqual([columnsOf(record), null])
        expect(await reader.findObjectRefs([record.objectRef])).toEqual([true])
        expect(await reader.findUpload(record.recordId)).toEqual(upload)
        expect(await reader.readKeyRing()).toEqual(RING)
        expect(
          await reader.findBlocks({ refs: null, blockId: null, app: null, setBy: null }, NOW, 9),
        ).toEqual([block])
        expect(await reader.findGrants([grant.grantId])).toEqual([grant])
        expect(await reader.findSession(session.tokenHash)).toEqual(session)
        expect(await reader.findSession(opening.session.tokenHash)).toBeNull()
        expect(await reader.findDeletions(NOW, 9)).toEqual([])
      })
      expect(await under.readAudit()).toHaveLength(3)
      // Neither a tombstone nor a used challenge was left behind.
      expect(await database.commit.openSession(opening, sampleEvent())).toBe('opened')
    })
  }
}
