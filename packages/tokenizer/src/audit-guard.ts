import {
  type AuditSealer,
  type Commits,
  createAuditSealer,
  type Database,
  type Needs,
  PortFailure,
  resumeAudit,
} from '@lunadefend/core'
import type { Logger } from 'pino'
import { nameOf } from './jobs.ts'
import { startRounds } from './rounds.ts'

/** How often is looked whether there is something to seal, in milliseconds. It is one question to the database. */
const ROUND_MS = 1000

/** A database that counts the commits that failed: what they would have revealed was not. */
export interface WatchedDatabase {
  readonly database: Database
  /** Commits that failed since rows were last known to be writable. */
  failures(): number
  /** `count` of them are accounted for. */
  settle(count: number): void
}

export function watchCommits(database: Database): WatchedDatabase {
  let failures = 0
  const watch = (commits: Commits) => {
    const watched = Object.entries(commits).map(([name, commit]) => {
      const run = commit as (...args: unknown[]) => Promise<unknown>
      return [
        name,
        (...args: unknown[]) =>
          run(...args).catch((error: unknown) => {
            if (name !== 'sealAudit' && error instanceof PortFailure) failures += 1
            throw error
          }),
      ]
    })
    return Object.fromEntries(watched) as Commits
  }
  return {
    database: {
      ...database,
      commit: watch(database.commit),
      settling: (settlement) => watch(database.settling(settlement)),
    },
    failures: () => failures,
    settle(count) {
      failures -= count
    },
  }
}

/** Keeps the audit log whole while the Tokenizer runs. */
export interface AuditGuard {
  /** Whether rows are written and sealed. Rejects when the database does not answer. */
  isWell(): Promise<boolean>
  /** Seals what is left. */
  stop(): Promise<void>
}

/**
 * Seals every second while there is something to seal. After commits that failed it tries to write a row of its own, and
 * so knows when rows can be written again, also while nobody asks for anything. `needs` have the database as it is, for
 * its own commits do not count.
 */
export function guardAudit(needs: Needs, watched: WatchedDatabase, origin: string, log: Logger): AuditGuard {
  const sealer = createAuditSealer(needs, origin)
  let failed = false
  const rounds = startRounds(ROUND_MS, async (goOn) => {
    try {
      await resume(needs, watched)
      while (goOn() && (await sealer.seal()) > 0);
      if (failed) log.info({ job: 'seal-audit' }, 'job works again')
      failed = false
    } catch (error) {
      if (!failed) log.error({ job: 'seal-audit', error: nameOf(error as Error) }, 'job failed')
      failed = true
    }
    return ROUND_MS
  })
  return {
    isWell: async () => watched.failures() === 0 && !failed && !(await sealer.isBehind()),
    async stop() {
      await rounds.stop()
      await finish(sealer, log)
    },
  }
}

async function resume(needs: Needs, watched: WatchedDatabase): Promise<void> {
  const count = watched.failures()
  if (count === 0) return
  await resumeAudit(needs, count)
  watched.settle(count)
}

async function finish(sealer: AuditSealer, log: Logger): Promise<void> {
  // Whoever starts next seals it.
  await sealer
    .finish()
    .catch((error: Error) => log.error({ job: 'seal-audit', error: nameOf(error) }, 'job failed'))
}
