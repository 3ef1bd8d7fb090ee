import type { Work } from '@lunadefend/core'
import type { Commands } from './commands.ts'
import { bind } from './statement.ts'
import { STATEMENTS } from './statements.ts'

export const WORK_COMMANDS: Pick<Commands, 'takeLease' | 'saveWork'> = {
  takeLease: (name, holder, now, until) => ({
    locks: {},
    steps: () => [bind(STATEMENTS.takeLease, { name, holder, now, until })],
    answer: ([answer]) => (answer?.rows[0] as Work | undefined) ?? null,
  }),
  saveWork: (name, holder, { cursor, done, finishedAt, release }) => ({
    locks: {},
    steps: () => [bind(STATEMENTS.saveWork, { name, holder, cursor, done, finishedAt, release })],
    answer: ([answer]) => answer?.count === 1,
  }),
}
