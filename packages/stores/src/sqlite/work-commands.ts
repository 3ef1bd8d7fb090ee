import type { Commands, Inside } from './commands.ts'
import { rowOf, type WorkRow, workOf } from './rows.ts'

export function workCommands({ statements }: Inside): Pick<Commands, 'takeLease' | 'saveWork'> {
  return {
    takeLease(name, holder, now, until) {
      const row = rowOf<WorkRow>(statements.takeLease.get(name, holder, now, until))
      return row && workOf(row)
    },
    saveWork(name, holder, { cursor, done, finishedAt, release }) {
      const bound = [name, holder, cursor, done, finishedAt, Number(release)] as const
      return statements.saveWork.run(...bound).changes === 1
    },
  }
}
