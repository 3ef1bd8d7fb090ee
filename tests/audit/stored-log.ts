import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { formatVkey, type LogReport, type Verifier } from '@lunadefend/audit-log'
import { type AuditLog, auditVerifiers, createAuditSealer, type Database } from '@lunadefend/core'
import { openPostgres, openPostgresAuditLog } from '@lunadefend/stores/postgres'
import { createFileRootKey } from '@lunadefend/stores/root-keys'
import { openSqlite, openSqliteAuditLog } from '@lunadefend/stores/sqlite'
import { Client } from 'pg'
import { checkLog } from '../../packages/cli/src/audit-log-check.ts'
import { sampleEvent } from '../../packages/core/src/port-contracts/sample-rows.ts'
import { scratch } from '../harness/directory.ts'
import { openRules } from '../harness/house.ts'
import { startPostgres } from '../harness/postgres.ts'

export const ORIGIN = 'tokens.example/audit'
export const SEALED = 300
const WRITERS = 3
/** As many per checkpoint. */
const STEP = 50

/** A log in a database, that can be edited by whoever owns that, and be put back as it was. */
export interface StoredLog extends AsyncDisposable {
  readonly name: 'SQLite' | 'PostgreSQL'
  readonly directory: string
  /** As settings write it; reads as whoever may read the audit log alone. */
  readonly database: object
  readonly verifiers: readonly Verifier[]
  readonly vkey: string
  open(): Promise<AuditLog>
  /** Several statements; `{audit}` stands for that table, wherever it is. */
  edit(sql: string): Promise<void>
  query(sql: string): Promise<Record<string, unknown>[]>
  restore(): Promise<void>
  /** `trusted`: whoever checks believes these keys, too. */
  check(witnesses?: readonly string[], trusted?: readonly Verifier[]): Promise<LogReport>
}

const TABLES = ['audit', 'audit_leaves', 'audit_nodes', 'audit_checkpoints']
const named = (sql: string, prefix: string) => sql.replaceAll(/\{(\w+)\}/g, `${prefix}$1`)

/**
 * Rows of writers who work at once, some of which commit late: their times are before those of rows that were committed
 * earlier. Most are sealed, in several steps; the rest of them is not yet.
 */
async function fill(directory: string, openDatabase: () => Promise<Database> | Database) {
  const clock = { now: () => Date.now() }
  await createFileRootKey(join(directory, 'first.root-key'))
  const opened = await openRules({
    directory,
    rootKeys: ['first'],
    objectStore: null as never,
    openDatabase,
    clock,
  })
  await using writers = new AsyncDisposableStack()
  const databases = [writers.use(opened.needs.database)]
  for (let writer = 1; writer < WRITERS; writer += 1) databases.push(writers.use(await openDatabase()))
  const sealer = createAuditSealer(opened.needs, ORIGIN)
  const write = async (from: number, count: number) => {
    for (let row = from; row < from + count; row += 10) {
      await Promise.all(
        databases.map((database, writer) => {
          const mine = Array.from({ length: 10 }, (_, at) => row + at).filter(
            (at) => (at * 7) % WRITERS === writer,
          )
          return database.commit.recordAudit(mine.map((at) => event(at, clock.now())))
        }),
      )
    }
  }
  for (let from = 0; from < SEALED; from += STEP) {
    await write(from, STEP)
    while ((await sealer.seal()) > 0);
  }
  await write(SEALED, 30)
  const verifiers = auditVerifiers(opened.needs, ORIGIN)
  return { verifiers, vkey: verifiers.map(formatVkey)[0] ?? '' }
}

function event(at: number, now: number) {
  return sampleEvent({ at: now - (at % 9 === 0 ? 4000 : 0), requestId: `request ${at}`, generation: 1 })
}

export async function sqliteLog(): Promise<StoredLog> {
  const folder = scratch()
  const [pristine, file] = [join(folder.path, 'pristine.sqlite'), join(folder.path, 'edited.sqlite')]
  const { verifiers, vkey } = await fill(folder.path, () => openSqlite(pristine))
  const whole = new DatabaseSync(pristine)
  whole.exec('PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE')
  whole.close()
  const onFile = <T>(work: (db: DatabaseSync) => T) => {
    const db = new DatabaseSync(file)
    try {
      return work(db)
    } finally {
      db.close()
    }
  }
  const open = async () => openSqliteAuditLog(file)
  const restore = async () => copyFileSync(pristine, file)
  await restore()
  return {
    ...{ name: 'SQLite', directory: folder.path, verifiers, vkey, open, restore },
    database: { engine: 'sqlite', file },
    edit: async (sql) => onFile((db) => db.exec(`PRAGMA synchronous = OFF; ${named(sql, '')}`)),
    query: async (sql) => onFile((db) => db.prepare(named(sql, '')).all()),
    async check(witnesses, trusted = []) {
      await using log = await open()
      return await checked(log, [...verifiers, ...trusted], witnesses)
    },
    [Symbol.asyncDispose]: async () => folder[Symbol.dispose](),
  }
}

export async function postgresLog(): Promise<StoredLog> {
  const folder = scratch()
  const server = await startPostgres()
  const name = await server.createDatabase()
  const { verifiers, vkey } = await fill(folder.path, () =>
    openPostgres({ url: server.url(name, 'service') }),
  )
  const owner = new Client({ connectionString: server.url(name, 'superuser') })
  await owner.connect()
  const query = async (sql: string) =>
    [await owner.query(named(sql, 'lunadefend.'))].flat().at(-1)?.rows ?? []
  const each = (tables: Iterable<string>, sql: (table: string) => string) =>
    query([...tables].map(sql).join(';'))
  await query('SET synchronous_commit = off; CREATE SCHEMA pristine')
  await each(TABLES, (table) => `CREATE TABLE pristine.${table} AS SELECT * FROM {${table}}`)
  const touched = new Set<string>()
  const edit = async (sql: string) => {
    for (const table of TABLES) if (sql.includes(`{${table}}`)) touched.add(table)
    await query(sql)
  }
  const restore = async () => {
    await each(
      touched,
      (table) => `DELETE FROM {${table}}; INSERT INTO {${table}} SELECT * FROM pristine.${table}`,
    )
    touched.clear()
  }
  const open = () => openPostgresAuditLog({ url: server.url(name, 'auditor') })
  const auditor = await open()
  return {
    ...{ name: 'PostgreSQL', directory: folder.path, verifiers, vkey, open, restore },
    database: { engine: 'postgres', url: server.url(name, 'auditor') },
    ...{ edit, query },
    check: (witnesses, trusted = []) => checked(auditor, [...verifiers, ...trusted], witnesses),
    async [Symbol.asyncDispose]() {
      await auditor[Symbol.asyncDispose]()
      await owner.end()
      await server[Symbol.asyncDispose]()
      folder[Symbol.dispose]()
    },
  }
}

function checked(
  log: AuditLog,
  verifiers: readonly Verifier[],
  witnesses: readonly string[] = [],
): Promise<LogReport> {
  return checkLog(log, { verifiers, witnesses }, Date.now())
}
