import { type NewRecord, type ObjectDeletion, PortFailure, type Reseal } from '@lunadefend/core'
import { stopOf } from './block-commands.ts'
import type { Commands, Inside } from './commands.ts'
import { refusalOf, replaceGrant } from './grant-commands.ts'
import { rowOf } from './rows.ts'
import type { Statements } from './statements.ts'

type RecordCommand =
  | ('createRecord' | 'markStored' | 'shredRecord' | 'finishDeletions' | 'beginUpload' | 'endUpload')
  | ('resealRecords' | 'referObjects' | 'rekeyRecord')

export function recordCommands(inside: Inside): Pick<Commands, RecordCommand> {
  const { statements, trail, overwritten } = inside
  return {
    createRecord(record, grant, audit, room) {
      const refusal = refusalOf(statements, room, [], [grant])
      trail.append(audit, refusal ?? audit.refusal)
      if (refusal !== null) return refusal
      insertRecord(statements, record)
      replaceGrant(statements, grant)
      return null
    },
    markStored(recordIds, at) {
      for (const recordId of recordIds) statements.markStored.run(at, recordId)
    },
    beginUpload({ recordId, uploadId, contentLength, partSize, startedAt }) {
      statements.putUpload.run(recordId, uploadId, contentLength, partSize, startedAt)
    },
    endUpload(recordId, storedAt, audit) {
      statements.deleteUpload.run(recordId)
      if (storedAt !== null) statements.markStored.run(storedAt, recordId)
      trail.append(audit, audit.refusal)
    },
    shredRecord(recordId, deletion, audit, stops) {
      const stop = stopOf(statements, stops, audit.at)
      const number = stop === null ? numberOf(statements.markDeleted.get(deletion.at, recordId)) : null
      trail.append(audit, number === null ? (stop ?? 'changed-meanwhile') : audit.refusal)
      if (number === null) return false
      statements.shredSeal.run(number)
      statements.deleteGrantsOfRecord.run(recordId)
      statements.deleteBlocksOfRecord.run(recordId)
      noteDeletion(statements, recordId, deletion)
      overwritten()
      return true
    },
    finishDeletions(objectKeys) {
      for (const objectKey of objectKeys) statements.finishDeletion.run(objectKey)
    },
    resealRecords(reseals, audit) {
      const count = reseals.filter((each) => reseal(inside, each)).length
      trail.append({ ...audit, count }, audit.refusal)
      return count
    },
    referObjects(references, audit) {
      const referred = references.map(({ recordId, generation, objectRef, objectVersion }) =>
        Number(statements.refer.run(recordId, objectRef, objectVersion, generation).changes),
      )
      const count = referred.reduce((sum, changes) => sum + changes, 0)
      trail.append({ ...audit, count }, audit.refusal)
      return count
    },
    rekeyRecord(fresh, { recordId, objectRef, objectVersion }, old, audit, stops) {
      const stop = stopOf(statements, stops, audit.at)
      const done = stop === null && reseal(inside, fresh)
      trail.append(audit, done ? audit.refusal : (stop ?? 'changed-meanwhile'))
      if (!done) return false
      statements.moveObject.run(recordId, objectRef, objectVersion)
      noteDeletion(statements, recordId, old)
      return true
    },
  }
}

function insertRecord(statements: Statements, record: NewRecord): void {
  const { lastInsertRowid } = statements.insertRecord.run(
    record.locator,
    record.locatorVersion,
    record.recordId,
    record.objectRef,
    record.objectVersion,
    record.app,
    record.kid,
    record.generation,
    record.createdAt,
    record.expiresAt,
    record.storedAt,
    record.deletedAt,
  )
  statements.insertSeal.run(lastInsertRowid, record.recordSalt, record.sealed, record.sealedMetadata)
}

function reseal({ statements, overwritten }: Inside, fresh: Reseal): boolean {
  const { recordId, generation, kid, recordSalt, sealed, sealedMetadata } = fresh
  const number = numberOf(statements.reseal.get(recordId, generation, kid))
  if (number === null) return false
  if (statements.overwriteSeal.run(number, recordSalt, sealed, sealedMetadata).changes !== 1) {
    throw new PortFailure('database_failed', 'A seal is only replaced by one of the same length.')
  }
  overwritten()
  return true
}

// An upload in parts belongs to the object. The one that is noted by now counts, whatever the caller has read.
function noteDeletion(statements: Statements, recordId: Uint8Array, deletion: ObjectDeletion): void {
  const upload = rowOf<[uploadId: string]>(statements.deleteUpload.get(recordId))
  const { objectKey, notBefore } = deletion
  if (objectKey === null) return
  statements.insertDeletion.run(objectKey, upload?.[0] ?? deletion.uploadId, notBefore)
}

function numberOf(row: Parameters<typeof rowOf>[0]): number | null {
  return rowOf<[number: number]>(row)?.[0] ?? null
}
