import type { AuditEvent, Grant, GrantFilter, GrantRefusal, Room } from '@lunadefend/core'
import { answered, type Command, notedEach, notes } from './command.ts'
import type { Commands } from './commands.ts'
import { gateOf } from './session-commands.ts'
import { bind, type Step, type Values } from './statement.ts'
import { STATEMENTS } from './statements.ts'

export const GRANT_COMMANDS: Pick<Commands, 'setGrants' | 'revokeGrants' | 'removeExpired'> = {
  setGrants,
  revokeGrants: (which, audit) => ({
    locks: {},
    steps: (writer) => [revocation(which), ...notes(writer, audit)],
    answer: ([revoked]) => revoked?.count ?? 0,
  }),
  removeExpired,
}

/**
 * Who counts must see what others that counted before have set: so each has the gate of the session alone. What is
 * replaced is removed first, in a statement of its own: one that removes and sets the same row does either.
 */
function setGrants(
  grants: readonly Grant[],
  replaced: readonly Uint8Array[],
  audit: readonly AuditEvent[],
  room: Room,
): Command<GrantRefusal | null> {
  const fresh = [
    ...new Map(grants.map((grant) => [Buffer.from(grant.grantId).toString('latin1'), grant])).values(),
  ]
  const overwritten = [...replaced, ...fresh.map(({ grantId }) => grantId)]
  const asked = roomValues(room, fresh.length, overwritten)
  return {
    locks: { blocks: 'shared', gates: room.sessionRefs.map(gateOf), closed: true, grants: overwritten },
    steps: (writer) => [
      ...(replaced.length > 0 ? [bind(STATEMENTS.removeGrants, { ...asked, removed: replaced })] : []),
      bind(STATEMENTS.setGrants, { ...asked, ...columnsOf(fresh), ...notedEach(writer, audit) }),
    ],
    answer: (answers) => answered(answers.at(-1)) as GrantRefusal | null,
  }
}

/** The parameters of what grants have to pass. */
export function roomValues(
  { app, sessionRefs, stops, most, now }: Room,
  fresh: number,
  overwritten: readonly Uint8Array[],
): Values {
  return { roomApp: app, roomRefs: sessionRefs, stops, most, roomNow: now, fresh, overwritten }
}

function columnsOf(grants: readonly Grant[]): Values {
  return {
    grantIds: grants.map(({ grantId }) => grantId),
    apps: grants.map(({ app }) => app),
    grantVersions: grants.map(({ grantVersion }) => grantVersion),
    sessionRefs: grants.map(({ sessionRef }) => sessionRef),
    sessionVersions: grants.map(({ sessionVersion }) => sessionVersion),
    recordIds: grants.map(({ recordId }) => recordId),
    accesses: grants.map(({ access }) => access),
    expiries: grants.map(({ expiresAt }) => expiresAt),
    maxUses: grants.map(({ maxUses }) => maxUses),
    purposes: grants.map(({ purpose }) => purpose),
  }
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
  const { expireBlocks, expireAlarms, expireRepeats, expireNetworks } = STATEMENTS
  const sessions = [expireGrants, expireSessions, expireTombstones, expireChallenges]
  const expiries = [...sessions, expireBlocks, expireAlarms, expireRepeats, expireNetworks]
  return {
    locks: {},
    steps: () => expiries.map((expiry) => bind(expiry, { now, limit })),
    answer: (answers) => answers.reduce((removed, { count }) => removed + count, 0),
  }
}
