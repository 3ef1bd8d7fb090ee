import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, linkSync, openSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import { PortFailure } from '@lunadefend/core'
import { createPrivately, openingFailure, refuseAllButOurs, refuseUnsound, unusable } from './connection.ts'

/** All at once: between two steps a writer would make it begin anew (https://www.sqlite.org/backup.html). */
const ALL_PAGES = 2 ** 31 - 1

/**
 * Copies the database while others write to it: the copy is as the database was at one moment after the call. It is
 * checked, on the disk, and readable by its owner alone when the promise resolves; before that there is no file of
 * that name. It can be opened by `openSqlite`. A record that is shredded later lives on in the copy.
 *
 * @throws {PortFailure} `database_unusable` (also when `to` is there already), `database_damaged`, `database_busy`
 */
export async function backupSqlite(file: string, to: string): Promise<void> {
  if (existsSync(to)) throw taken(to)
  // Opened, it would be made.
  if (!existsSync(file)) throw new PortFailure('database_unusable', `${file} is not there.`)
  // Beside it, so that it can get its name without being copied again.
  const part = `${to}.${randomBytes(8).toString('hex')}.part`
  try {
    await copy(file, part)
    check(part)
    sync(part)
    publish(part, to)
  } finally {
    for (const name of [part, `${part}-journal`, `${part}-wal`, `${part}-shm`]) rmSync(name, { force: true })
  }
}

// A connection that may write, although it does not: one that may only read leaves the files of its log behind.
async function copy(file: string, part: string): Promise<void> {
  let source: DatabaseSync | null = null
  try {
    source = new DatabaseSync(file, { timeout: 5000 })
    refuseAllButOurs(source, file)
    createPrivately(part, 'wx')
    await backup(source, part, { rate: ALL_PAGES })
  } catch (error) {
    throw openingFailure(file, error)
  } finally {
    source?.close()
  }
}

function check(part: string): void {
  try {
    using db = new DatabaseSync(part)
    refuseUnsound(db, part)
  } catch (error) {
    throw openingFailure(part, error)
  }
}

function sync(path: string): void {
  const descriptor = openSync(path, 'r')
  fsyncSync(descriptor)
  closeSync(descriptor)
}

// Unlike a renamed file, a link never takes the place of another.
function publish(part: string, to: string): void {
  try {
    linkSync(part, to)
    sync(dirname(to))
  } catch (error) {
    if (existsSync(to)) throw taken(to)
    throw unusable(to, error)
  }
}

function taken(to: string): PortFailure {
  return new PortFailure('database_unusable', `${to} is there already: choose another name.`)
}
