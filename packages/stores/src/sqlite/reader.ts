import type { SQLInputValue, StatementSync } from 'node:sqlite'
import type { AuditRow, Grant, GrantPlace, GrantSearch, Reader } from '@lunadefend/core'
import { filterOf } from './block-commands.ts'
import { patiently } from './busy.ts'
import {
  alarmOf,
  auditRowOf,
  blockOf,
  checkpointOf,
  deletionOf,
  grantOf,
  keyRingOf,
  keyUseOf,
  networkOf,
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
  const { findRecord, findRecordById, findGrant, findSession, findUpload, findBlocks, readKeyRing } =
    statements
  const { findRecordsSealedBy, findRecordsReferredBy, findUnstored, findExpired } = statements
  const { findObjectRef, findDeletions, findUploads, countKeyUses, findWork } = statements
  return {
    findRecords: (locators) => patiently(() => locators.map((locator) => one(findRecord, recordOf, locator))),
    findRecordsById: (ids) => patiently(() => ids.map((id) => one(findRecordById, recordOf, id))),
    findGrants: (grantIds) => patiently(() => grantIds.map((id) => one(findGrant, grantOf, id))),
    findGrantsOf: (which, now, after, limit) =>
      patiently(() => findGrantsOf(statements, which, now, after, limit)),
    findSession: (tokenHash) => patiently(() => one(findSession, sessionOf, tokenHash)),
    findUpload: (recordId) => patiently(() => one(findUpload, uploadOf, recordId)),
    findBlocks: (which, now, limit) =>
      patiently(() => many(findBlocks, blockOf, ...filterOf(which), now, limit)),
    findDueAlarms: (now, limit) => patiently(() => many(statements.findDueAlarms, alarmOf, now, limit)),
    findNetworks: (userRef, now) => patiently(() => many(statements.findNetworks, networkOf, userRef, now)),
    countRecords: (app, from, to, limit) =>
      patiently(() => statements.findMade.all(app, from, to, limit).length),
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

    findUnsealed: (limit) => patiently(() => unsealed(statements, limit)),
    findCheckpoint: () => patiently(() => one(statements.findCheckpoint, checkpointOf)),
    findTreeHashes: (level, first, limit) =>
      patiently(() =>
        level === 0
          ? many(statements.findLeafHashes, hashOf, first, limit)
          : many(statements.findNodeHashes, hashOf, level, first, limit),
      ),
  }
}

/** One session has a name under each version of a key, and so has one token: each is asked for by itself. */
function findGrantsOf(
  statements: Statements,
  { app, sessionRefs, recordIds, access }: GrantSearch,
  now: number,
  after: GrantPlace | null,
  limit: number,
): Grant[] {
  const { findGrantsOfApp, findGrantsOfSession, findGrantsOfRecord, findGrantsOfBoth } = statements
  const place = [after?.sessionRef ?? BEGINNING, after?.grantId ?? BEGINNING] as const
  const ask = (statement: StatementSync, first: Uint8Array | null, second: Uint8Array | null) =>
    many(statement, grantOf, app, now, access, ...place, first, second, limit)
  if (sessionRefs === null && recordIds === null) return ask(findGrantsOfApp, null, null)
  const found =
    recordIds === null
      ? (sessionRefs ?? []).map((ref) => ask(findGrantsOfSession, ref, null))
      : sessionRefs === null
        ? recordIds.map((id) => ask(findGrantsOfRecord, id, null))
        : sessionRefs.flatMap((ref) => recordIds.map((id) => ask(findGrantsOfBoth, ref, id)))
  return found.flat().toSorted(byPlace).slice(0, limit)
}

function byPlace(one: Grant, other: Grant): number {
  return Buffer.compare(one.sessionRef, other.sessionRef) || Buffer.compare(one.grantId, other.grantId)
}

const hashOf = ([hash]: [hash: Uint8Array]) => hash

function unsealed(statements: Statements, limit: number): AuditRow[] {
  const found: AuditRow[] = []
  const writers = many(statements.findUnsealedWriters, (row: [writer: string, last: number]) => row)
  for (const [writer, last] of writers) {
    if (found.length === limit) break
    found.push(...many(statements.findAuditAfter, auditRowOf, writer, last, limit - found.length))
  }
  return found
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
