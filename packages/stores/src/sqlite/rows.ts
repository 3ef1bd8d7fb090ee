import type { StatementSync } from 'node:sqlite'
import type {
  AuditRow,
  Block,
  DueAlarm,
  Grant,
  KeyUse,
  PendingDeletion,
  Repeat,
  SealedKeyRing,
  Session,
  StoredCheckpoint,
  TokenRecord,
  Upload,
  UserNetwork,
  Work,
} from '@lunadefend/core'

// Rows come as arrays, which the types of node:sqlite do not know; STRICT tables keep the types of columns. The order
// is that of the column lists in statements.ts.

export function rowOf<Row extends unknown[]>(row: ReturnType<StatementSync['get']>): Row | null {
  return row === undefined ? null : (row as unknown as Row)
}

export type RecordRow = [
  recordId: Uint8Array,
  app: TokenRecord['app'],
  kid: string,
  generation: number,
  recordSalt: Uint8Array,
  sealed: Uint8Array,
  sealedMetadata: Uint8Array | null,
  locatorVersion: number,
  objectVersion: number,
  createdAt: number,
  expiresAt: number | null,
  storedAt: number | null,
  deletedAt: number | null,
]

export function recordOf(row: RecordRow): TokenRecord {
  const [recordId, app, kid, generation, recordSalt, sealed, sealedMetadata] = row
  const [, , , , , , , locatorVersion, objectVersion, createdAt, expiresAt, storedAt, deletedAt] = row
  return {
    ...{ recordId, app, kid, generation, recordSalt, sealed, sealedMetadata },
    ...{ locatorVersion, objectVersion, createdAt, expiresAt, storedAt, deletedAt },
  }
}

export type GrantRow = [
  grantId: Uint8Array,
  app: Grant['app'],
  grantVersion: number,
  sessionRef: Uint8Array,
  sessionVersion: number,
  recordId: Uint8Array,
  access: Grant['access'],
  expiresAt: number,
  maxUses: number | null,
  uses: number,
  purpose: string | null,
  usedFor: Uint8Array | null,
]

export function grantOf(row: GrantRow): Grant {
  const [grantId, app, grantVersion, sessionRef, sessionVersion, recordId] = row
  const [, , , , , , access, expiresAt, maxUses, uses, purpose, usedFor] = row
  return {
    ...{ grantId, app, grantVersion, sessionRef, sessionVersion, recordId },
    ...{ access, expiresAt, maxUses, uses, purpose, usedFor },
  }
}

export type SessionRow = [
  tokenHash: Uint8Array,
  app: Session['app'],
  sessionRef: Uint8Array,
  sessionVersion: number,
  sessionHash: string,
  sealedSid: Uint8Array,
  expiresAt: number,
]

export function sessionOf(row: SessionRow): Session {
  const [tokenHash, app, sessionRef, sessionVersion, sessionHash, sealedSid, expiresAt] = row
  return { tokenHash, app, sessionRef, sessionVersion, sessionHash, sealedSid, expiresAt }
}

export type UploadRow = [
  recordId: Uint8Array,
  uploadId: string,
  contentLength: number,
  partSize: number,
  startedAt: number,
]

export function uploadOf([recordId, uploadId, contentLength, partSize, startedAt]: UploadRow): Upload {
  return { recordId, uploadId, contentLength, partSize, startedAt }
}

export type NetworkRow = [userRef: Uint8Array, networkRef: Uint8Array, seenAt: number, expiresAt: number]

export function networkOf([userRef, networkRef, seenAt, expiresAt]: NetworkRow): UserNetwork {
  return { userRef, networkRef, seenAt, expiresAt }
}

export type BlockRow = [
  blockId: string,
  ref: Uint8Array,
  scope: Block['scope'],
  app: Block['app'],
  sessionVersion: number | null,
  setBy: Block['setBy'],
  reason: Block['reason'],
  effect: Block['effect'],
  since: number,
  until: number | null,
]

export function blockOf(row: BlockRow): Block {
  const [blockId, ref, scope, app, sessionVersion, setBy, reason, effect, since, until] = row
  return { blockId, ref, scope, app, sessionVersion, setBy, reason, effect, since, until }
}

export type AlarmRow = [
  alarmId: string,
  kind: DueAlarm['kind'],
  effect: DueAlarm['effect'],
  writer: string,
  seq: number,
  at: number,
  requestId: string,
  app: DueAlarm['app'],
  actor: DueAlarm['actor'],
  epoch: number,
  session: string | null,
  user: string | null,
  token: string | null,
  network: string | null,
  attempts: number,
  delivered: string,
]

export function alarmOf(row: AlarmRow): DueAlarm {
  const [alarmId, kind, effect, writer, seq, at, requestId, app, actor, epoch] = row
  const [, , , , , , , , , , session, user, token, network, attempts, delivered] = row
  return {
    ...{ alarmId, kind, effect, writer, seq, at, requestId, app, actor, epoch },
    ...{ session, user, token, network, attempts, delivered: JSON.parse(delivered) },
  }
}

export type RepeatRow = [
  ref: Uint8Array,
  fingerprint: Uint8Array,
  sessionVersion: number,
  holder: string,
  leaseUntil: number,
  answer: Uint8Array | null,
]

export function repeatOf([ref, fingerprint, sessionVersion, holder, leaseUntil, answer]: RepeatRow): Repeat {
  return { ref, fingerprint, sessionVersion, holder, leaseUntil, answer }
}

export type KeyRingRow = [version: number, kid: string, sealed: Uint8Array]

export function keyRingOf([version, kid, sealed]: KeyRingRow): SealedKeyRing {
  return { version, kid, sealed }
}

export type DeletionRow = [objectKey: string, uploadId: string | null]

export function deletionOf([objectKey, uploadId]: DeletionRow): PendingDeletion {
  return { objectKey, uploadId }
}

export type KeyUseRow = [key: KeyUse['key'], name: string | number, rows: number]

export function keyUseOf([key, name, rows]: KeyUseRow): KeyUse {
  return { key, name: String(name), rows }
}

export type WorkRow = [
  name: string,
  holder: string | null,
  leaseUntil: number,
  cursor: string | null,
  done: number,
  finishedAt: number | null,
]

export function workOf([name, holder, leaseUntil, cursor, done, finishedAt]: WorkRow): Work {
  return { name, holder, leaseUntil, cursor, done, finishedAt }
}

export type AuditColumns = [
  writer: string,
  seq: number,
  at: number,
  requestId: string,
  app: AuditRow['app'],
  actor: AuditRow['actor'],
  operator: AuditRow['operator'],
  action: AuditRow['action'],
  epoch: number,
  session: string | null,
  user: string | null,
  token: string | null,
  network: string | null,
  generation: number | null,
  policy: string | null,
  count: number,
  refusal: AuditRow['refusal'],
]

export function auditRowOf(row: AuditColumns): AuditRow {
  const [writer, seq, at, requestId, app, actor, operator, action, epoch, session, user] = row
  const [, , , , , , , , , , , token, network, generation, policy, count, refusal] = row
  return {
    ...{ writer, seq, at, requestId, app, actor, operator, action, epoch, session, user },
    ...{ token, network, generation, policy, count, refusal },
  }
}

export type CheckpointRow = [size: number, note: string, sealedAt: number]

export function checkpointOf([size, note, sealedAt]: CheckpointRow): StoredCheckpoint {
  return { size, note, sealedAt }
}
