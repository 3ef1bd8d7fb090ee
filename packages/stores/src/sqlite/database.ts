import { type Commits, type Database, PortFailure } from '@lunadefend/core'
import { createAuditTrail } from './audit-trail.ts'
import { type Commands, createCommands } from './commands.ts'
import { connect } from './connection.ts'
import { createGroupCommit, type GroupCommit } from './group-commit.ts'
import { createLogTruncation } from './log-truncation.ts'
import { createReader } from './reader.ts'
import { settle } from './repeat-commands.ts'
import { asPortFailure } from './sqlite-failure.ts'
import { prepareStatements } from './statements.ts'

/**
 * The database in one file, for one machine; several processes may share the file. It is made (mode 0600) or brought
 * up to date when it is opened. Disposal writes what is queued, then closes.
 *
 * @throws {PortFailure} `database_unusable`, `database_damaged`, `database_newer`, `database_busy`
 */
export function openSqlite(file: string): Database {
  const db = connect(file)
  const statements = prepareStatements(db)
  const trail = createAuditTrail(statements)
  const truncation = createLogTruncation(statements)
  const queue = createGroupCommit(db, statements, trail, truncation.settle)
  const reader = createReader(statements)
  // A process that was killed between a shred and the clean-up has left it to us.
  truncation.request()
  truncation.settle()

  const inside = { statements, trail, overwritten: truncation.request }
  const commands = createCommands(inside)
  return {
    async read(look) {
      if (!db.isOpen) throw new PortFailure('database_closed')
      try {
        return await look(reader)
      } catch (error) {
        throw asPortFailure(error)
      }
    },
    commit: queued(queue, commands),
    settling: (settlement) => queued(queue, commands, (command) => settle(inside, settlement, command)),
    async [Symbol.asyncDispose]() {
      await queue.close()
      if (!db.isOpen) return
      truncation.close()
      db.close()
    },
  }
}

function queued(queue: GroupCommit, commands: Commands, run = atOnce): Commits {
  const wrapped = Object.entries(commands).map(([name, command]) => [
    name,
    (...args: never[]) => queue.run(() => run(() => (command as (...args: never[]) => unknown)(...args))),
  ])
  return Object.fromEntries(wrapped) as Commits
}

function atOnce(command: () => unknown): unknown {
  return command()
}
