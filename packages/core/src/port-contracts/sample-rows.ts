import { randomBytes, randomUUID } from 'node:crypto'
import type { AppId } from '@lunadefend/contract'
import type { AuditEvent, AuditSubject } from '../domain/audit.ts'
import type { Grant } from '../domain/grant.ts'
import type { Session } from '../domain/session.ts'
import type { Commits, Decision, NewRecord, ObjectDeletion, SessionOpening } from '../ports.ts'

/** A time after 2038, so that a column of 32 bits is noticed. */
export const NOW = 4_102_444_800_000
export const APP = 'shop' as AppId
export const OTHER_APP = 'bank' as AppId

export const bytes = (length: number): Uint8Array => new Uint8Array(randomBytes(length))

export function sampleRecord(changes: Partial<NewRecord> = {}): NewRecord {
  return {
    locator: bytes(32),
    recordId: bytes(16),
    app: APP,
    kid: 'r0123456789abcdef',
    generation: 1,
    recordSalt: bytes(32),
    sealed: bytes(223),
    sealedMetadata: null,
    createdAt: NOW,
    storedAt: null,
    deletedAt: null,
    ...changes,
  }
}

export function sampleGrant(recordId: Uint8Array, changes: Partial<Grant> = {}): Grant {
  return {
    grantId: bytes(32),
    app: APP,
    sessionRef: bytes(32),
    recordId,
    access: 'read',
    expiresAt: NOW + 1000,
    maxUses: null,
    uses: 0,
    purpose: null,
    ...changes,
  }
}

export function sampleSession(changes: Partial<Session> = {}): Session {
  return {
    tokenHash: bytes(32),
    app: APP,
    sessionRef: bytes(32),
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
  return { session, challengeHash: bytes(32), challengeExpiresAt: NOW + 1000, assertedAt: NOW, ...changes }
}

export function sampleSubject(changes: Partial<AuditSubject> = {}): AuditSubject {
  return {
    at: NOW,
    requestId: randomUUID(),
    app: APP,
    actor: 'user',
    action: 'detokenize',
    epoch: 1582,
    session: randomBytes(16).toString('hex'),
    token: randomBytes(16).toString('hex'),
    ...changes,
  }
}

export function sampleEvent(changes: Partial<AuditEvent> = {}): AuditEvent {
  return { ...sampleSubject(), refusal: null, ...changes }
}

export function sampleDeletion(changes: Partial<ObjectDeletion> = {}): ObjectDeletion {
  return { objectKey: `v1/${randomBytes(16).toString('hex')}`, notBefore: NOW + 1000, at: NOW, ...changes }
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
  await commit.createRecord(record, grant, sampleEvent({ action: 'tokenize' }))
  return { record, grant }
}

/** An open session, committed. */
export async function givenSession(commit: Commits, changes: Partial<Session> = {}): Promise<Session> {
  const session = sampleSession(changes)
  await commit.openSession(sampleOpening(session), sampleEvent({ action: 'open-session' }))
  return session
}
