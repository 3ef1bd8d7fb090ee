import type {
  AuditEvent,
  Grant,
  GrantRefusal,
  NewRecord,
  ObjectDeletion,
  ObjectReference,
  Reseal,
  Stops,
} from '@lunadefend/core'
import { answered, type Command, noted, notes } from './command.ts'
import type { Commands } from './commands.ts'
import { roomValues } from './grant-commands.ts'
import { gateOf } from './session-commands.ts'
import { type Answer, bind, type Step, type Values } from './statement.ts'
import { STATEMENTS } from './statements.ts'

type RecordCommand =
  | ('createRecord' | 'markStored' | 'shredRecord' | 'finishDeletions' | 'beginUpload' | 'endUpload')
  | ('resealRecords' | 'referObjects' | 'rekeyRecord')

export const RECORD_COMMANDS: Pick<Commands, RecordCommand> = {
  createRecord: (record, grant, audit, room) => ({
    // The gate of its session alone: who counts its grants must see those that others have counted before.
    locks: { blocks: 'shared', gates: room.sessionRefs.map(gateOf), closed: true },
    steps: (writer) => [
      bind(STATEMENTS.createRecord, {
        ...recordValues(record),
        ...grantValues(grant),
        ...roomValues(room, 1, []),
        ...noted(writer, audit),
      }),
    ],
    answer: ([answer]) => answered(answer) as GrantRefusal | null,
  }),
  markStored: (recordIds, at) => ({
    locks: { records: recordIds },
    steps: () => [bind(STATEMENTS.markStored, { recordIds, at })],
    answer: () => undefined,
  }),
  shredRecord,
  finishDeletions: (objectKeys) => ({
    locks: {},
    steps: () => [bind(STATEMENTS.finishDeletions, { objectKeys })],
    answer: () => undefined,
  }),
  beginUpload: ({ recordId, uploadId, contentLength, partSize, startedAt }) => ({
    locks: { records: [recordId] },
    steps: () => [bind(STATEMENTS.putUpload, { recordId, uploadId, contentLength, partSize, startedAt })],
    answer: () => undefined,
  }),
  endUpload: (recordId, storedAt, audit) => ({
    locks: { records: [recordId] },
    steps: (writer) => [
      bind(STATEMENTS.deleteUpload, { recordId }),
      ...(storedAt === null ? [] : [bind(STATEMENTS.markStored, { recordIds: [recordId], at: storedAt })]),
      ...notes(writer, [audit]),
    ],
    answer: () => undefined,
  }),
  resealRecords: (reseals, audit) =>
    counted(reseals, audit, ({ recordId, generation, kid, recordSalt, sealed, sealedMetadata }) =>
      bind(STATEMENTS.reseal, { recordId, generation, kid, recordSalt, sealed, sealedMetadata }),
    ),
  referObjects: (references, audit) =>
    counted(references, audit, ({ recordId, generation, objectRef, objectVersion }) =>
      bind(STATEMENTS.refer, { recordId, generation, objectRef, objectVersion }),
    ),
  rekeyRecord,
}

/** One statement for each record, and then a row of audit that says how many were changed. */
function counted<Item extends { readonly recordId: Uint8Array }>(
  items: readonly Item[],
  audit: AuditEvent,
  change: (item: Item) => Step,
): Command<number> {
  const total = (answers: readonly Answer[]) =>
    answers.slice(0, items.length).reduce((sum, { count }) => sum + count, 0)
  return {
    locks: { records: items.map(({ recordId }) => recordId) },
    steps: () => items.map(change),
    conclude: (writer, answers) => notes(writer, [{ ...audit, count: total(answers) }]),
    answer: total,
  }
}

/** The record is locked first: an upload that began before is seen then. */
function shredRecord(
  recordId: Uint8Array,
  deletion: ObjectDeletion,
  audit: AuditEvent,
  stops: Stops,
): Command<boolean> {
  const asked = { stops, at: audit.at }
  return {
    locks: { blocks: 'shared', records: [recordId] },
    steps: (writer) => [
      bind(STATEMENTS.deleteGrantsOfLivingRecord, { recordId, ...asked }),
      bind(STATEMENTS.shred, {
        recordId,
        deletedAt: deletion.at,
        ...forget(deletion),
        ...noted(writer, audit),
        stops,
      }),
    ],
    answer: ([, answer]) => answered(answer) === 1,
  }
}

function rekeyRecord(
  { recordId, generation, kid, recordSalt, sealed, sealedMetadata }: Reseal,
  { objectRef, objectVersion }: ObjectReference,
  old: ObjectDeletion,
  audit: AuditEvent,
  stops: Stops,
): Command<boolean> {
  const seal = { recordId, generation, kid, recordSalt, sealed, sealedMetadata }
  return {
    locks: { blocks: 'shared', records: [recordId] },
    steps: (writer) => [
      bind(STATEMENTS.rekey, {
        ...{ ...seal, objectRef, objectVersion, stops },
        ...{ ...forget(old), ...noted(writer, audit) },
      }),
    ],
    answer: ([answer]) => answered(answer) === 1,
  }
}

function forget({ objectKey, uploadId, notBefore }: ObjectDeletion): Values {
  return { objectKey, uploadId, notBefore }
}

function recordValues(record: NewRecord): Values {
  const { locator, locatorVersion, objectRef, objectVersion, recordId, app, kid, generation } = record
  const { recordSalt, sealed, sealedMetadata, createdAt, expiresAt, storedAt, deletedAt } = record
  return {
    ...{ locator, locatorVersion, objectRef, objectVersion, recordId, recordApp: app, kid, generation },
    ...{ recordSalt, sealed, sealedMetadata, createdAt, expiresAt, storedAt, deletedAt },
  }
}

/** Where a name is one of the record, too, it has the grant's in front. */
function grantValues(grant: Grant): Values {
  const { grantId, app, grantVersion, sessionRef, sessionVersion, recordId, access, maxUses, purpose } = grant
  return {
    ...{ grantId, grantVersion, sessionRef, sessionVersion, access, maxUses, purpose },
    ...{ grantApp: app, grantRecordId: recordId, grantExpiresAt: grant.expiresAt },
  }
}
