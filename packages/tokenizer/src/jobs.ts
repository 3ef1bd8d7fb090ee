import { type Needs, sweepDeletions } from '@lunadefend/core'
import type { Logger } from 'pino'

const EVERY_MS = 30_000
const AT_ONCE = 500

/** What the Tokenizer does unasked: forgets what has expired, removes objects of deleted tokens, keeps the key ring fresh. */
export function startJobs(
  needs: Needs,
  refreshKeys: () => Promise<void>,
  log: Logger,
): { stop(): Promise<void> } {
  const jobs: Record<string, () => Promise<unknown>> = {
    'remove-expired': () => needs.database.commit.removeExpired(needs.clock.now(), AT_ONCE),
    'sweep-deletions': () => sweepDeletions(needs, AT_ONCE),
    'refresh-keys': refreshKeys,
  }
  const round = async () => {
    for (const [job, run] of Object.entries(jobs)) {
      // One that fails is tried again in the next round, and does not stop the others.
      await run().catch((error: Error) => log.error({ job, error: error.name }, 'job failed'))
    }
  }
  let running = Promise.resolve()
  const timer = setInterval(() => {
    running = running.then(round)
  }, EVERY_MS)
  return {
    stop: async () => {
      clearInterval(timer)
      await running
    },
  }
}
