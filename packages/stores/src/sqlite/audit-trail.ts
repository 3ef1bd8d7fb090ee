import { randomBytes } from 'node:crypto'
import type { AuditSubject, Refusal } from '@lunadefend/core'
import type { Statements } from './statements.ts'

/**
 * Numbers the rows that this connection writes, without a gap, in the order in which they are committed: a row that
 * somebody removes is missed. What is rolled back takes its numbers back.
 */
export interface AuditTrail {
  /** `refusal` `null` = allowed. */
  append(subject: AuditSubject, refusal: Refusal | null): void
  /** Whose rows these are. */
  readonly writer: string
  /** The last number that is in use. */
  mark(): number
  rewind(mark: number): void
}

export function createAuditTrail(statements: Statements): AuditTrail {
  // Never used before, so that a restart, or a restored file, cannot continue another one's numbers.
  const writer = randomBytes(8).toString('hex')
  let last = 0
  return {
    writer,
    append(subject, refusal) {
      const { at, requestId, app, actor, operator, action, epoch, session, user, token } = subject
      const { network, generation, policy, count } = subject
      const who = [at, requestId, app, actor, operator, action, epoch, session, user, token] as const
      statements.insertAudit.run(writer, last + 1, ...who, network, generation, policy, count, refusal)
      last += 1
    },
    mark: () => last,
    rewind(mark) {
      last = mark
    },
  }
}
