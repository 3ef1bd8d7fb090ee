import type { Commits, Database } from '@lunadefend/core'
import type { Scheduler } from 'fast-check'
import type { Together } from './play.ts'

/** Puts the questions and the commits of calls that go on at the same time into an order that fast-check chooses. */
export interface Turnstile {
  between(database: Database): Database
  /** Calls run through this scheduler. */
  under(scheduler: Scheduler): Together
}

export function turnstile(): Turnstile {
  let current: Scheduler | null = null
  function inTurn<T>(name: string, run: () => Promise<T>): Promise<T> {
    if (current === null) return run()
    // It calls it by its name when it tells what it did.
    const named = { [name]: () => run() }[name] as () => Promise<T>
    return current.scheduleFunction(named)()
  }
  return {
    between: (database) => ({
      read: (look) => inTurn('read', () => database.read(look)),
      commit: each(database.commit, inTurn),
      settling: (settlement) => each(database.settling(settlement), inTurn),
      [Symbol.asyncDispose]: async () => {},
    }),
    under: (scheduler) => async (acts) => {
      current = scheduler
      try {
        return await scheduler.waitFor(Promise.all(acts.map((act) => act())))
      } finally {
        current = null
      }
    },
  }
}

type InTurn = <T>(name: string, run: () => Promise<T>) => Promise<T>

function each(commits: Commits, inTurn: InTurn): Commits {
  const wrapped = Object.entries(commits).map(([name, commit]) => {
    const run = commit as (...args: unknown[]) => Promise<unknown>
    return [name, (...args: unknown[]) => inTurn(name, () => run(...args))]
  })
  return Object.fromEntries(wrapped) as Commits
}
