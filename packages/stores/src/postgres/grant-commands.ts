import type { Grant, GrantFilter } from '@lunadefend/core'
import { type Command, notes } from './command.ts'
import type { Commands } from './commands.ts'
import { bind, type Step } from './statement.ts'
import { STATEMENTS } from './statements.ts'

export const GRANT_COMMANDS: Pick<Commands, 'setGrants' | 'revokeGrants' | 'removeExpired'> = {
  setGrants: (grants, replaced, audit) => ({
    locks: { grants: [...replaced, ...grants.map(({ grantId }) => grantId)] },
    steps: (writer) => [
      ...(replaced.length > 0 ? [bind(STATEMENTS.removeGrants, { grantIds: replaced })] : []),
      ...grants.map(putGrant),
      ...notes(writer, audit),
    ],
    answer: () => undefined,
  }),
  revokeGrants: (which, audit) => ({
    locks: {},
    steps: (writer) => [revocation(which), ...notes(writer, audit)],
    answer: ([revoked]) => revoked?.count ?? 0,
  }),
  removeExpired,
}

export function putGrant(grant: Grant): Step {
  const { grantId, app, grantVersion, sessionRef, sessionVersion, recordId } = grant
  const { access, expiresAt, maxUses, purpose } = grant
  return bind(STATEMENTS.putGrant, {
    ...{ grantId, app, grantVersion, sessionRef, sessionVersion, recordId },
    ...{ access, expiresAt, maxUses, purpose },
  })
}

function revocation({ app, sessionRefs, recordIds }: GrantFilter): Step {
  if (sessionRefs === null) {
    if (recordIds === null) return bind(STATEMENTS.revokeAll, { app })
    return bind(STATEMENTS.revokeOfRecords, { app, recordIds })
  }
  if (recordIds === null) return bind(STATEMENTS.revokeOfSessions, { app, sessionRefs })
  return bind(STATEMENTS.revokeOfBoth, { app, sessionRefs, recordIds })
}

function removeExpired(now: number, limit: number): Command<number> {
  const { expireGrants, expireSessions, expireTombstones, expireChallenges } = STATEMENTS
  const expiries = [expireGrants, expireSessions, expireTombstones, expireChallenges]
  return {
    locks: {},
    steps: () => expiries.map((expiry) => bind(expiry, { now, limit })),
    answer: (answers) => answers.reduce((removed, { count }) => removed + count, 0),
  }
}
