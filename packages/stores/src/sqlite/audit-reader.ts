import { DatabaseSync } from 'node:sqlite'
import type { AuditEvent } from '@lunadefend/core'
import { asPortFailure } from './sqlite-failure.ts'

/** One row of the audit log. `seq` counts the rows of its writer from 1 without a gap, in the order of commits. */
export interface AuditRow extends AuditEvent {
  /** A random name for one opening of the database by one process. */
  readonly writer: string
  readonly seq: number
}

// Each writer's rows together, in their order; writers in the order of their first rows.
const ROWS = `
  SELECT writer, seq, at, request_id AS requestId, app, actor, operator, action, epoch, session,
    user, token, network, generation, policy, count, refusal
  FROM audit JOIN (SELECT writer, min(at) AS started FROM audit GROUP BY writer) USING (writer)
  ORDER BY started, writer, seq LIMIT ? OFFSET ?`

/**
 * The audit log of a database file, whoever has it open. It cannot write.
 *
 * @throws {PortFailure} `database_failed`, `database_damaged`, `database_busy`
 */
export function readAudit(file: string, { limit = 100_000, skip = 0 } = {}): AuditRow[] {
  let db: DatabaseSync | null = null
  try {
    db = new DatabaseSync(file, { readOnly: true, timeout: 5000 })
    return db
      .prepare(ROWS)
      .all(limit, skip)
      .map((row) => ({ ...row }) as unknown as AuditRow)
  } catch (error) {
    throw asPortFailure(error)
  } finally {
    db?.close()
  }
}
