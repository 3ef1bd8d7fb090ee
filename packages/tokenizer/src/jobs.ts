import {
  type DoStep,
  expireStep,
  type Needs,
  PortFailure,
  reapObjectsStep,
  reapRecordsStep,
  reapUploadsStep,
  referStep,
  resealStep,
  sweepDeletions,
  type Work,
  workOn,
} from '@lunadefend/core'
import type { Logger } from 'pino'
import { type Rounds, startRounds } from './rounds.ts'

const SECOND = 1000
const HOUR = 3600 * SECOND
const AT_ONCE = 500
/** Steps of one work before the next one has its turn. */
const STEPS = 50

/** What is done unasked, by one process at a time. `everyMs` is from the end of one run to the beginning of the next. */
export const WORKS = {
  'remove-expired': { everyMs: 30 * SECOND, step: removeExpired },
  'expire-tokens': { everyMs: 30 * SECOND, step: expireStep },
  'sweep-deletions': { everyMs: 30 * SECOND, step: sweep },
  'reseal-records': { everyMs: 30 * SECOND, step: resealStep },
  'refer-objects': { everyMs: 30 * SECOND, step: referStep },
  'reap-records': { everyMs: HOUR, step: reapRecordsStep },
  'reap-objects': { everyMs: HOUR, step: reapObjectsStep },
  'sweep-limits': { everyMs: 60 * SECOND, step: sweepLimits },
  'reap-uploads': { everyMs: HOUR, step: reapUploadsStep },
} as const satisfies Record<string, { everyMs: number; step: WorkStep }>

type WorkStep = (needs: Needs, runId: string, cursor: string | null) => ReturnType<DoStep>
export type WorkName = keyof typeof WORKS

/** Does some steps of a work, whether it is its time or not, while `goOn` says so. `null` = somebody else is at it. */
export function doWork(needs: Needs, name: WorkName, goOn?: () => boolean): Promise<Work | null> {
  const { step }: { step: WorkStep } = WORKS[name]
  return workOn(needs, name, STEPS, (cursor, runId) => step(needs, runId, cursor), goOn)
}

async function removeExpired({ database, clock }: Needs) {
  const done = await database.commit.removeExpired(clock.now(), AT_ONCE)
  return { done, next: done < AT_ONCE ? null : 'more' }
}

async function sweep(needs: Needs) {
  const done = await sweepDeletions(needs, AT_ONCE)
  return { done, next: done < AT_ONCE ? null : 'more' }
}

async function sweepLimits({ limiter, clock }: Needs, _runId: string, cursor: string | null) {
  const { removed, next } = await limiter.sweep(cursor, AT_ONCE, clock.now())
  return { done: removed, next }
}

/** How long nothing is done: when all works are done, or cannot be done, and when one of them has more to do. */
const IDLE_SECONDS = 30
const IDLE_MS = IDLE_SECONDS * SECOND
const BUSY_MS = SECOND

/** Starts what the Tokenizer does unasked: see WORKS. */
export function startJobs(needs: Needs, log: Logger): Rounds {
  // One that fails is tried again in the next round, and does not stop the others.
  const attempt = async <T>(job: string, run: () => Promise<T>): Promise<T | null> =>
    run().catch((error: Error) => {
      log.error({ job, error: nameOf(error) }, 'job failed')
      return null
    })
  return startRounds(IDLE_MS, async (goOn) => {
    let more = false
    for (const name of (await attempt('find-work', () => dueWorks(needs))) ?? []) {
      if (!goOn()) break
      const work = await attempt(name, () => doWork(needs, name, goOn))
      if (work !== null) logDone(log, name, work)
      more ||= work !== null && work.cursor !== null
    }
    return more ? BUSY_MS : IDLE_MS
  })
}

/** What a line of the log says of a failure: never its text. */
export function nameOf(error: Error): string {
  return error instanceof PortFailure ? error.code : error.name
}

function logDone(log: Logger, job: WorkName, work: Work): void {
  if (work.done > 0) log.info({ job, done: work.done, ended: work.cursor === null }, 'job')
}

async function dueWorks({ database, clock }: Needs): Promise<WorkName[]> {
  const works = await database.read((reader) => reader.findWork())
  const state = new Map(works.map((work) => [work.name, work]))
  return Object.entries(WORKS).flatMap(([name, { everyMs }]) => {
    const { cursor = null, finishedAt = null } = state.get(name) ?? {}
    // In either direction: what ended in the future was noted by a clock that was wrong, and must not wait for it.
    const due = cursor !== null || finishedAt === null || Math.abs(clock.now() - finishedAt) >= everyMs
    return due ? [name as WorkName] : []
  })
}
