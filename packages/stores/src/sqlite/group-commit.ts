import type { DatabaseSync } from 'node:sqlite'
import { PortFailure } from '@lunadefend/core'
import type { AuditTrail } from './audit-trail.ts'
import { BUSY_LIMIT_MS, busyPause } from './busy.ts'
import { asPortFailure, isBusy } from './sqlite-failure.ts'
import type { Statements } from './statements.ts'

/** One transaction takes so many commands at most, so that a flood does not stop the event loop for long. */
const BATCH = 512
/** While each turn of the event loop brings more commands, so long is waited for them, in milliseconds. */
const GATHER_MS = 2

export interface GroupCommit {
  /** Runs the command in the next transaction. Resolves when that is on the disk; rejects when nothing of it is. */
  run<Result>(command: () => Result): Promise<Result>
  /** Waits for what is queued; what comes later is rejected with `database_closed`. */
  close(): Promise<void>
}

/** A command that waits for its transaction. */
interface Job {
  /** Throws when the command cannot be carried out. */
  run(): void
  resolve(): void
  reject(error: unknown): void
}

/**
 * One fsync for all that wait: commands that come in while the event loop turns share one transaction. Each has a
 * savepoint, so that one that fails is rolled back alone. `committed` is called after each COMMIT, before the callers
 * learn of it.
 */
export function createGroupCommit(
  db: DatabaseSync,
  statements: Statements,
  trail: AuditTrail,
  committed: () => void,
): GroupCommit {
  let waiting: Job[] = []
  let flushing: Promise<void> | null = null
  let closed = false
  const transact = transactor(db, statements, trail, committed)

  // An fsync costs as much as many turns: requests that came in together should not be told apart by a turn or two.
  async function gather(): Promise<void> {
    const started = performance.now()
    let before: number
    do {
      before = waiting.length
      await new Promise(setImmediate)
    } while (before < waiting.length && waiting.length < BATCH && performance.now() - started < GATHER_MS)
  }

  async function flush(): Promise<void> {
    let busySince: number | null = null
    while (waiting.length > 0) {
      await (busySince === null ? gather() : busyPause())
      busySince ??= performance.now()
      const batch = waiting.slice(0, BATCH)
      if (!transact(batch, performance.now() - busySince > BUSY_LIMIT_MS)) continue
      waiting = waiting.slice(batch.length)
      busySince = null
    }
    flushing = null
  }

  return {
    run(command) {
      if (closed) return Promise.reject(new PortFailure('database_closed'))
      return new Promise((resolve, reject) => {
        waiting.push(jobOf(command, resolve, reject))
        flushing ??= flush()
      })
    },
    async close() {
      closed = true
      await flushing
    },
  }
}

function jobOf<Result>(command: () => Result, resolve: (result: Result) => void, reject: Job['reject']): Job {
  let result: Result
  return {
    run() {
      result = command()
    },
    resolve: () => resolve(result),
    reject: (error) => reject(asPortFailure(error)),
  }
}

/** Carries out a batch; `false` = another process holds the file, and nothing happened, unless it is the last try. */
function transactor(db: DatabaseSync, statements: Statements, trail: AuditTrail, committed: () => void) {
  return (batch: readonly Job[], lastTry: boolean): boolean => {
    const mark = trail.mark()
    let settled: (() => void)[]
    try {
      statements.begin.run()
      settled = batch.map((job) => attempt(db, statements, trail, job))
      statements.commit.run()
    } catch (error) {
      if (db.isTransaction) statements.rollback.run()
      trail.rewind(mark)
      if (isBusy(error) && !lastTry) return false
      for (const job of batch) job.reject(error)
      return true
    }
    committed()
    for (const settle of settled) settle()
    return true
  }
}

/** Answers how to tell the caller, once the rest is committed. Throws when the whole transaction is lost. */
function attempt(db: DatabaseSync, statements: Statements, trail: AuditTrail, job: Job): () => void {
  const mark = trail.mark()
  statements.setSavepoint.run()
  try {
    job.run()
  } catch (error) {
    // A full disk, for one, ends the transaction: https://www.sqlite.org/lang_transaction.html, section 3.
    if (!db.isTransaction) throw error
    statements.rollbackToSavepoint.run()
    statements.releaseSavepoint.run()
    trail.rewind(mark)
    return () => job.reject(error)
  }
  statements.releaseSavepoint.run()
  return job.resolve
}
