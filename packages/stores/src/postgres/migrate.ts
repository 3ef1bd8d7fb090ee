import { setTimeout as delay } from 'node:timers/promises'
import { PortFailure } from '@lunadefend/core'
import { Client, type ClientConfig } from 'pg'
import { clientConfigOf, type PostgresPlace } from './place.ts'
import { asPortFailure, troubleOf } from './postgres-failure.ts'
import { privilegesSql, ROLES, type Roles } from './roles.ts'
import { MIGRATIONS, type Migration, SCHEMA } from './schema.ts'
import { type Applied, readApplied } from './server-check.ts'

export interface MigrationSettings extends PostgresPlace {
  /**
   * `before`: while the old version runs, before the new one is started. `after`: when nothing of the old version is
   * left. A database that is empty gets everything in either.
   */
  readonly phase: Migration['phase']
  /** Who gets privileges; `null` = one role does everything: for development only. @default ROLES */
  readonly roles?: Roles | null
}

/** How long to wait for another one that migrates, in milliseconds. */
const WAIT_MS = 60_000
/** A table is locked no longer than this before the running service goes first, in milliseconds. */
const LOCK_MS = 2_000
const ATTEMPTS = 10

/**
 * Brings the schema up to date, as its owner; one at a time, whoever else tries. Answers the numbers of the migrations
 * that it has run. To be run again after it was interrupted.
 *
 * @throws {PortFailure} `database_unreachable`, `database_unusable`, `database_busy`, `database_failed`;
 *   `database_older`: the phase "after" of an older version must be run first
 */
export async function migratePostgres(settings: MigrationSettings): Promise<number[]> {
  return migrate(settings, MIGRATIONS)
}

/** With other migrations than those of this version: for tests. */
export async function migrate(
  settings: MigrationSettings,
  migrations: readonly Migration[],
): Promise<number[]> {
  const roles = settings.roles === undefined ? ROLES : settings.roles
  const config = await clientConfigOf(settings)
  const patient = { ...config, pipeline: false, statement_timeout: 0, query_timeout: 0 }
  try {
    await using owner = await connect({ ...patient, lock_timeout: LOCK_MS })
    await again(() => prepare(owner.client))
    await using turn = await connect({
      ...patient,
      lock_timeout: WAIT_MS,
      idle_in_transaction_session_timeout: 0,
    })
    await turn.client.query('BEGIN')
    await turn.client.query(`SELECT 1 FROM ${SCHEMA}.schema_lock FOR UPDATE`)
    const due = dueOf(await readApplied(owner.client), migrations, settings.phase)
    for (const migration of due) await again(() => apply(owner.client, migration))
    if (roles !== null) await again(() => inTransaction(owner.client, privilegesSql(roles)))
    return due.map(({ number }) => number)
  } catch (error) {
    throw asPortFailure(error)
  }
}

async function connect(config: ClientConfig): Promise<AsyncDisposable & { readonly client: Client }> {
  const client = new Client(config)
  client.on('error', () => undefined)
  await client.connect()
  return { client, [Symbol.asyncDispose]: () => client.end() }
}

/** The row that is locked by whoever migrates: advisory locks are not everywhere. */
async function prepare(client: Client): Promise<void> {
  const { rowCount } = await client.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [SCHEMA])
  if (rowCount === 0) await client.query(`CREATE SCHEMA IF NOT EXISTS ${SCHEMA}`)
  await client.query(`CREATE TABLE IF NOT EXISTS ${SCHEMA}.schema_lock (singleton bigint PRIMARY KEY)`)
  await client.query(`INSERT INTO ${SCHEMA}.schema_lock VALUES (1) ON CONFLICT DO NOTHING`)
  await client.query(`
    CREATE TABLE IF NOT EXISTS ${SCHEMA}.schema_migrations (
      number bigint PRIMARY KEY, phase text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`)
}

function dueOf(
  applied: readonly Applied[],
  migrations: readonly Migration[],
  phase: Migration['phase'],
): readonly Migration[] {
  const present = new Set(applied.map(({ number }) => number))
  const missing = migrations.filter(({ number }) => !present.has(number))
  if (phase === 'after' || applied.length === 0) return missing
  const contracting = missing.findIndex((each) => each.phase === 'after')
  const due = contracting === -1 ? missing : missing.slice(0, contracting)
  const behind = contracting === -1 ? [] : missing.slice(contracting)
  if (!behind.some((each) => each.phase === 'before')) return due
  const first = behind[0]?.number
  throw new PortFailure(
    'database_older',
    `Migration ${first} is missing: migrate, phase "after", the version before.`,
  )
}

async function apply(client: Client, { number, phase, statements }: Migration): Promise<void> {
  const done = `INSERT INTO ${SCHEMA}.schema_migrations (number, phase) VALUES (${number}, '${phase}')`
  await inTransaction(client, [...statements, done])
}

async function inTransaction(client: Client, statements: readonly string[]): Promise<void> {
  await client.query('BEGIN')
  try {
    for (const sql of statements) await client.query(sql)
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  }
}

/** Two that make the same thing at the same moment: one of them fails, and finds it made the next time. 42710: a table's row type. */
const MADE_MEANWHILE = ['23505', '42710', '42P06', '42P07', 'XX000']

async function again(work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work()
    } catch (error) {
      const passing =
        troubleOf(error) === 'passing' || MADE_MEANWHILE.includes((error as { code?: string }).code ?? '')
      if (!passing || attempt === ATTEMPTS) throw error
    }
    await delay(50 * attempt)
  }
}
