import { LeaseLost, type Repeat, type Settlement } from '@lunadefend/core'
import type { Command } from './command.ts'
import type { Commands } from './commands.ts'
import { gateOf } from './session-commands.ts'
import { type Answer, bind } from './statement.ts'
import { STATEMENTS } from './statements.ts'

/**
 * One row a call, whatever version of the key it is named under. While a new version gets about two processes may give
 * the row different names: then both pass the gates of all of its names (see session-commands.ts), and whoever comes second
 * finds the row of the first.
 */
export const REPEAT_COMMANDS: Pick<Commands, 'claimRepeat' | 'settleRepeat' | 'releaseRepeat'> = {
  claimRepeat: ({ names, holder, now, leaseUntil, expiresAt }) => {
    const refs = names.map(({ ref }) => ref)
    const lease = { holder, now, leaseUntil, expiresAt }
    const [name] = names
    if (name === undefined) throw new TypeError('A call has a name.')
    const fingerprints = names.map(({ fingerprint }) => fingerprint)
    return {
      locks: { ...(names.length > 1 ? { gates: refs.map(gateOf), closed: true } : {}), repeats: refs },
      steps: () => [
        bind(STATEMENTS.expireRepeat, { refs, now }),
        bind(STATEMENTS.takeRepeat, { ...lease, refs, fingerprints }),
        bind(STATEMENTS.insertRepeat, { ...lease, refs, ...name }),
        bind(STATEMENTS.findRepeat, { refs }),
      ],
      answer: (answers) => answers.at(-1)?.rows[0] as unknown as Repeat,
    }
  },
  settleRepeat: (ref, holder, answer) => ({
    locks: { repeats: [ref] },
    steps: () => [bind(STATEMENTS.settleRepeat, { ref, holder, answer, last: true })],
    answer: ([settled]) => settled?.count === 1,
  }),
  releaseRepeat: (ref, holder) => ({
    locks: { repeats: [ref] },
    steps: () => [bind(STATEMENTS.releaseRepeat, { ref, holder })],
    answer: () => undefined,
  }),
}

/** The command for a call that has its lease and no answer; what it comes to is noted before the commit. */
export function settled({ ref, holder, note }: Settlement, command: Command<unknown>): Command<unknown> {
  let count = 0
  const own = (answers: readonly Answer[]) => answers.slice(1, 1 + count)
  return {
    locks: { ...command.locks, repeats: [ref] },
    steps(writer) {
      const steps = command.steps(writer)
      count = steps.length
      return [bind(STATEMENTS.holdRepeat, { ref, holder }), ...steps]
    },
    conclude(writer, answers) {
      if (answers[0]?.count !== 1) throw new LeaseLost()
      const noted = note(command.answer(own(answers)))
      const more = command.conclude?.(writer, own(answers)) ?? []
      count += more.length
      return noted === null ? more : [...more, bind(STATEMENTS.settleRepeat, { ref, holder, ...noted })]
    },
    answer: (answers) => command.answer(own(answers)),
  }
}
