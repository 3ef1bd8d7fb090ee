import { answered, type Command, noted, notes } from './command.ts'
import type { Commands } from './commands.ts'
import { bind } from './statement.ts'
import { STATEMENTS } from './statements.ts'

/**
 * A session that is opened while it is revoked would outlive the revocation if neither saw the other. So both pass a
 * gate: one of 256 rows, by the first byte of the session's reference. Who opens shares it, who revokes has it alone,
 * and whoever waited sees what the other did.
 */
export const SESSION_COMMANDS: Pick<
  Commands,
  'openSession' | 'passStepUp' | 'closeSession' | 'revokeSession'
> = {
  openSession: ({ session, sessionRefs, stops, challengeHash, challengeExpiresAt, assertedAt }, audit) => {
    const { tokenHash, app, sessionRef, sessionVersion, sessionHash, sealedSid, expiresAt } = session
    // `iat` counts whole seconds: within the second of the revocation, before and after cannot be told apart.
    const assertedSecond = Math.floor(assertedAt / 1000) * 1000
    return {
      locks: { blocks: 'shared', gates: sessionRefs.map(gateOf) },
      steps: (writer) => [
        bind(STATEMENTS.openSession, {
          ...{ tokenHash, sessionApp: app, sessionRef, sessionVersion, sessionHash, sealedSid, expiresAt },
          ...{ sessionRefs, stops, challengeHash, challengeExpiresAt, assertedSecond },
          ...noted(writer, audit),
        }),
      ],
      answer: ([answer]) => answered(answer) as 'opened' | 'challenge-used' | 'revoked' | 'blocked',
    }
  },
  passStepUp: ({ app, sessionRefs, authenticatedAt, tokenHash }, audit) => ({
    locks: {},
    steps: (writer) => [
      bind(STATEMENTS.passStepUp, {
        ...{ sessionApp: app, sessionRefs, authenticatedAt, tokenHash },
        ...noted(writer, audit),
      }),
    ],
    answer: ([passed]) => answered(passed) as boolean,
  }),
  closeSession: (tokenHash, audit) => ({
    locks: {},
    steps: (writer) => [bind(STATEMENTS.deleteSession, { tokenHash }), ...notes(writer, [audit])],
    answer: () => undefined,
  }),
  revokeSession: (tombstones, audit): Command<void> => ({
    locks: { gates: tombstones.map(({ sessionRef }) => gateOf(sessionRef)), closed: true },
    steps: (writer) => [
      ...tombstones.flatMap(({ app, sessionRef, sessionVersion, revokedAt, expiresAt }) => [
        bind(STATEMENTS.endSessions, { app, sessionRefs: [sessionRef] }),
        bind(STATEMENTS.revokeOfSessions, { app, sessionRefs: [sessionRef] }),
        bind(STATEMENTS.putTombstone, { app, sessionRef, sessionVersion, revokedAt, expiresAt }),
      ]),
      ...notes(writer, [audit]),
    ],
    answer: () => undefined,
  }),
}

export function gateOf(sessionRef: Uint8Array): number {
  return sessionRef[0] ?? 0
}
