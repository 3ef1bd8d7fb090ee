import { newName } from '../crypto/random.ts'
import type { Work } from '../ports.ts'
import type { Needs } from './needs.ts'

/** What one bounded step of a work did. */
export interface Step {
  readonly done: number
  /** Where the next step goes on; `null` = this was the last one. */
  readonly next: string | null
}

/** A step is written so that doing it twice changes nothing: it may be done and not noted. `runId` is for its audit rows. */
export type DoStep = (cursor: string | null, runId: string) => Promise<Step>

/** How long a process that died keeps the others from its work, in milliseconds. */
const LEASE_MS = 60_000

/**
 * Does up to `steps` steps of a work, from where it stopped, whoever did the ones before; fewer when `goOn` says so.
 * Answers how far it is; `null` = somebody else is at it. When a step fails, the work stays where it was, and is free
 * for the next who comes.
 */
export async function workOn(
  { database, clock }: Pick<Needs, 'database' | 'clock'>,
  name: string,
  steps: number,
  step: DoStep,
  goOn: () => boolean = () => true,
): Promise<Work | null> {
  const runId = newName()
  const lease = () => database.commit.takeLease(name, runId, clock.now(), clock.now() + LEASE_MS)
  let work = await lease()
  for (let count = 1; work !== null; count += 1) {
    const { cursor, done, finishedAt } = work
    const { done: more, next } = await step(cursor, runId).catch(async (error: unknown) => {
      const giveBack = { cursor, done, finishedAt: null, release: true }
      // What failed is told, not that the database could not even note it: the lease ends by itself.
      await database.commit.saveWork(name, runId, giveBack).catch(() => false)
      throw error
    })
    const ended = next === null ? clock.now() : null
    const progress = {
      cursor: next,
      done: done + more,
      finishedAt: ended,
      release: ended !== null || count === steps || !goOn(),
    }
    if (!(await database.commit.saveWork(name, runId, progress))) return null
    if (progress.release) return { ...work, ...progress, holder: null, finishedAt: ended ?? finishedAt }
    work = await lease()
  }
  return work
}
