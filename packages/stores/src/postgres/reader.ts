import type {
  AuditRow,
  Block,
  DueAlarm,
  Grant,
  KeyUse,
  PendingDeletion,
  Reader,
  SealedKeyRing,
  Session,
  StoredCheckpoint,
  TokenRecord,
  Upload,
  UserNetwork,
  Work,
} from '@lunadefend/core'
import { filterOf } from './block-commands.ts'
import type { Row, Statement, Values } from './statement.ts'
import { STATEMENTS } from './statements.ts'

/** Asks one statement and answers its rows. */
export type Ask = (statement: Statement, values: Values) => Promise<readonly Row[]>

/** Before the first of all ids. */
const START = new Uint8Array()

export function createReader(ask: Ask): Reader {
  return {
    findRecords: (locators) => findEach<TokenRecord>(ask, STATEMENTS.findRecords, locators),
    findRecordsById: (recordIds) => findEach<TokenRecord>(ask, STATEMENTS.findRecordsById, recordIds),
    findGrants: (grantIds) => findEach<Grant>(ask, STATEMENTS.findGrants, grantIds),
    findGrantsOf: ({ app, sessionRefs, recordIds, access }, now, after, limit) => {
      const place = { afterSession: after?.sessionRef ?? START, afterGrant: after?.grantId ?? START }
      const which = { app, sessionRefs, recordIds, access }
      return findAll<Grant>(ask, STATEMENTS.findGrantsOf, { ...which, ...place, now, limit })
    },
    findSession: (tokenHash) => findOne<Session>(ask, STATEMENTS.findSession, { tokenHash }),
    findUpload: (recordId) => findOne<Upload>(ask, STATEMENTS.findUpload, { recordId }),
    findBlocks: (which, now, limit) =>
      findAll<Block>(ask, STATEMENTS.findBlocks, { ...filterOf(which), now, limit }),
    findDueAlarms: (now, limit) => findAll<DueAlarm>(ask, STATEMENTS.findDueAlarms, { now, limit }),
    findNetworks: (userRef, now) => findAll<UserNetwork>(ask, STATEMENTS.findNetworks, { userRef, now }),
    countRecords: async (app, from, to, limit) => {
      const [counted] = await ask(STATEMENTS.countRecords, { app, from, to, limit })
      return counted?.['value'] as number
    },
    readKeyRing: () => findOne<SealedKeyRing>(ask, STATEMENTS.readKeyRing, {}),
    findDeletions: (now, limit) => findAll<PendingDeletion>(ask, STATEMENTS.findDeletions, { now, limit }),
    ...walks(ask),
    findObjectRefs: async (objectRefs) =>
      (await findEach(ask, STATEMENTS.findObjectRefs, objectRefs)).map((found) => found !== null),
    countKeyUses: () => findAll<KeyUse>(ask, STATEMENTS.countKeyUses, {}),
    findWork: () => findAll<Work>(ask, STATEMENTS.findWork, {}),
    findUnsealed: (limit) => findAll<AuditRow>(ask, STATEMENTS.findUnsealed, { limit }),
    findCheckpoint: () => findOne<StoredCheckpoint>(ask, STATEMENTS.findCheckpoint, {}),
    findTreeHashes: async (level, first, limit) => {
      const rows =
        level === 0
          ? await ask(STATEMENTS.findLeafHashes, { first, limit })
          : await ask(STATEMENTS.findNodeHashes, { level, first, limit })
      return rows.map(({ hash }) => hash as Uint8Array)
    },
  }
}

type Walk = 'findRecordsSealedBy' | 'findRecordsReferredBy' | 'findUnstored' | 'findExpired' | 'findUploads'

function walks(ask: Ask): Pick<Reader, Walk> {
  const { findRecordsSealedBy, findRecordsReferredBy, findUnstored, findExpired, findUploads } = STATEMENTS
  return {
    findRecordsSealedBy: (kid, after, limit) =>
      findAll(ask, findRecordsSealedBy, { kid, after: after ?? START, limit }),
    findRecordsReferredBy: (objectVersion, after, limit) =>
      findAll(ask, findRecordsReferredBy, { objectVersion, after: after ?? START, limit }),
    findUnstored: (createdBefore, after, limit) =>
      findAll(ask, findUnstored, { createdBefore, after: after ?? START, limit }),
    findExpired: (now, limit) => findAll(ask, findExpired, { now, limit }),
    findUploads: (startedBefore, limit) => findAll(ask, findUploads, { startedBefore, limit }),
  }
}

async function findAll<Found>(ask: Ask, statement: Statement, values: Values): Promise<Found[]> {
  return [...(await ask(statement, values))] as Found[]
}

async function findOne<Found>(ask: Ask, statement: Statement, values: Values): Promise<Found | null> {
  const [row] = await ask(statement, values)
  return (row as Found | undefined) ?? null
}

/** One statement for all of them; the rows say in `key` which each of them is. */
async function findEach<Found>(
  ask: Ask,
  statement: Statement,
  keys: readonly Uint8Array[],
): Promise<(Found | null)[]> {
  if (keys.length === 0) return []
  const rows = await ask(statement, { keys })
  const found = new Map(rows.map(({ key, ...columns }) => [textOf(key as Uint8Array), columns as Found]))
  return keys.map((key) => found.get(textOf(key)) ?? null)
}

function textOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('latin1')
}
