import type { Commits, Database } from '@lunadefend/core'
import type { Command } from './command.ts'
import { COMMANDS } from './commands.ts'
import { createGroupCommit, type GroupCommit } from './group-commit.ts'
import { clientConfigOf, type PostgresPlace } from './place.ts'
import { createReadPool } from './read-pool.ts'
import { settled } from './repeat-commands.ts'
import { openWriter } from './writer.ts'

export interface PostgresSettings extends PostgresPlace {
  /** How many connections read at the same time; one more writes. @default 4 */
  readonly readers?: number | undefined
  /**
   * How long a request is tried again, in milliseconds, while the server is restarted or others hold what is needed; then
   * it is rejected, having changed nothing. @default 6000
   */
  readonly patienceMs?: number | undefined
}

/**
 * The database on a PostgreSQL, or an engine that speaks like one, for any number of processes. Nothing is kept in
 * memory: what one process commits holds in all the others. It comes back by itself when the server does; what is asked
 * meanwhile waits for some seconds. Disposal writes what is queued, then closes.
 *
 * @throws {PortFailure} `database_unreachable`, `database_unusable`, `database_older`, `database_newer`
 */
export async function openPostgres(settings: PostgresSettings): Promise<Database> {
  const config = await clientConfigOf(settings)
  const { readers = 4, patienceMs = 6_000 } = settings
  const queue = createGroupCommit(await openWriter(config), patienceMs)
  const pool = createReadPool(config, readers, patienceMs)
  let closing: Promise<unknown> | null = null
  return {
    read: pool.read,
    commit: queued(queue),
    settling: (settlement) => queued(queue, (command) => settled(settlement, command)),
    async [Symbol.asyncDispose]() {
      closing ??= Promise.all([queue.close(), pool.close()])
      await closing
    },
  }
}

type Wrap = (command: Command<unknown>) => Command<unknown>

function queued(queue: GroupCommit, wrap: Wrap = (command) => command): Commits {
  const commits = Object.entries(COMMANDS).map(([name, command]) => [
    name,
    (...args: never[]) => queue.run(wrap((command as (...args: never[]) => Command<unknown>)(...args))),
  ])
  return Object.fromEntries(commits) as Commits
}
