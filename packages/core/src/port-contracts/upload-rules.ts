import { expect, test } from 'vitest'
import type { Database } from '../ports.ts'
import type { OpenDatabase } from './database-under-test.ts'
import {
  bytes,
  columnsOf,
  givenGrant,
  NOW,
  sampleDeletion,
  sampleEvent,
  sampleUpload,
  UNWRITABLE,
} from './sample-rows.ts'

const find = (database: Database, recordId: Uint8Array) =>
  database.read((reader) => reader.findUpload(recordId))

/** Uploads in parts, as they are noted. */
export function uploadRules(open: OpenDatabase): void {
  beginRules(open)
  endRules(open)
  listRules(open)
}

function beginRules(open: OpenDatabase): void {
  test('an upload is noted; the next one of the record takes its place', async () => {
    await using under = await open()
    const { database } = under
    const { recordId } = (await givenGrant(database.commit)).record
    const other = (await givenGrant(database.commit)).record
    const [first, second] = [
      sampleUpload(recordId),
      sampleUpload(recordId, { startedAt: NOW + 1, partSize: 1 }),
    ]
    await database.commit.beginUpload(first)
    expect(await find(database, recordId)).toEqual(first)
    await database.commit.beginUpload(second)
    expect(await find(database, recordId)).toEqual(second)
    expect(await find(database, other.recordId)).toBeNull()
    expect(await database.read((reader) => reader.findUploads(NOW + 9, 9))).toEqual([second])
  })

  test('nothing is noted of a record that was shredded, or never was', async () => {
    await using under = await open()
    const { database } = under
    const { recordId } = (await givenGrant(database.commit)).record
    await database.commit.shredRecord(recordId, sampleDeletion(), sampleEvent(), [])
    for (const gone of [recordId, bytes(16)]) {
      await database.commit.beginUpload(sampleUpload(gone))
      expect(await find(database, gone)).toBeNull()
    }
    expect(await database.read((reader) => reader.findUploads(NOW + 9, 9))).toEqual([])
  })
}

function endRules(open: OpenDatabase): void {
  test('one that ended with an object is forgotten, and the record is stored, in one transaction', async () => {
    await using under = await open()
    const { database } = under
    const { record } = await givenGrant(database.commit)
    const upload = sampleUpload(record.recordId)
    await database.commit.beginUpload(upload)
    const unwritable = database.commit.endUpload(record.recordId, NOW + 1, sampleEvent(UNWRITABLE))
    await expect(unwritable).rejects.toThrow()
    await database.read(async (reader) => {
      expect(await reader.findUpload(record.recordId)).toEqual(upload)
      expect(await reader.findRecordsById([record.recordId])).toEqual([columnsOf(record)])
    })
    const audit = sampleEvent({ action: 'upload-complete' })
    await database.commit.endUpload(record.recordId, NOW + 1, audit)
    await database.read(async (reader) => {
      expect(await reader.findUpload(record.recordId)).toBeNull()
      expect(await reader.findRecordsById([record.recordId])).toEqual([
        { ...columnsOf(record), storedAt: NOW + 1 },
      ])
    })
    expect((await under.readAudit()).at(-1)).toMatchObject(audit)
  })

  test('one that was aborted is forgotten, and the record is not stored', async () => {
    await using under = await open()
    const { database } = under
    const { record } = await givenGrant(database.commit)
    await database.commit.beginUpload(sampleUpload(record.recordId))
    await database.commit.endUpload(record.recordId, null, sampleEvent())
    expect(await find(database, record.recordId)).toBeNull()
    const found = await database.read((reader) => reader.findRecordsById([record.recordId]))
    expect(found).toEqual([columnsOf(record)])
  })

  test('ended again, it is recorded again; the object stays seen since the first time', async () => {
    await using under = await open()
    const { database } = under
    const { record } = await givenGrant(database.commit)
    for (const storedAt of [NOW + 1, NOW + 2, null]) {
      await database.commit.endUpload(record.recordId, storedAt, sampleEvent())
    }
    const [found] = await database.read((reader) => reader.findRecordsById([record.recordId]))
    expect(found?.storedAt).toBe(NOW + 1)
    expect(await under.readAudit()).toHaveLength(4)
  })

  test('ended after the shred, it marks nothing, and is recorded', async () => {
    await using under = await open()
    const { database } = under
    const { recordId } = (await givenGrant(database.commit)).record
    await database.commit.shredRecord(recordId, sampleDeletion(), sampleEvent(), [])
    for (const gone of [recordId, bytes(16)]) await database.commit.endUpload(gone, NOW, sampleEvent())
    const [found] = await database.read((reader) => reader.findRecordsById([recordId]))
    expect(found?.storedAt).toBeNull()
    expect(await under.readAudit()).toHaveLength(4)
  })
}

function listRules(open: OpenDatabase): void {
  test('those that began before a time, the oldest first, and no more than are asked for', async () => {
    await using under = await open()
    const { database } = under
    const uploads = []
    for (const startedAt of [NOW + 2, NOW, NOW + 1]) {
      const { record } = await givenGrant(database.commit)
      const upload = sampleUpload(record.recordId, { startedAt })
      await database.commit.beginUpload(upload)
      uploads.push(upload)
    }
    const [last, first, second] = uploads
    const found = (startedBefore: number, limit: number) =>
      database.read((reader) => reader.findUploads(startedBefore, limit))
    expect(await found(NOW, 9)).toEqual([])
    expect(await found(NOW + 1, 9)).toEqual([first])
    expect(await found(NOW + 9, 2)).toEqual([first, second])
    expect(await found(NOW + 9, 9)).toEqual([first, second, last])
  })
}
