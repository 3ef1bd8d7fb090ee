import type { SessionOpening } from '@lunadefend/core'
import { stopOf } from './block-commands.ts'
import type { Commands, Inside } from './commands.ts'
import { rowOf } from './rows.ts'
import type { Statements } from './statements.ts'

export function sessionCommands({
  statements,
  trail,
}: Inside): Pick<Commands, 'openSession' | 'passStepUp' | 'closeSession' | 'revokeSession'> {
  return {
    openSession(opening, audit) {
      if (statements.findChallenge.get(opening.challengeHash) !== undefined) return 'challenge-used'
      if (isRevoked(statements, opening)) return 'revoked'
      if (stopOf(statements, opening.stops, audit.at) === 'blocked') {
        trail.append(audit, 'blocked')
        return 'blocked'
      }
      insertSession(statements, opening)
      trail.append(audit, audit.refusal)
      return 'opened'
    },
    passStepUp({ app, sessionRefs, authenticatedAt, tokenHash }, audit) {
      const lifted = sessionRefs.filter((ref) => statements.liftStepUps.run(ref, authenticatedAt).changes > 0)
      if (lifted.length === 0) return false
      for (const ref of sessionRefs) statements.deleteOtherSessions.run(app, ref, tokenHash)
      trail.append(audit, audit.refusal)
      return true
    },
    closeSession(tokenHash, audit) {
      statements.deleteSession.run(tokenHash)
      trail.append(audit, audit.refusal)
    },
    revokeSession(tombstones, audit) {
      for (const { app, sessionRef, sessionVersion, revokedAt, expiresAt } of tombstones) {
        statements.deleteSessions.run(app, sessionRef)
        statements.deleteSessionGrants.run(app, sessionRef)
        statements.putTombstone.run(app, sessionRef, sessionVersion, revokedAt, expiresAt)
      }
      trail.append(audit, audit.refusal)
    },
  }
}

// `iat` counts whole seconds: within the second of the revocation, before and after cannot be told apart.
function isRevoked(statements: Statements, { session, sessionRefs, assertedAt }: SessionOpening): boolean {
  const second = Math.floor(assertedAt / 1000)
  return sessionRefs.some((sessionRef) => {
    const tombstone = rowOf<[revokedAt: number]>(statements.findTombstone.get(session.app, sessionRef))
    return tombstone !== null && second <= Math.floor(tombstone[0] / 1000)
  })
}

function insertSession(statements: Statements, opening: SessionOpening): void {
  const { tokenHash, app, sessionRef, sessionVersion, sessionHash, sealedSid, expiresAt } = opening.session
  statements.insertChallenge.run(opening.challengeHash, opening.challengeExpiresAt)
  const names = [tokenHash, app, sessionRef, sessionVersion] as const
  statements.insertSession.run(...names, sessionHash, sealedSid, expiresAt)
}
