import type { AuditEvent } from '@lunadefend/core'
import { Client } from 'pg'
import { clientConfigOf, type PostgresPlace } from './place.ts'
import { asPortFailure } from './postgres-failure.ts'
import { SCHEMA } from './schema.ts'

/** One row of the audit log. `seq` counts the rows of its writer from 1 without a gap, in the order of commits. */
export interface AuditRow extends AuditEvent {
  /** A random name for one connection of one process. */
  readonly writer: string
  readonly seq: number
}

// Each writer's rows together, in their order; writers in the order of their first rows.
const ROWS = `
  SELECT writer, seq, at, request_id AS "requestId", app, actor, operator, action, epoch, session,
    user_id AS user, token, network, generation, policy, count, refusal
  FROM ${SCHEMA}.audit JOIN (SELECT writer, min(at) AS started FROM ${SCHEMA}.audit GROUP BY writer) AS first
    USING (writer)
  ORDER BY started, writer, seq LIMIT $1 OFFSET $2`

/**
 * The audit log, for the role of the auditor, who sees nothing else.
 *
 * @throws {PortFailure} `database_unreachable`, `database_unusable`, `database_failed`
 */
export async function readAudit(
  place: PostgresPlace,
  { limit = 100_000, skip = 0 } = {},
): Promise<AuditRow[]> {
  const client = new Client(await clientConfigOf(place))
  client.on('error', () => undefined)
  try {
    await client.connect()
    return (await client.query<AuditRow>(ROWS, [limit, skip])).rows
  } catch (error) {
    throw asPortFailure(error)
  } finally {
    await client.end()
  }
}
