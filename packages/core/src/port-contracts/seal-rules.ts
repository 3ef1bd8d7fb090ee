import { expect, test } from 'vitest'
import type { TokenRecord } from '../domain/record.ts'
import type { Database, NewRecord, Reseal } from '../ports.ts'
import type { OpenDatabase } from './database-under-test.ts'
import {
  bytes,
  columnsOf,
  givenGrant,
  KID,
  NOW,
  OTHER_KID,
  sampleDeletion,
  sampleEvent,
  sampleReference,
  sampleReseal,
  sampleUpload,
  UNWRITABLE,
} from './sample-rows.ts'

const find = async (database: Database, ...records: readonly NewRecord[]) =>
  database.read((reader) => reader.findRecords(records.map(({ locator }) => locator)))

function resealed(
  record: NewRecord,
  { generation, kid, recordSalt, sealed, sealedMetadata }: Reseal,
): TokenRecord {
  return { ...columnsOf(record), generation, kid, recordSalt, sealed, sealedMetadata }
}

/** Fresh seals, fresh references to objects, and both at once. */
export function sealRules(open: OpenDatabase): void {
  resealRules(open)
  lengthRules(open)
  referenceRules(open)
  rekeyRules(open)
}

function resealRules(open: OpenDatabase): void {
  test('each that is still in the generation before gets its new seal; the audit row counts them', async () => {
    await using under = await open()
    const { database } = under
    const { record, grant } = await givenGrant(database.commit)
    const other = (await givenGrant(database.commit, {}, { generation: 41, sealedMetadata: bytes(4200) }))
      .record
    const changed = (await givenGrant(database.commit)).record
    const untouched = (await givenGrant(database.commit)).record
    const reseals = [
      sampleReseal(record),
      sampleReseal(changed, { generation: 1 }),
      sampleReseal(changed, { generation: 3 }),
      sampleReseal(other),
      sampleReseal(record, { recordId: bytes(16) }),
    ] as const
    const audit = sampleEvent({ action: 'reseal-records', count: 5, app: null, actor: 'system', token: null })
    expect(await database.commit.resealRecords(reseals, audit)).toBe(2)
    expect(await find(database, record, other, changed, untouched)).toEqual([
      resealed(record, reseals[0]),
      resealed(other, reseals[3]),
      columnsOf(changed),
      columnsOf(untouched),
    ])
    expect(await database.read((reader) => reader.findGrants([grant.grantId]))).toEqual([grant])
    expect((await under.readAudit()).at(-1)).toMatchObject({ ...audit, count: 2 })
  })

  test('a seal that was replaced already, and a shredded record, stay as they are: the audit row counts 0', async () => {
    await using under = await open()
    const { database } = under
    const { record } = await givenGrant(database.commit)
    const shredded = (await givenGrant(database.commit)).record
    await database.commit.shredRecord(shredded.recordId, sampleDeletion(), sampleEvent(), [])
    const first = sampleReseal(record)
    expect(await database.commit.resealRecords([first], sampleEvent())).toBe(1)
    const before = await find(database, shredded)
    const late = [sampleReseal(record), sampleReseal(shredded)]
    expect(await database.commit.resealRecords(late, sampleEvent())).toBe(0)
    expect(await database.commit.resealRecords([], sampleEvent())).toBe(0)
    expect(await find(database, record)).toEqual([resealed(record, first)])
    expect(await find(database, shredded)).toEqual(before)
    expect((await under.readAudit()).slice(-3).map(({ count }) => count)).toEqual([1, 0, 0])
  })

  test('what has outlived its time to live is sealed anew as long as it is not shredded', async () => {
    await using under = await open()
    const { database } = under
    const { record } = await givenGrant(database.commit, {}, { expiresAt: NOW - 1 })
    expect(await database.commit.resealRecords([sampleReseal(record)], sampleEvent())).toBe(1)
  })

  test('all or none: one that cannot be written, and not one is changed', async () => {
    await using under = await open()
    const { database } = under
    const [a, b] = [(await givenGrant(database.commit)).record, (await givenGrant(database.commit)).record]
    const broken = sampleReseal(b, { kid: null as unknown as string })
    for (const [reseals, audit] of [
      [[sampleReseal(a), broken], sampleEvent()],
      [[sampleReseal(a)], sampleEvent(UNWRITABLE)],
    ] as const) {
      await expect(database.commit.resealRecords(reseals, audit)).rejects.toThrow()
    }
    expect(await find(database, a, b)).toEqual([columnsOf(a), columnsOf(b)])
    expect(await under.readAudit()).toHaveLength(2)
  })
}

// Where bytes are overwritten in place, one of another length would leave the old ones behind.
function lengthRules(open: OpenDatabase): void {
  const cases: Record<string, (record: NewRecord) => Partial<Reseal>> = {
    'a longer salt': () => ({ recordSalt: bytes(33) }),
    'a shorter seal': (record) => ({ sealed: bytes(record.sealed.length - 1) }),
    'longer metadata': () => ({ sealedMetadata: bytes(61) }),
    'metadata that are gone': () => ({ sealedMetadata: null }),
    'metadata where there were none': () => ({ sealedMetadata: bytes(60) }),
  }
  for (const [flaw, change] of Object.entries(cases)) {
    test(`${flaw}: rejected, and nothing is changed`, async () => {
      await using under = await open()
      const { database } = under
      const sealedMetadata = flaw === 'metadata where there were none' ? null : bytes(60)
      const { record } = await givenGrant(database.commit, {}, { sealedMetadata })
      const neighbour = (await givenGrant(database.commit)).record
      const flawed = sampleReseal(record, change(record))
      const reseals = database.commit.resealRecords([sampleReseal(neighbour), flawed], sampleEvent())
      await expect(reseals).rejects.toMatchObject({ code: 'database_failed' })
      const reference = sampleReference(record.recordId)
      const rekey = database.commit.rekeyRecord(flawed, reference, sampleDeletion(), sampleEvent(), [])
      await expect(rekey).rejects.toMatchObject({ code: 'database_failed' })
      expect(await find(database, record, neighbour)).toEqual([columnsOf(record), columnsOf(neighbour)])
      expect(await under.readAudit()).toHaveLength(2)
    })
  }
}

function referenceRules(open: OpenDatabase): void {
  test('each living record gets its younger reference; the audit row counts them', async () => {
    await using under = await open()
    const { database } = under
    const records = []
    for (const objectVersion of [1, 2, 3, 1]) {
      records.push((await givenGrant(database.commit, {}, { objectVersion })).record)
    }
    const [moved, present, younger, shredded] = records as [NewRecord, NewRecord, NewRecord, NewRecord]
    await database.commit.shredRecord(shredded.recordId, sampleDeletion(), sampleEvent(), [])
    const references = [...records, { recordId: bytes(16) }].map(({ recordId }) => sampleReference(recordId))
    const audit = sampleEvent({ action: 'refer-objects', count: 5 })
    expect(await database.commit.referObjects(references, audit)).toBe(1)
    expect((await under.readAudit()).at(-1)).toMatchObject({ ...audit, count: 1 })
    expect(await find(database, moved, present, younger)).toEqual([
      { ...columnsOf(moved), objectVersion: 2 },
      columnsOf(present),
      columnsOf(younger),
    ])
    const refs = [...records, ...references].map(({ objectRef }) => objectRef)
    const known = await database.read((reader) => reader.findObjectRefs(refs))
    expect(known).toEqual([false, true, true, false, true, false, false, false, false])
    expect(await database.commit.referObjects(references, sampleEvent())).toBe(0)
    expect(await database.commit.referObjects([], sampleEvent())).toBe(0)
  })

  test('a record that was re-keyed meanwhile keeps the reference of its new object', async () => {
    await using under = await open()
    const { database } = under
    const { record } = await givenGrant(database.commit)
    const fresh = sampleReference(record.recordId, { objectVersion: 1 })
    await database.commit.rekeyRecord(sampleReseal(record), fresh, sampleDeletion(), sampleEvent(), [])
    const late = sampleReference(record.recordId, { generation: record.generation })
    expect(await database.commit.referObjects([late], sampleEvent())).toBe(0)
    const refs = [fresh.objectRef, late.objectRef]
    expect(await database.read((reader) => reader.findObjectRefs(refs))).toEqual([true, false])
  })

  test('all or none', async () => {
    await using under = await open()
    const { database } = under
    const { record } = await givenGrant(database.commit)
    const other = (await givenGrant(database.commit)).record
    const good = sampleReference(record.recordId)
    for (const [references, audit] of [
      [[good, sampleReference(other.recordId, { objectRef: null as unknown as Uint8Array })], sampleEvent()],
      [[good], sampleEvent(UNWRITABLE)],
    ] as const) {
      await expect(database.commit.referObjects(references, audit)).rejects.toThrow()
    }
    expect(await find(database, record)).toEqual([columnsOf(record)])
    const refs = [record.objectRef, good.objectRef]
    expect(await database.read((reader) => reader.findObjectRefs(refs))).toEqual([true, false])
  })
}

function rekeyRules(open: OpenDatabase): void {
  test('a new seal and a new object; the old one is noted for removal with its upload, the grants stay', async () => {
    await using under = await open()
    const { database } = under
    const { record, grant } = await givenGrant(database.commit, {}, { storedAt: NOW, objectVersion: 3 })
    const upload = sampleUpload(record.recordId)
    await database.commit.beginUpload(upload)
    const fresh = sampleReseal(record, { kid: KID })
    // Whatever key found the old object: this is another object.
    const reference = sampleReference(record.recordId, { objectVersion: 3 })
    const old = sampleDeletion({ notBefore: NOW + 5 })
    const audit = sampleEvent({ action: 'rekey-token' })
    expect(await database.commit.rekeyRecord(fresh, reference, old, audit, [])).toBe(true)
    expect(await find(database, record)).toEqual([resealed(record, fresh)])
    await database.read(async (reader) => {
      const refs = [record.objectRef, reference.objectRef]
      expect(await reader.findObjectRefs(refs)).toEqual([false, true])
      expect(await reader.findGrants([grant.grantId])).toEqual([grant])
      expect(await reader.findUpload(record.recordId)).toBeNull()
      expect(await reader.findDeletions(NOW + 4, 9)).toEqual([])
      const noted = { objectKey: old.objectKey, uploadId: upload.uploadId }
      expect(await reader.findDeletions(NOW + 5, 9)).toEqual([noted])
    })
    expect((await under.readAudit()).at(-1)).toMatchObject(audit)
  })

  test('not in the generation before, or shredded, or unknown: nothing but the audit row, as a refusal', async () => {
    await using under = await open()
    const { database } = under
    const { record } = await givenGrant(database.commit)
    const shredded = (await givenGrant(database.commit)).record
    await database.commit.shredRecord(shredded.recordId, sampleDeletion(), sampleEvent(), [])
    const before = await find(database, shredded)
    const reseals = [
      sampleReseal(record, { generation: 1 }),
      sampleReseal(record, { generation: 3 }),
      sampleReseal(shredded),
      sampleReseal(record, { recordId: bytes(16) }),
    ]
    for (const fresh of reseals) {
      const reference = sampleReference(fresh.recordId)
      const old = sampleDeletion({ notBefore: NOW })
      expect(await database.commit.rekeyRecord(fresh, reference, old, sampleEvent(), [])).toBe(false)
      expect(await database.read((reader) => reader.findObjectRefs([reference.objectRef]))).toEqual([false])
    }
    expect(await find(database, record)).toEqual([columnsOf(record)])
    expect(await find(database, shredded)).toEqual(before)
    expect(await database.read((reader) => reader.findDeletions(NOW, 9))).toEqual([])
    const refusals = (await under.readAudit()).slice(3).map(({ refusal }) => refusal)
    expect(refusals).toEqual(reseals.map(() => 'changed-meanwhile'))
    expect(await database.read((reader) => reader.findRecordsSealedBy(OTHER_KID, null, 9))).toEqual([])
  })
}
