import { PortFailure } from '@lunadefend/core'
import type { Command } from './command.ts'
import { pause } from './pause.ts'
import type { Answer } from './statement.ts'
import type { Verdict, Writer } from './writer.ts'

/** One transaction takes so many commands at most, so that it does not hold its locks for long. */
const BATCH = 256
/** While each turn of the event loop brings more commands, so long is waited for them, in milliseconds. */
const GATHER_MS = 2

export interface GroupCommit {
  /** Carries the command out in the next transaction. Resolves when that is on the disk. */
  run<Result>(command: Command<Result>): Promise<Result>
  /** Waits for what is queued; what comes later is rejected with `database_closed`. */
  close(): Promise<void>
}

/** A command that waits for its transaction. */
interface Job {
  readonly command: Command<unknown>
  readonly since: number
  /** It has met others before: nobody shares a transaction with it now. */
  alone: boolean
  resolve(answers: readonly Answer[]): void
  reject(failure: Error): void
}

/** One fsync and one round trip for all that wait, while the transaction before is under way. */
export function createGroupCommit(writer: Writer, patienceMs: number): GroupCommit {
  const waiting: Job[] = []
  let flushing: Promise<void> | null = null
  let closed = false

  // A round trip costs as much as many turns: requests that came in together should not be told apart by one or two.
  async function gather(): Promise<void> {
    const started = performance.now()
    let before: number
    do {
      before = waiting.length
      await new Promise(setImmediate)
    } while (before < waiting.length && waiting.length < BATCH && performance.now() - started < GATHER_MS)
  }

  async function flush(): Promise<void> {
    while (waiting.length > 0) {
      await gather()
      await carryOut(waiting.splice(0, sizeOfBatch()))
    }
    flushing = null
  }

  function sizeOfBatch(): number {
    const alone = waiting.findIndex((job) => job.alone)
    return Math.min(BATCH, Math.max(1, alone === -1 ? waiting.length : alone))
  }

  async function carryOut(batch: readonly Job[]): Promise<void> {
    if (batch.length === 0) return
    const verdict = await writer.transact(batch.map(({ command }) => command))
    switch (verdict.kind) {
      case 'committed':
        for (const [index, job] of batch.entries()) job.resolve(verdict.answers[index] ?? [])
        return
      case 'refused':
        return isolate(batch, verdict)
      case 'passing':
        // One at a time, whoever stands in nobody's way gets through.
        for (const job of batch) job.alone = true
        if (batch.length === 1) return retry(batch, verdict.failure)
        for (const job of batch) await carryOut([job])
        return
      case 'unreachable':
        return retry(batch, verdict.failure)
      case 'given-up':
        for (const job of batch) job.reject(verdict.failure)
    }
  }

  /** What cannot be carried out goes alone; those before it and those behind it get a transaction each. */
  async function isolate(
    batch: readonly Job[],
    { at, failure }: Extract<Verdict, { kind: 'refused' }>,
  ): Promise<void> {
    await carryOut(batch.slice(0, at))
    batch[at]?.reject(failure)
    await carryOut(batch.slice(at + 1))
  }

  /** Behind the others in the queue, unless it has waited for too long. */
  async function retry(batch: readonly Job[], failure: PortFailure): Promise<void> {
    const patient = batch.filter(({ since }) => performance.now() - since < patienceMs)
    for (const job of batch) if (!patient.includes(job)) job.reject(failure)
    waiting.push(...patient)
    await pause()
  }

  return {
    run<Result>(command: Command<Result>) {
      if (closed) return Promise.reject(new PortFailure('database_closed'))
      return new Promise<Result>((resolve, reject) => {
        waiting.push({
          command,
          since: performance.now(),
          alone: false,
          resolve: (answers) => resolve(command.answer(answers)),
          reject,
        })
        flushing ??= flush()
      })
    },
    async close() {
      closed = true
      await flushing
      await writer.close()
    },
  }
}
