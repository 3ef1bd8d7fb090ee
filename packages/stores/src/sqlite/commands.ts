import type {
  AuditEvent,
  Commits,
  Decision,
  Grant,
  NewRecord,
  Outcome,
  SessionOpening,
} from '@lunadefend/core'
import type { AuditTrail } from './audit-trail.ts'
import { rowOf } from './reader.ts'
import type { Statements } from './statements.ts'

/** The commits as they run inside a transaction that the queue has begun: at once, and all or nothing by throwing. */
export type Commands = {
  readonly [Name in keyof Commits]: (...args: Parameters<Commits[Name]>) => Awaited<ReturnType<Commits[Name]>>
}

export function createCommands(statements: Statements, trail: AuditTrail, shredded: () => void): Commands {
  return {
    createRecord(record, grant, audit) {
      insertRecord(statements, record)
      replaceGrant(statements, grant)
      trail.append(audit, audit.refusal)
    },
    decide: (decisions) =>
      decisions.map((decision) => {
        const outcome = outcomeOf(statements, decision)
        trail.append(decision.audit, outcome)
        return outcome
      }),
    setGrants(grants, audit) {
      for (const grant of grants) replaceGrant(statements, grant)
      appendAll(trail, audit)
    },
    revokeGrants({ app, sessionRef, recordIds }, audit) {
      appendAll(trail, audit)
      return deleteGrants(statements, app, sessionRef, recordIds)
    },
    markStored(recordIds, at) {
      for (const recordId of recordIds) statements.markStored.run(at, recordId)
    },
    openSession(opening, audit) {
      if (statements.findChallenge.get(opening.challengeHash) !== undefined) return 'challenge-used'
      if (isRevoked(statements, opening)) return 'revoked'
      insertSession(statements, opening)
      trail.append(audit, audit.refusal)
      return 'opened'
    },
    closeSession(tokenHash, audit) {
      statements.deleteSession.run(tokenHash)
      trail.append(audit, audit.refusal)
    },
    revokeSession({ app, sessionRef, revokedAt, expiresAt }, audit) {
      statements.deleteSessions.run(app, sessionRef)
      statements.deleteSessionGrants.run(app, sessionRef)
      statements.putTombstone.run(app, sessionRef, revokedAt, expiresAt)
      trail.append(audit, audit.refusal)
    },
    shredRecord(recordId, { objectKey, notBefore, at }, audit) {
      const record = rowOf<[number: number]>(statements.markDeleted.get(at, recordId))
      trail.append(audit, record === null ? 'changed-meanwhile' : audit.refusal)
      if (record === null) return false
      statements.shredSeal.run(record[0])
      statements.deleteGrantsOfRecord.run(recordId)
      statements.insertDeletion.run(objectKey, notBefore)
      shredded()
      return true
    },
    finishDeletions(objectKeys) {
      for (const objectKey of objectKeys) statements.finishDeletion.run(objectKey)
    },
    recordAudit: (events) => appendAll(trail, events),
    replaceKeyRing({ version, kid, sealed }, expected) {
      const { insertKeyRing, updateKeyRing } = statements
      if (expected === 0) return insertKeyRing.run(version, kid, sealed).changes === 1
      return updateKeyRing.run(version, kid, sealed, expected).changes === 1
    },
    removeExpired(now, limit) {
      const { expireGrants, expireSessions, expireTombstones, expireChallenges } = statements
      const expiries = [expireGrants, expireSessions, expireTombstones, expireChallenges]
      return expiries.reduce((removed, expiry) => removed + Number(expiry.run(now, limit).changes), 0)
    },
  }
}

function appendAll(trail: AuditTrail, events: readonly AuditEvent[]): void {
  for (const event of events) trail.append(event, event.refusal)
}

function insertRecord(statements: Statements, record: NewRecord): void {
  const { lastInsertRowid } = statements.insertRecord.run(
    record.locator,
    record.recordId,
    record.app,
    record.kid,
    record.generation,
    record.createdAt,
    record.storedAt,
    record.deletedAt,
  )
  statements.insertSeal.run(lastInsertRowid, record.recordSalt, record.sealed, record.sealedMetadata)
}

function replaceGrant(statements: Statements, grant: Grant): void {
  const { grantId, app, sessionRef, recordId, access, expiresAt, maxUses, purpose } = grant
  statements.replaceGrant.run(grantId, app, sessionRef, recordId, access, expiresAt, maxUses, purpose)
}

function outcomeOf(statements: Statements, decision: Decision): Outcome {
  if (decision.kind === 'refuse') return decision.refusal
  const { grantId, recordId, generation, tokenHash, uses, audit } = decision
  if (uses === 0) {
    const usable = statements.checkGrant.get(grantId, recordId, audit.at, generation, tokenHash)
    return usable === undefined ? 'changed-meanwhile' : null
  }
  const spent = statements.spendGrant.run(grantId, recordId, audit.at, generation, tokenHash)
  return spent.changes === 1 ? null : 'changed-meanwhile'
}

function deleteGrants(
  statements: Statements,
  app: string,
  sessionRef: Uint8Array | null,
  recordIds: readonly Uint8Array[] | null,
): number {
  if (recordIds === null) {
    const { deleteGrants: deleteAll, deleteSessionGrants } = statements
    return Number(
      (sessionRef === null ? deleteAll.run(app) : deleteSessionGrants.run(app, sessionRef)).changes,
    )
  }
  const { deleteRecordGrants, deleteSessionRecordGrants } = statements
  return recordIds.reduce((removed, recordId) => {
    const { changes } =
      sessionRef === null
        ? deleteRecordGrants.run(app, recordId)
        : deleteSessionRecordGrants.run(app, recordId, sessionRef)
    return removed + Number(changes)
  }, 0)
}

// `iat` counts whole seconds: within the second of the revocation, before and after cannot be told apart.
function isRevoked(statements: Statements, { session, assertedAt }: SessionOpening): boolean {
  const { app, sessionRef } = session
  const tombstone = rowOf<[revokedAt: number]>(statements.findTombstone.get(app, sessionRef))
  return tombstone !== null && Math.floor(assertedAt / 1000) <= Math.floor(tombstone[0] / 1000)
}

function insertSession(statements: Statements, opening: SessionOpening): void {
  const { tokenHash, app, sessionRef, sessionHash, sealedSid, expiresAt } = opening.session
  statements.insertChallenge.run(opening.challengeHash, opening.challengeExpiresAt)
  statements.insertSession.run(tokenHash, app, sessionRef, sessionHash, sealedSid, expiresAt)
}
