import { PortFailure } from '@lunadefend/core'
import { DatabaseError } from 'pg'

/**
 * What an error means for whoever asked. Codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
 *
 * `passing`: nothing was done, and asked again it may well be. `refused`: what was asked was not done, and never will
 * be. `failed`: the server can do nothing of the kind at present. `lost`: the connection is, and nobody knows.
 */
export type Trouble = 'passing' | 'refused' | 'failed' | 'lost'

/** Serialization, deadlock and the like: distributed engines, too, want the transaction once more then. */
const AGAIN = ['40001', '40P01', '55P03', '57014', '53300', '25P03']
/** Of this connection nothing is to be hoped: a statement that it forgot, a replica that takes no writes, an end. */
const OTHER_CONNECTION = ['26000', '25006', '57P01', '57P02', '57P03', '57P05']
/** Classes: data, integrity, privileges and syntax. */
const OF_THE_STATEMENT = ['22', '23', '42']

export function troubleOf(error: unknown): Trouble {
  const code = codeOf(error)
  // 40003 is "statement completion unknown", class 08 the connection.
  if (code === null || code === '40003' || code.startsWith('08')) return 'lost'
  if (AGAIN.includes(code) || OTHER_CONNECTION.includes(code)) return 'passing'
  return OF_THE_STATEMENT.includes(code.slice(0, 2)) ? 'refused' : 'failed'
}

/** Whether the connection is of no more use. */
export function spoilsConnection(error: unknown): boolean {
  const code = codeOf(error)
  if (code === null || troubleOf(error) === 'lost' || OTHER_CONNECTION.includes(code)) return true
  return (error as DatabaseError).severity !== 'ERROR'
}

function codeOf(error: unknown): string | null {
  return error instanceof DatabaseError && error.code !== undefined ? error.code : null
}

/**
 * What PostgreSQL or the driver said, as the port throws it: codes and names of the schema. Its own words are not
 * passed on, as they can show what stands in a column.
 */
export function asPortFailure(error: unknown): PortFailure {
  if (error instanceof PortFailure) return error
  const code = codeOf(error)
  if (code === null)
    return new PortFailure('database_unreachable', `${reasonOf(error)}: look at its host and port.`)
  const said = `PostgreSQL says ${code}${wordOf(error as DatabaseError)}.`
  if (code.startsWith('28') || code === '3D000') {
    return new PortFailure('database_unusable', `${said} Look at the database, the role and its password.`)
  }
  if (code === '42501')
    return new PortFailure('database_failed', `${said} Look at the privileges of the role.`)
  const codes = {
    passing: 'database_busy',
    lost: 'database_unreachable',
    refused: 'database_failed',
    failed: 'database_failed',
  } as const
  return new PortFailure(codes[troubleOf(error)], said)
}

function wordOf({ table, constraint }: DatabaseError): string {
  const names = [table, constraint].filter((name) => name !== undefined)
  return names.length === 0 ? '' : ` (${names.join(', ')})`
}

// Codes of the system and of TLS are enough; a message could hold more than an operator's log may show.
function reasonOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  return error instanceof AggregateError ? reasonOf(error.errors[0]) : 'The connection was lost'
}
