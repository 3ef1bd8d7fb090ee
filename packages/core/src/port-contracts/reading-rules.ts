import { expect, test } from 'vitest'
import type { OpenDatabase } from './database-under-test.ts'
import {
  APP,
  bytes,
  columnsOf,
  givenGrant,
  givenSession,
  NOW,
  sampleDeletion,
  sampleEvent,
  sampleGrant,
  sampleRecord,
  sampleRoom,
  sampleUpload,
} from './sample-rows.ts'

export function readingRules(open: OpenDatabase): void {
  test('what is not there is null, and an empty question has an empty answer', async () => {
    await using under = await open()
    const { database } = under
    const answers = await database.read(async (reader) => [
      await reader.findRecords([bytes(32), bytes(32)]),
      await reader.findRecordsById([bytes(16)]),
      await reader.findGrants([bytes(32)]),
      await reader.findSession(bytes(32)),
      await reader.findUpload(bytes(16)),
      await reader.readKeyRing(),
      await reader.findDeletions(NOW, 10),
      await reader.findObjectRefs([bytes(32)]),
      await reader.countKeyUses(),
      await reader.findWork(),
      await reader.findRecords([]),
      await reader.findRecordsById([]),
      await reader.findObjectRefs([]),
      await reader.findGrants([]),
    ])
    expect(answers).toEqual([
      ...[[null, null], [null], [null], null, null, null, []],
      ...[[false], [], [], [], [], [], []],
    ])
  })

  test('lists answer in the order of the question, also for the same thing twice', async () => {
    await using under = await open()
    const { database } = under
    const first = await givenGrant(database.commit)
    const second = await givenGrant(database.commit)
    const records = await database.read((reader) =>
      reader.findRecords([second.record.locator, bytes(32), first.record.locator, second.record.locator]),
    )
    const wanted = [columnsOf(second.record), null, columnsOf(first.record), columnsOf(second.record)]
    expect(records).toEqual(wanted)
    const recordIds = [second.record.recordId, bytes(16), first.record.recordId, second.record.recordId]
    expect(await database.read((reader) => reader.findRecordsById(recordIds))).toEqual(wanted)
    const refs = [second.record.objectRef, bytes(32), second.record.objectRef]
    expect(await database.read((reader) => reader.findObjectRefs(refs))).toEqual([true, false, true])
    const grantIds = [second.grant.grantId, first.grant.grantId, bytes(32), second.grant.grantId]
    const grants = await database.read((reader) => reader.findGrants(grantIds))
    expect(grants.map((grant) => grant?.grantId)).toEqual([
      second.grant.grantId,
      first.grant.grantId,
      undefined,
      second.grant.grantId,
    ])
  })

  test('every column comes back as it went in', async () => {
    await using under = await open()
    const { database } = under
    const record = sampleRecord({
      sealed: new Uint8Array([0, 255, 0, 128]),
      sealedMetadata: bytes(4200),
      generation: 4_294_967_295,
      storedAt: NOW + 1,
      expiresAt: NOW + 2,
      locatorVersion: 4_294_967_295,
      objectVersion: 4_294_967_294,
    })
    const purpose = "'; -- é 🦉 \u202e"
    const versions = { grantVersion: 7, sessionVersion: 8 }
    const grant = sampleGrant(record.recordId, { access: 'store', maxUses: 3, purpose, ...versions })
    const upload = sampleUpload(record.recordId, { uploadId: `${'x'.repeat(1000)}=+/é` })
    await database.commit.createRecord(record, grant, sampleEvent(), sampleRoom())
    await database.commit.beginUpload(upload)
    const session = await givenSession(database.commit, {
      ...{ sealedSid: new Uint8Array([0]), app: APP, sessionVersion: 9 },
    })
    await database.read(async (reader) => {
      expect(await reader.findRecords([record.locator])).toEqual([columnsOf(record)])
      expect(await reader.findRecordsById([record.recordId])).toEqual([columnsOf(record)])
      expect(await reader.findUpload(record.recordId)).toEqual(upload)
      expect(await reader.findGrants([grant.grantId])).toEqual([grant])
      expect(await reader.findSession(session.tokenHash)).toEqual(session)
    })
  })

  test('a shredded record is still found by its names', async () => {
    await using under = await open()
    const { database } = under
    const { record } = await givenGrant(database.commit)
    await database.commit.shredRecord(record.recordId, sampleDeletion(), sampleEvent(), [])
    const [found] = await database.read((reader) => reader.findRecordsById([record.recordId]))
    expect(found).toMatchObject({ recordId: record.recordId, deletedAt: NOW })
    expect(await database.read((reader) => reader.findRecords([record.locator]))).toEqual([found])
  })

  test('answers what the look answers, and rejects with what it throws', async () => {
    await using under = await open()
    const { database } = under
    const thrown = new TypeError('mine')
    expect(await database.read(async () => 'mine')).toBe('mine')
    await expect(database.read(() => Promise.reject(thrown))).rejects.toBe(thrown)
  })

  test('what was committed is seen at once, through every connection', async () => {
    await using under = await open()
    await using other = await under.connect()
    for (const [writer, reader] of [
      [under.database, other],
      [other, under.database],
    ] as const) {
      const { record, grant } = await givenGrant(writer.commit)
      expect(await reader.read((look) => look.findRecords([record.locator]))).not.toEqual([null])
      await writer.commit.revokeGrants({ app: APP, sessionRefs: [grant.sessionRef], recordIds: null }, [])
      expect(await reader.read((look) => look.findGrants([grant.grantId]))).toEqual([null])
    }
  })
}
