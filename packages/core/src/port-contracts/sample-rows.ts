import { randomBytes, randomUUID } from 'node:crypto'
import type { AppId } from '@lunadefend/contract'
import type { NewAlarm } from '../domain/alarm.ts'
import type { AuditEvent, AuditSubject } from '../domain/audit.ts'
import type { Block } from '../domain/block.ts'
import type { Grant } from '../domain/grant.ts'
import type { TokenRecord } from '../domain/record.ts'
import type { Session } from '../domain/session.ts'
import type { Upload } from '../domain/upload.ts'
import type {
  Commits,
  Decision,
  NewRecord,
  ObjectDeletion,
  ReferredObject,
  Relocation,
  Reseal,
  Room,
  SessionOpening,
  Tombstone,
} from '../ports.ts'

/** A time after 2038, so that a column of 32 bits is noticed. */
export const NOW = 4_102_444_800_000
export const APP = 'shop' as AppId
export const OTHER_APP = 'bank' as AppId
export const KID = 'r0123456789abcdef'
export const OTHER_KID = 'rfedcba9876543210'

export const bytes = (length: number): Uint8Array => new Uint8Array(randomBytes(length))

export function sampleRecord(changes: Partial<NewRecord> = {}): NewRecord {
  return {
    locator: bytes(32),
    locatorVersion: 1,
    recordId: bytes(16),
    objectRef: bytes(32),
    objectVersion: 1,
    app: APP,
    kid: KID,
    generation: 1,
    recordSalt: bytes(32),
    sealed: bytes(223),
    sealedMetadata: null,
    createdAt: NOW,
    expiresAt: null,
    storedAt: null,
    deletedAt: null,
    ...changes,
  }
}

/** A record as the port hands it out: without the keys under which it is found. */
export function columnsOf({ locator: _, objectRef: __, ...columns }: NewRecord): TokenRecord {
  return columns
}

export function sampleGrant(recordId: Uint8Array, changes: Partial<Grant> = {}): Grant {
  return {
    grantId: bytes(32),
    app: APP,
    grantVersion: 1,
    sessionRef: bytes(32),
    sessionVersion: 1,
    recordId,
    access: 'read',
    expiresAt: NOW + 1000,
    maxUses: null,
    uses: 0,
    purpose: null,
    usedFor: null,
    ...changes,
  }
}

/** Room for more grants than any of these tests makes. */
export function sampleRoom(changes: Partial<Room> = {}): Room {
  return { app: APP, sessionRefs: [], stops: [], most: 1_000_000, now: NOW, ...changes }
}

export function sampleSession(changes: Partial<Session> = {}): Session {
  return {
    tokenHash: bytes(32),
    app: APP,
    sessionRef: bytes(32),
    sessionVersion: 1,
    sessionHash: randomBytes(20).toString('hex'),
    sealedSid: bytes(60),
    expiresAt: NOW + 1000,
    ...changes,
  }
}

export function sampleOpening(
  session: Session,
  changes: Partial<Omit<SessionOpening, 'session'>> = {},
): SessionOpening {
  const challenge = { challengeHash: bytes(32), challengeExpiresAt: NOW + 1000 }
  return { session, sessionRefs: [session.sessionRef], stops: [], ...challenge, assertedAt: NOW, ...changes }
}

export function sampleTombstone(sessionRef: Uint8Array, changes: Partial<Tombstone> = {}): Tombstone {
  return { app: APP, sessionRef, sessionVersion: 1, revokedAt: NOW, expiresAt: NOW + 600_000, ...changes }
}

export function sampleSubject(changes: Partial<AuditSubject> = {}): AuditSubject {
  return {
    at: NOW,
    requestId: randomUUID(),
    app: APP,
    actor: 'user',
    operator: null,
    action: 'detokenize',
    epoch: 1582,
    session: randomBytes(16).toString('hex'),
    user: randomBytes(16).toString('hex'),
    token: randomBytes(16).toString('hex'),
    network: randomBytes(16).toString('hex'),
    generation: 1,
    policy: null,
    count: 1,
    ...changes,
  }
}

export function sampleEvent(changes: Partial<AuditEvent> = {}): AuditEvent {
  return { ...sampleSubject(), refusal: null, ...changes }
}

export function sampleDeletion(changes: Partial<Omit<ObjectDeletion, 'objectKey'>> = {}) {
  const objectKey = `v1/${randomBytes(16).toString('hex')}`
  return { objectKey, uploadId: null, notBefore: NOW + 1000, at: NOW, ...changes }
}

export function sampleUpload(recordId: Uint8Array, changes: Partial<Upload> = {}): Upload {
  const sizes = { contentLength: 5_000_000_000_000, partSize: 536_870_912 }
  return { recordId, uploadId: randomUUID(), ...sizes, startedAt: NOW, ...changes }
}

/** A fresh seal of the same length as the record's own. */
export function sampleReseal(record: TokenRecord, changes: Partial<Reseal> = {}): Reseal {
  const { recordId, generation, recordSalt, sealed, sealedMetadata } = record
  return {
    recordId,
    generation: generation + 1,
    kid: OTHER_KID,
    recordSalt: bytes(recordSalt.length),
    sealed: bytes(sealed.length),
    sealedMetadata: sealedMetadata && bytes(sealedMetadata.length),
    ...changes,
  }
}

export function sampleBlock(ref: Uint8Array, changes: Partial<Block> = {}): Block {
  return {
    blockId: randomBytes(16).toString('hex'),
    ref,
    scope: 'session',
    app: APP,
    sessionVersion: 1,
    setBy: 'operator',
    reason: 'fraud',
    effect: 'freeze',
    since: NOW,
    until: null,
    ...changes,
  }
}

export function sampleAlarm(changes: Partial<NewAlarm> = {}): NewAlarm {
  return {
    alarmId: randomBytes(16).toString('hex'),
    kind: 'honeytoken',
    effect: 'freeze',
    about: bytes(32),
    quietSince: NOW - 1000,
    expiresAt: NOW + 1000,
    ...changes,
  }
}

export function sampleRelocation(changes: Partial<Relocation> = {}): Relocation {
  return { locator: bytes(32), locatorVersion: 2, ...changes }
}

export function sampleReference(recordId: Uint8Array, changes: Partial<ReferredObject> = {}): ReferredObject {
  return { recordId, generation: 1, objectRef: bytes(32), objectVersion: 2, ...changes }
}

/** A row that no database takes: not a time. */
export const UNWRITABLE = { at: Number.NaN }

export type Spend = Extract<Decision, { kind: 'spend' }>

/** One use of a grant for the record, by nobody's session. */
export function spend(grant: Grant, changes: Partial<Spend> = {}): Spend {
  const { grantId, recordId } = grant
  return {
    kind: 'spend',
    grantId,
    recordId,
    generation: 1,
    tokenHash: null,
    uses: 1,
    usedFor: null,
    relocation: null,
    stops: [],
    audit: sampleSubject(),
    ...changes,
  }
}

/** A record with one grant for it, committed. */
export async function givenGrant(
  commit: Commits,
  changes: Partial<Grant> = {},
  recordChanges: Partial<NewRecord> = {},
): Promise<{ record: NewRecord; grant: Grant }> {
  const record = sampleRecord(recordChanges)
  const grant = sampleGrant(record.recordId, { app: record.app, ...changes })
  await commit.createRecord(record, grant, sampleEvent({ action: 'tokenize' }), sampleRoom())
  return { record, grant }
}

/** An open session, committed. */
export async function givenSession(commit: Commits, changes: Partial<Session> = {}): Promise<Session> {
  const session = sampleSession(changes)
  await commit.openSession(sampleOpening(session), sampleEvent({ action: 'open-session' }))
  return session
}

/** The name of the n-th call of a task, the same in each process. */
export function keyedName(seed: string, index: number) {
  const ref = Buffer.alloc(32, `${seed}/${index}/`)
  return { ref, fingerprint: ref, sessionVersion: 1 }
}
