import type { AuditEvent } from '@lunadefend/core'
import { type Answer, bind, type Step, type Values } from './statement.ts'
import { STATEMENTS } from './statements.ts'

/**
 * What one commit sends and how it reads the answers. Its steps go out at once, so none of them can depend on an
 * answer: what must be decided is decided in the statements.
 */
export interface Command<Result> {
  readonly locks: Locks
  /** `writer` is whose rows of audit these will be. */
  steps(writer: string): readonly Step[]
  /**
   * Steps that need those answers: a second round trip before the commit, so for background work, and for what is to be
   * done once. When it throws nothing of the command is committed, and it is rejected with that.
   */
  conclude?(writer: string, answers: readonly Answer[]): readonly Step[]
  /** From one answer for each step. */
  answer(answers: readonly Answer[]): Result
}

/**
 * Rows that are locked, in one order for every process, before anything else is done. At READ COMMITTED each statement
 * sees what is committed when it begins: what comes after the lock has seen whoever held it before.
 */
export interface Locks {
  /** Whether it looks for blocks, or sets some: see block-commands.ts. */
  readonly blocks?: 'shared' | 'alone'
  readonly gates?: readonly number[]
  /** Whether nobody else may pass the gates. */
  readonly closed?: boolean
  readonly repeats?: readonly Uint8Array[]
  readonly grants?: readonly Uint8Array[]
  readonly records?: readonly Uint8Array[]
}

/** The statements that take the locks of all of them. */
export function stepsOfLocks(all: readonly Locks[]): Step[] {
  const wanted = new Set(all.map(({ blocks }) => blocks))
  const gates = all.flatMap((locks) => locks.gates ?? [])
  const repeats = all.flatMap((locks) => locks.repeats ?? [])
  const grants = all.flatMap((locks) => locks.grants ?? [])
  const records = all.flatMap((locks) => locks.records ?? [])
  // Taken once and strongly: a lock that two processes share, and both want to strengthen, lets neither go on.
  const gate = all.some(({ closed }) => closed) ? STATEMENTS.lockGates : STATEMENTS.shareGates
  return [
    ...(wanted.has('alone') ? [bind(STATEMENTS.lockBlocks, {})] : []),
    ...(wanted.has('shared') && !wanted.has('alone') ? [bind(STATEMENTS.shareBlocks, {})] : []),
    ...(gates.length > 0 ? [bind(gate, { keys: gates })] : []),
    ...(repeats.length > 0 ? [bind(STATEMENTS.lockRepeats, { keys: repeats })] : []),
    ...(grants.length > 0 ? [bind(STATEMENTS.lockGrants, { keys: grants })] : []),
    ...(records.length > 0 ? [bind(STATEMENTS.lockRecords, { keys: records })] : []),
  ]
}

/** The parameters of the row of audit. */
export function noted(writer: string, event: AuditEvent): Values {
  const { at, requestId, app, actor, operator, action, epoch, session, user, token } = event
  const { count, refusal, network, generation: seenGeneration, policy } = event
  const who = { at, requestId, app, actor, operator, action, epoch, session, user, token }
  return { writer, ...who, network, seenGeneration, policy, count, refusal }
}

/** The parameters of several rows of audit that one statement writes. */
export function notedEach(writer: string, events: readonly AuditEvent[]): Values {
  return { writer, events: JSON.stringify(events.map((event) => noted(writer, event))) }
}

export function notes(writer: string, events: readonly AuditEvent[]): Step[] {
  return events.map((event) => bind(STATEMENTS.note, noted(writer, event)))
}

/** What a step answered in the column `value` of its one row. */
export function answered(answer: Answer | undefined): unknown {
  return answer?.rows[0]?.['value']
}
