import { expect, test } from 'vitest'
import type { Database, NewRecord } from '../ports.ts'
import type { OpenDatabase } from './database-under-test.ts'
import {
  bytes,
  columnsOf,
  givenGrant,
  NOW,
  sampleDeletion,
  sampleEvent,
  sampleGrant,
  sampleRecord,
  sampleRoom,
  sampleUpload,
  spend,
} from './sample-rows.ts'

const find = async (database: Database, { locator }: Pick<NewRecord, 'locator'>) =>
  (await database.read((reader) => reader.findRecords([locator])))[0] ?? null

export function recordRules(open: OpenDatabase): void {
  creationRules(open)
  storingRules(open)
  shreddingRules(open)
  deletionRules(open)
}

function creationRules(open: OpenDatabase): void {
  for (const taken of ['locator', 'recordId'] as const) {
    test(`a ${taken} that is taken: rejected, and nothing changed`, async () => {
      await using under = await open()
      const { database } = under
      const { record, grant } = await givenGrant(database.commit)
      const second = sampleRecord({ [taken]: record[taken] })
      const secondGrant = sampleGrant(second.recordId)
      await expect(
        database.commit.createRecord(second, secondGrant, sampleEvent(), sampleRoom()),
      ).rejects.toThrow()
      expect(await find(database, record)).toEqual(columnsOf(record))
      if (taken === 'recordId') expect(await find(database, second)).toBeNull()
      const grants = await database.read((reader) => reader.findGrants([grant.grantId, secondGrant.grantId]))
      expect(grants).toEqual([grant, null])
      expect(await under.readAudit()).toHaveLength(1)
    })
  }
}

function storingRules(open: OpenDatabase): void {
  test('an object once seen stays seen since then', async () => {
    await using under = await open()
    const { database } = under
    const [seen, twice, never] = [
      await givenGrant(database.commit),
      await givenGrant(database.commit),
      await givenGrant(database.commit),
    ]
    await database.commit.markStored([twice.record.recordId, seen.record.recordId, bytes(16)], NOW + 1)
    await database.commit.markStored([twice.record.recordId], NOW + 2)
    await database.commit.markStored([], NOW + 3)
    expect((await find(database, seen.record))?.storedAt).toBe(NOW + 1)
    expect((await find(database, twice.record))?.storedAt).toBe(NOW + 1)
    expect((await find(database, never.record))?.storedAt).toBeNull()
  })
}

function shreddingRules(open: OpenDatabase): void {
  test('shredding leaves nothing of the keys, no grant, and a note to remove the object', async () => {
    await using under = await open()
    const { database } = under
    const { record, grant } = await givenGrant(database.commit, {}, { sealedMetadata: bytes(99) })
    const others = sampleGrant(record.recordId)
    const neighbour = await givenGrant(database.commit)
    await database.commit.setGrants([others], [], [], sampleRoom())
    const deletion = sampleDeletion({ at: NOW + 5, notBefore: NOW + 6 })
    expect(await database.commit.shredRecord(record.recordId, deletion, sampleEvent(), [])).toBe(true)

    const left = await find(database, record)
    expect(left?.deletedAt).toBe(NOW + 5)
    const shredded = [left?.recordSalt, left?.sealed, left?.sealedMetadata]
    for (const column of shredded) expect([...(column ?? [])].every((byte) => byte === 0)).toBe(true)
    const grantIds = [grant.grantId, others.grantId, neighbour.grant.grantId]
    expect(await database.read((reader) => reader.findGrants(grantIds))).toEqual([
      null,
      null,
      neighbour.grant,
    ])
    expect((await find(database, neighbour.record))?.sealed).toEqual(neighbour.record.sealed)
    expect(await database.read((reader) => reader.findDeletions(NOW + 6, 9))).toEqual([
      { objectKey: deletion.objectKey, uploadId: null },
    ])
  })

  test('shredding ends the upload; the one that is noted by then is aborted, whatever the caller has read', async () => {
    await using under = await open()
    const { database } = under
    const cases = [
      { noted: 'noted', read: 'noted', aborted: 'noted' },
      { noted: 'noted', read: null, aborted: 'noted' },
      { noted: 'noted', read: 'older', aborted: 'noted' },
      { noted: null, read: 'older', aborted: 'older' },
      { noted: null, read: null, aborted: null },
    ]
    for (const { noted, read, aborted } of cases) {
      const { record } = await givenGrant(database.commit)
      const { recordId } = record
      if (noted !== null) await database.commit.beginUpload(sampleUpload(recordId, { uploadId: noted }))
      const deletion = sampleDeletion({ uploadId: read, notBefore: NOW })
      await database.commit.shredRecord(recordId, deletion, sampleEvent(), [])
      await database.read(async (reader) => {
        expect(await reader.findUpload(recordId)).toBeNull()
        expect(await reader.findDeletions(NOW, 9)).toEqual([
          { objectKey: deletion.objectKey, uploadId: aborted },
        ])
      })
      await database.commit.finishDeletions([deletion.objectKey])
    }
  })

  test('a damaged record that does not name its object is shredded all the same, and nothing is noted', async () => {
    await using under = await open()
    const { database } = under
    const { record } = await givenGrant(database.commit)
    await database.commit.beginUpload(sampleUpload(record.recordId))
    const deletion = { ...sampleDeletion({ notBefore: NOW }), objectKey: null }
    expect(await database.commit.shredRecord(record.recordId, deletion, sampleEvent(), [])).toBe(true)
    expect((await find(database, record))?.deletedAt).toBe(NOW)
    await database.read(async (reader) => {
      expect(await reader.findUpload(record.recordId)).toBeNull()
      expect(await reader.findDeletions(NOW, 9)).toEqual([])
    })
  })

  test('what does not live is not shredded again: only the audit row is written, as a refusal', async () => {
    await using under = await open()
    const { database } = under
    const { record } = await givenGrant(database.commit)
    await database.commit.shredRecord(record.recordId, sampleDeletion({ at: NOW }), sampleEvent(), [])
    for (const recordId of [record.recordId, bytes(16)]) {
      const again = sampleDeletion({ at: NOW + 1, notBefore: NOW })
      expect(await database.commit.shredRecord(recordId, again, sampleEvent(), [])).toBe(false)
    }
    expect((await find(database, record))?.deletedAt).toBe(NOW)
    expect(await database.read((reader) => reader.findDeletions(NOW, 9))).toEqual([])
    const refusals = (await under.readAudit()).map((row) => row.refusal)
    expect(refusals).toEqual([null, null, 'changed-meanwhile', 'changed-meanwhile'])
  })

  test('a grant set after the shred opens nothing, and the upload is not remembered', async () => {
    await using under = await open()
    const { database } = under
    const { record, grant } = await givenGrant(database.commit)
    await database.commit.shredRecord(record.recordId, sampleDeletion(), sampleEvent(), [])
    await database.commit.setGrants([grant], [], [], sampleRoom())
    await database.commit.markStored([record.recordId], NOW)
    expect(await database.commit.decide([spend(grant)])).toEqual(['changed-meanwhile'])
    expect((await find(database, record))?.storedAt).toBeNull()
  })
}

function deletionRules(open: OpenDatabase): void {
  test('deletions are due from their time on, come in order, and stay until they are finished', async () => {
    await using under = await open()
    const { database } = under
    const due = [NOW + 2, NOW, NOW + 1].map((notBefore) => sampleDeletion({ notBefore }))
    for (const deletion of due) {
      const { record } = await givenGrant(database.commit)
      await database.commit.shredRecord(record.recordId, deletion, sampleEvent(), [])
    }
    const [last, first, second] = due.map(({ objectKey }) => objectKey) as [string, string, string]
    const found = (now: number, limit: number) =>
      database.read(async (reader) =>
        (await reader.findDeletions(now, limit)).map(({ objectKey }) => objectKey),
      )
    expect(await found(NOW - 1, 9)).toEqual([])
    expect(await found(NOW, 9)).toEqual([first])
    expect(await found(NOW + 9, 2)).toEqual([first, second])
    await database.commit.finishDeletions([first, last, 'v1/unknown'])
    expect(await found(NOW + 9, 9)).toEqual([second])
  })
}
