import { PortFailure, type Quota, type Taken } from '@lunadefend/core'

/** So many are decided in one turn at most, and so many rows, so that nobody holds the others up for long. */
const AT_ONCE = 256
const ROWS_AT_ONCE = 4000

/** One turn after the other: what is asked for while one is under way is decided together in the next. */
export interface Turns {
  take(quota: Quota): Promise<Taken>
  /** Does something between two turns. */
  between<T>(work: () => Promise<T>): Promise<T>
  /** Waits for what was asked; what comes later is rejected with `database_closed`. */
  close(): Promise<void>
}

interface Asked {
  readonly quota: Quota
  resolve(taken: Taken): void
  reject(error: unknown): void
}

export function createTurns(decide: (quotas: readonly Quota[]) => Promise<readonly Taken[]>): Turns {
  let waiting: Asked[] = []
  let running: Promise<unknown> = Promise.resolve()
  let started = false
  let closed = false

  async function turn(): Promise<void> {
    const batch = waiting.slice(0, fitting(waiting))
    waiting = waiting.slice(batch.length)
    try {
      const answers = await decide(batch.map(({ quota }) => quota))
      for (const [index, { resolve }] of batch.entries()) resolve(answers[index] as Taken)
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }

  async function turns(): Promise<void> {
    // Requests that came in together are decided together.
    await new Promise(setImmediate)
    while (waiting.length > 0) await turn()
    started = false
  }

  const after = <T>(work: () => Promise<T>): Promise<T> => {
    const done = running.then(work)
    running = done.catch(() => undefined)
    return done
  }
  return {
    take(quota) {
      if (closed) return Promise.reject(new PortFailure('database_closed'))
      return new Promise((resolve, reject) => {
        waiting.push({ quota, resolve, reject })
        if (started) return
        started = true
        void after(turns)
      })
    },
    between: (work) => (closed ? Promise.reject(new PortFailure('database_closed')) : after(work)),
    async close() {
      closed = true
      await running
    },
  }
}

/** How many of the first go together. */
function fitting(waiting: readonly Asked[]): number {
  let rows = 0
  const end = waiting.findIndex(({ quota }, index) => {
    rows += quota.buckets.length + quota.sets.reduce((sum, { members }) => sum + members.length + 1, 0)
    return index > 0 && (index >= AT_ONCE || rows > ROWS_AT_ONCE)
  })
  return end === -1 ? waiting.length : end
}
