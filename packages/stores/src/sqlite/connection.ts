import { closeSync, openSync, statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { PortFailure } from '@lunadefend/core'
import { APPLICATION_ID, MIGRATIONS } from './schema.ts'
import { asPortFailure } from './sqlite-failure.ts'

/** How long opening waits for other processes, in milliseconds. */
const OPENING_WAIT_MS = 5000
/** How long one statement blocks this process, waiting for another one; the queue then tries again later. */
const STATEMENT_WAIT_MS = 25
/** Up to this size a file is checked whole when it is opened; it takes about a second. */
const CHECKED_BYTES = 256 * 1024 * 1024
/** 16 MiB of log: hot pages are then written back once for many commits. */
const CHECKPOINT_PAGES = 4000
/** At the most; SQLite's own 2 MiB hold the pages of some 5,000 tokens. */
const CACHE_KIB = 64 * 1024

/**
 * A connection with every setting that safety needs, to a file that has the present schema.
 *
 * @throws {PortFailure} `database_unusable`, `database_damaged`, `database_newer`, `database_busy`
 */
export function connect(file: string): DatabaseSync {
  createPrivately(file, 'a')
  const db = new DatabaseSync(file, { open: false, timeout: OPENING_WAIT_MS })
  try {
    db.open()
    db.exec(`
      PRAGMA trusted_schema = OFF;
      PRAGMA foreign_keys = ON;
      PRAGMA secure_delete = ON;
    `)
    refuseForeign(db, file)
    refuseDamaged(db, file)
    knownVersion(db, file)
    // FULL: a commit is on the disk when it returns (https://www.sqlite.org/pragma.html#pragma_synchronous).
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;')
    db.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}; PRAGMA cache_size = -${CACHE_KIB};`)
    migrate(db, file)
    db.exec(`PRAGMA busy_timeout = ${STATEMENT_WAIT_MS}`)
    return db
  } catch (error) {
    if (db.isOpen) db.close()
    throw openingFailure(file, error)
  }
}

/** Makes a file that is its owner's alone. SQLite gives its side files the mode of the database. */
export function createPrivately(file: string, flag: 'a' | 'wx'): void {
  try {
    closeSync(openSync(file, flag, 0o600))
  } catch (error) {
    throw unusable(file, error)
  }
}

export function unusable(file: string, error: unknown): PortFailure {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
  return new PortFailure('database_unusable', `${file} (${code}): check its folder and its owner.`)
}

function refuseForeign(db: DatabaseSync, file: string): void {
  const { id, tables } = db.prepare(WHOSE).get() as { id: number; tables: number }
  if (id === APPLICATION_ID || (id === 0 && tables === 0)) return
  throw foreign(file)
}

export function refuseAllButOurs(db: DatabaseSync, file: string): void {
  if (pragma(db, 'application_id') !== APPLICATION_ID) throw foreign(file)
}

function foreign(file: string): PortFailure {
  const advice = `${file} is the database of another program: choose another file.`
  return new PortFailure('database_unusable', advice)
}

// In one statement: another process may be making the tables at this moment.
const WHOSE = `
  SELECT application_id AS id, (SELECT count(*) FROM sqlite_schema) AS tables FROM pragma_application_id`

function refuseDamaged(db: DatabaseSync, file: string): void {
  if (statSync(file).size <= CHECKED_BYTES) refuseUnsound(db, file)
}

export function refuseUnsound(db: DatabaseSync, file: string): void {
  if (String(pragma(db, 'quick_check(1)')) === 'ok') return
  throw new PortFailure('database_damaged', `${file}: restore it from a backup.`)
}

function migrate(db: DatabaseSync, file: string): void {
  // Locked first, so that of several processes that start at once one migrates and the others find it done.
  db.exec('BEGIN IMMEDIATE')
  try {
    for (const migration of MIGRATIONS.slice(knownVersion(db, file))) db.exec(migration)
    db.exec(`PRAGMA user_version = ${MIGRATIONS.length}; PRAGMA application_id = ${APPLICATION_ID};`)
    db.exec('COMMIT')
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK')
    throw error
  }
}

function knownVersion(db: DatabaseSync, file: string): number {
  const version = pragma(db, 'user_version') as number
  if (version <= MIGRATIONS.length) return version
  const known = `its schema is ${version}, this version knows ${MIGRATIONS.length}`
  throw new PortFailure('database_newer', `${file}: ${known}. Start the newer version, or restore a backup.`)
}

function pragma(db: DatabaseSync, name: string): unknown {
  return Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]
}

export function openingFailure(file: string, error: unknown): unknown {
  const failure = asPortFailure(error)
  if (failure === error || !(failure instanceof PortFailure)) return error
  const reason = `${file}: ${(error as Error).message}.`
  if (failure.code === 'database_damaged')
    return new PortFailure(failure.code, `${reason} Restore it from a backup.`)
  if (failure.code === 'database_busy')
    return new PortFailure(failure.code, `${reason} End the process that holds it.`)
  return new PortFailure('database_unusable', `${reason} Check its folder and its owner.`)
}
