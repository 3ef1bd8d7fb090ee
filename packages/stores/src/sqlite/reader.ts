import type { SQLInputValue, StatementSync } from 'node:sqlite'
import type { Reader } from '@lunadefend/core'
import { patiently } from './busy.ts'
import {
  deletionOf,
  grantOf,
  keyRingOf,
  keyUseOf,
  recordOf,
  rowOf,
  sessionOf,
  uploadOf,
  workOf,
} from './rows.ts'
import type { Statements } from './statements.ts'

/** Comes before every record id. */
const BEGINNING = new Uint8Array(0)

export function createReader(statements: Statements): Reader {
  const { findRecord, findRecordById, findGrant, findSession, findUpload, readKeyRing } = statements
  const { findRecordsSealedBy, findRecordsReferredBy, findUnstored, findExpired } = statements
  const { findObjectRef, findDeletions, findUploads, countKeyUses, findWork } = statements
  return {
    findRecords: (locators) => patiently(() => locators.map((locator) => one(findRecord, recordOf, locator))),
    findRecordsById: (ids) => patiently(() => ids.map((id) => one(findRecordById, recordOf, id))),
    findGrants: (grantIds) => patiently(() => grantIds.map((id) => one(findGrant, grantOf, id))),
    findSession: (tokenHash) => patiently(() => one(findSession, sessionOf, tokenHash)),
    findUpload: (recordId) => patiently(() => one(findUpload, uploadOf, recordId)),
    readKeyRing: () => patiently(() => one(readKeyRing, keyRingOf)),
    findDeletions: (now, limit) => patiently(() => many(findDeletions, deletionOf, now, limit)),

    findRecordsSealedBy: (kid, after, limit) =>
      patiently(() => many(findRecordsSealedBy, recordOf, kid, after ?? BEGINNING, limit)),
    findRecordsReferredBy: (objectVersion, after, limit) =>
      patiently(() => many(findRecordsReferredBy, recordOf, objectVersion, after ?? BEGINNING, limit)),
    findUnstored: (createdBefore, after, limit) =>
      patiently(() => many(findUnstored, recordOf, createdBefore, after ?? BEGINNING, limit)),
    findExpired: (now, limit) => patiently(() => many(findExpired, recordOf, now, limit)),
    findUploads: (startedBefore, limit) => patiently(() => many(findUploads, uploadOf, startedBefore, limit)),
    findObjectRefs: (objectRefs) =>
      patiently(() => objectRefs.map((objectRef) => findObjectRef.get(objectRef) !== undefined)),

    countKeyUses: () => patiently(() => many(countKeyUses, keyUseOf)),
    findWork: () => patiently(() => many(findWork, workOf)),
  }
}

function one<Row extends unknown[], Found>(
  statement: StatementSync,
  found: (row: Row) => Found,
  ...bound: SQLInputValue[]
): Found | null {
  const row = rowOf<Row>(statement.get(...bound))
  return row === null ? null : found(row)
}

function many<Row extends unknown[], Found>(
  statement: StatementSync,
  found: (row: Row) => Found,
  ...bound: SQLInputValue[]
): Found[] {
  return statement.all(...bound).map((row) => found(row as unknown as Row))
}
