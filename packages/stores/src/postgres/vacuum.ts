import { PortFailure } from '@lunadefend/core'
import { Client } from 'pg'
import { clientConfigOf, type PostgresPlace } from './place.ts'
import { asPortFailure } from './postgres-failure.ts'
import { SCHEMA } from './schema.ts'

/**
 * Makes deletions final, as the owner. PostgreSQL writes a changed row to another place and keeps the old one until
 * VACUUM; that gives the place free, but does not overwrite it before something else is written there. With `rewrite`
 * the table is written anew without the old rows, and its old files are removed; it is locked meanwhile, so that
 * everybody waits. What logs and backups hold stays there as long as they do.
 *
 * @throws {PortFailure} `database_unreachable`, `database_unusable`, `database_busy`, `database_failed`
 */
export async function vacuumRecords(place: PostgresPlace, { rewrite = false } = {}): Promise<void> {
  const config = await clientConfigOf(place)
  const client = new Client({ ...config, pipeline: false, statement_timeout: 0, query_timeout: 0 })
  client.on('error', () => undefined)
  // Whoever may not do it is told so in passing, and nothing is done.
  const warnings: string[] = []
  client.on('notice', ({ severity }) => warnings.push(severity ?? ''))
  try {
    await client.connect()
    await client.query(`VACUUM ${rewrite ? '(FULL)' : ''} ${SCHEMA}.records`)
    if (warnings.includes('WARNING')) throw new PortFailure('database_failed', 'Only the owner can vacuum.')
  } catch (error) {
    throw asPortFailure(error)
  } finally {
    await client.end()
  }
}
