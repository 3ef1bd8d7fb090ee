import {
  type DoStep,
  expireStep,
  type Needs,
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
  'reap-uploads': { everyMs: HOUR, step: reapUploadsStep },
} as const satisfies Record<string, { everyMs: number; step: WorkStep }>

type WorkStep = (needs: Needs, runId: string, cursor: string | null) => ReturnType<DoStep>
export type WorkName = keyof typeof WORKS

/** Does some steps of a work, whether it is its time or not. `null` = another process is at it. */
export function doWork(needs: Needs, name: WorkName, steps = STEPS): Promise<Work | null> {
  const { step }: { step: WorkStep } = WORKS[name]
  return workOn(needs, name, steps, (cursor, runId) => step(needs, runId, cursor))
}

async function removeExpired({ database, clock }: Needs) {
  const done = await database.commit.removeExpired(clock.now(), AT_ONCE)
  return { done, next: done < AT_ONCE ? null : 'more' }
}

async function sweep(needs: Needs) {
  const done = await sweepDeletions(needs, AT_ONCE)
  return { done, next: done < AT_ONCE ? null : 'more' }
}

/** How long nothing is done: when all works are done, and when one of them is not. */
const IDLE_SECONDS = 30
const IDLE_MS = IDLE_SECONDS * SECOND
const BUSY_MS = SECOND

/** Starts what the Tokenizer does unasked: see WORKS; and it keeps the key ring fresh. */
export function startJobs(
  needs: Needs,
  refreshKeys: () => Promise<void>,
  log: Logger,
): { stop(): Promise<void> } {
  const attempt = async (job: string, run: () => Promise<unknown>) => {
    // One that fails is tried again in the next round, and does not stop the others.
    await run().catch((error: Error) => log.error({ job, error: error.name }, 'job failed'))
  }
  const round = async () => {
    await attempt('refresh-keys', refreshKeys)
    for (const name of await dueWorks(needs)) {
      await attempt(name, async () => logDone(log, name, await doWork(needs, name)))
    }
    return (await dueWorks(needs)).length > 0 ? BUSY_MS : IDLE_MS
  }
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let running = Promise.resolve()
  const next = (afterMs: number) => {
    if (stopped) return
    timer = setTimeout(() => {
      running = round().then(next, () => next(IDLE_MS))
    }, afterMs)
  }
  next(IDLE_MS)
  return {
    stop: async () => {
      stopped = true
      clearTimeout(timer)
      await running
    },
  }
}

function logDone(log: Logger, job: WorkName, work: Work | null): void {
  if (work !== null && work.done > 0) log.info({ job, done: work.done, ended: work.cursor === null }, 'job')
}

async function dueWorks({ database, clock }: Needs): Promise<WorkName[]> {
  const works = await database.read((reader) => reader.findWork())
  const state = new Map(works.map((work) => [work.name, work]))
  return Object.entries(WORKS).flatMap(([name, { everyMs }]) => {
    const { cursor = null, finishedAt = null } = state.get(name) ?? {}
    const due = cursor !== null || finishedAt === null || finishedAt + everyMs <= clock.now()
    return due ? [name as WorkName] : []
  })
}
