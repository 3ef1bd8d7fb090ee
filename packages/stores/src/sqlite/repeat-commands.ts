import { LeaseLost, type Repeat, type RepeatClaim, type Settlement } from '@lunadefend/core'
import type { Commands, Inside } from './commands.ts'
import { type RepeatRow, repeatOf, rowOf } from './rows.ts'
import type { Statements } from './statements.ts'

export function repeatCommands({
  statements,
}: Inside): Pick<Commands, 'claimRepeat' | 'settleRepeat' | 'releaseRepeat'> {
  return {
    claimRepeat: (claim) => findOrTakeOver(statements, claim) ?? insertRepeat(statements, claim),
    settleRepeat: (ref, holder, answer) => statements.settleRepeat.run(answer, 1, ref, holder).changes === 1,
    releaseRepeat(ref, holder) {
      statements.releaseRepeat.run(ref, holder)
    },
  }
}

function findOrTakeOver(statements: Statements, claim: RepeatClaim): Repeat | null {
  const { names, holder, now, leaseUntil, expiresAt } = claim
  for (const { ref } of names) statements.expireRepeat.run(ref, now)
  for (const { ref, fingerprint } of names) {
    statements.takeRepeat.run(holder, leaseUntil, expiresAt, ref, fingerprint, now)
    const row = rowOf<RepeatRow>(statements.findRepeat.get(ref))
    if (row !== null) return repeatOf(row)
  }
  return null
}

function insertRepeat(statements: Statements, claim: RepeatClaim): Repeat {
  const { names, holder, leaseUntil, expiresAt } = claim
  const [name] = names
  if (name === undefined) throw new TypeError('A call has a name.')
  const { ref, fingerprint, sessionVersion } = name
  statements.insertRepeat.run(ref, fingerprint, sessionVersion, holder, leaseUntil, expiresAt)
  return { ...name, holder, leaseUntil, answer: null }
}

/** Runs a command for a call that has its lease and no answer, and notes what it comes to. */
export function settle<Result>(
  { statements }: Inside,
  { ref, holder, note }: Settlement,
  command: () => Result,
): Result {
  if (statements.holdRepeat.get(ref, holder) === undefined) throw new LeaseLost()
  const result = command()
  const noted = note(result)
  if (noted !== null) statements.settleRepeat.run(noted.answer, Number(noted.last), ref, holder)
  return result
}
