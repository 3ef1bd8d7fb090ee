import { PortFailure } from '@lunadefend/core'
import { type ClientBase, DatabaseError } from 'pg'
import { MIGRATIONS, type Migration, SCHEMA } from './schema.ts'

const UNDEFINED_TABLE = '42P01'

/**
 * Asked of every new connection: whether the server takes writes and keeps them, and has the schema of this version.
 *
 * @throws {PortFailure} `database_unreachable`, `database_unusable`, `database_older`, `database_newer`
 */
export async function checkServer(client: ClientBase): Promise<void> {
  const [settings, applied] = await Promise.all([readSettings(client), readApplied(client)])
  // A replica shows the past: a session that was revoked, a grant that was spent. Another connection may find another.
  if (settings.readOnly === 'on')
    throw new PortFailure('database_unreachable', 'A replica, not the primary, answers.')
  for (const name of ['synchronous_commit', 'fsync'] as const) {
    if (settings[name] === 'off') {
      throw new PortFailure(
        'database_unusable',
        `${name} is off: what was acknowledged could be lost. Switch it on.`,
      )
    }
  }
  refuseOtherSchema(applied)
}

interface Settings {
  readonly readOnly: string
  readonly synchronous_commit: string | null
  readonly fsync: string | null
}

async function readSettings(client: ClientBase): Promise<Settings> {
  const { rows } = await client.query<Settings>(`
    SELECT current_setting('transaction_read_only') AS "readOnly",
      current_setting('synchronous_commit', true) AS synchronous_commit, current_setting('fsync', true) AS fsync`)
  return rows[0] as Settings
}

export type Applied = Pick<Migration, 'number' | 'phase'>

/** The migrations that the database has had, oldest first; none when there is no table of them. */
export async function readApplied(client: ClientBase): Promise<Applied[]> {
  try {
    const sql = `SELECT number, phase FROM ${SCHEMA}.schema_migrations ORDER BY number`
    return (await client.query<Applied>(sql)).rows
  } catch (error) {
    if (error instanceof DatabaseError && error.code === UNDEFINED_TABLE) return []
    throw error
  }
}

function refuseOtherSchema(applied: readonly Applied[]): void {
  const present = new Set(applied.map(({ number }) => number))
  const missing = MIGRATIONS.find(({ phase, number }) => phase === 'before' && !present.has(number))
  if (missing !== undefined) {
    throw new PortFailure(
      'database_older',
      `Migration ${missing.number} is missing: migrate, phase "before".`,
    )
  }
  // What a newer version adds does no harm; what it has taken away is missed.
  const contracted = applied.find(({ phase, number }) => phase === 'after' && number > MIGRATIONS.length)
  if (contracted !== undefined) {
    throw new PortFailure('database_newer', `It had migration ${contracted.number}. Start the newer version.`)
  }
}
