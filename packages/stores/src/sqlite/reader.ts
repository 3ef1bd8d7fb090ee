import type { StatementSync } from 'node:sqlite'
import type { Grant, Reader, SealedKeyRing, Session, TokenRecord } from '@lunadefend/core'
import { patiently } from './busy.ts'
import type { Statements } from './statements.ts'

type RecordRow = [
  recordId: Uint8Array,
  app: TokenRecord['app'],
  kid: string,
  generation: number,
  recordSalt: Uint8Array,
  sealed: Uint8Array,
  sealedMetadata: Uint8Array | null,
  createdAt: number,
  storedAt: number | null,
  deletedAt: number | null,
]

type GrantRow = [
  grantId: Uint8Array,
  app: Grant['app'],
  sessionRef: Uint8Array,
  recordId: Uint8Array,
  access: Grant['access'],
  expiresAt: number,
  maxUses: number | null,
  uses: number,
  purpose: string | null,
]

type SessionRow = [
  tokenHash: Uint8Array,
  app: Session['app'],
  sessionRef: Uint8Array,
  sessionHash: string,
  sealedSid: Uint8Array,
  expiresAt: number,
]

type KeyRingRow = [version: number, kid: string, sealed: Uint8Array]

export function createReader(statements: Statements): Reader {
  return {
    findRecords: (locators) => patiently(() => locators.map((locator) => findRecord(statements, locator))),
    findGrants: (grantIds) => patiently(() => grantIds.map((grantId) => findGrant(statements, grantId))),
    findSession: (tokenHash) => patiently(() => findSession(statements, tokenHash)),
    readKeyRing: () => patiently(() => readKeyRing(statements)),
    findDeletions: (now, limit) => patiently(() => findDeletions(statements, now, limit)),
  }
}

function findRecord(statements: Statements, locator: Uint8Array): TokenRecord | null {
  const row = rowOf<RecordRow>(statements.findRecord.get(locator))
  if (row === null) return null
  const [recordId, app, kid, generation, recordSalt, sealed, sealedMetadata, createdAt, storedAt, deletedAt] =
    row
  return {
    recordId,
    app,
    kid,
    generation,
    recordSalt,
    sealed,
    sealedMetadata,
    createdAt,
    storedAt,
    deletedAt,
  }
}

function findGrant(statements: Statements, grantId: Uint8Array): Grant | null {
  const row = rowOf<GrantRow>(statements.findGrant.get(grantId))
  if (row === null) return null
  const [, app, sessionRef, recordId, access, expiresAt, maxUses, uses, purpose] = row
  return { grantId: row[0], app, sessionRef, recordId, access, expiresAt, maxUses, uses, purpose }
}

function findSession(statements: Statements, tokenHash: Uint8Array): Session | null {
  const row = rowOf<SessionRow>(statements.findSession.get(tokenHash))
  if (row === null) return null
  const [, app, sessionRef, sessionHash, sealedSid, expiresAt] = row
  return { tokenHash: row[0], app, sessionRef, sessionHash, sealedSid, expiresAt }
}

function readKeyRing(statements: Statements): SealedKeyRing | null {
  const row = rowOf<KeyRingRow>(statements.readKeyRing.get())
  return row && { version: row[0], kid: row[1], sealed: row[2] }
}

function findDeletions(statements: Statements, now: number, limit: number): string[] {
  const rows = statements.findDeletions.all(now, limit) as unknown as [objectKey: string][]
  return rows.map(([objectKey]) => objectKey)
}

// The statements return arrays, which the types of node:sqlite do not know; STRICT tables keep the types of columns.
export function rowOf<Row extends unknown[]>(row: ReturnType<StatementSync['get']>): Row | null {
  return row === undefined ? null : (row as unknown as Row)
}
