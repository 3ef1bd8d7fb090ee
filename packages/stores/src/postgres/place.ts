import { readFile } from 'node:fs/promises'
import { PortFailure } from '@lunadefend/core'
import { type ClientConfig, types } from 'pg'

/** Where a PostgreSQL is, and how to speak to it. */
export interface PostgresPlace {
  /**
   * `postgresql://role@host:port/database`, without parameters. A folder of sockets is written as
   * `postgresql://role@%2Frun%2Fpostgresql/database`. A password in it is taken; a file is the better place.
   */
  readonly url: string
  readonly password?: string | undefined
  /** Holds the password alone. Read anew for each connection, so that a new one needs no restart. */
  readonly passwordFile?: string | undefined
  /** Certificates (PEM) that may sign the server's. @default those of Node */
  readonly caFile?: string | undefined
  /** Speaks without TLS to another host. Whoever is on the way reads and changes everything. @default false */
  readonly insecurePlaintextToOtherHosts?: boolean | undefined
}

/** How long until a connection stands, in milliseconds; also how long to wait for a free one. */
const CONNECT_MS = 5_000
/** A statement that takes longer is stopped by the server. Everything that is asked is bounded. In milliseconds. */
const STATEMENT_MS = 20_000
/**
 * How long a statement waits for rows that others are changing, in milliseconds; then it is tried again, behind those
 * that wait for nobody. Shorter than the server needs to notice a deadlock.
 */
const LOCK_MS = 400
/** A process that stopped within a transaction holds up the others no longer than this, in milliseconds. */
const IDLE_IN_TRANSACTION_MS = 10_000
/** A server that went away without a word: the connection is given up, in milliseconds. */
const ANSWER_MS = 30_000

/**
 * The driver's settings: TLS that proves the server's name (`verify-full`), limits on every wait.
 *
 * @throws {PortFailure} `database_unusable`; names the setting, never what is in it
 */
export async function clientConfigOf(place: PostgresPlace): Promise<ClientConfig> {
  const { host, port, user, database, password } = readUrl(place.url)
  return {
    ...{ host, port, user, database },
    ...passwordOf(place, password),
    ssl: await tlsOf(place, host),
    application_name: 'lunadefend',
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_MS,
    statement_timeout: STATEMENT_MS,
    lock_timeout: LOCK_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    query_timeout: ANSWER_MS,
    types: { getTypeParser },
    pipeline: true,
  }
}

interface Address {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly database: string
  readonly password: string | undefined
}

function readUrl(text: string): Address {
  const url = URL.parse(text)
  if (url === null || !/^postgres(?:ql)?:$/.test(url.protocol)) throw unusable('it is no postgresql:// URL')
  const parameters = [...url.searchParams.keys(), ...(url.hash === '' ? [] : ['#'])]
  if (parameters.length > 0) throw unusable('it has parameters: TLS and the rest are settings of their own')
  const [host, user, database] = [url.hostname, url.username, url.pathname.slice(1)].map(decode)
  if (!host || !user || !database) throw unusable('it must name role, host and database')
  const password = url.password === '' ? undefined : decode(url.password)
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(url.port || 5432), user, database, password }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw unusable('a percent sign in it is written as %25')
  }
}

function unusable(reason: string): PortFailure {
  return new PortFailure('database_unusable', `Look at the URL of PostgreSQL: ${reason}.`)
}

function passwordOf(
  { password, passwordFile }: PostgresPlace,
  inUrl: string | undefined,
): Pick<ClientConfig, 'password'> {
  if (passwordFile !== undefined) return { password: () => readWhole(passwordFile) }
  // A function: where there is nothing to return, the driver looks for variables and files of its own otherwise.
  return { password: () => password ?? inUrl ?? '' }
}

async function tlsOf(place: PostgresPlace, host: string): Promise<NonNullable<ClientConfig['ssl']>> {
  if (isThisHost(host) && place.caFile === undefined) return false
  if (place.insecurePlaintextToOtherHosts === true) return false
  const ca = place.caFile === undefined ? {} : { ca: await readWhole(place.caFile) }
  return { ...ca, rejectUnauthorized: true }
}

function isThisHost(host: string): boolean {
  return host.startsWith('/') || ['127.0.0.1', '::1', 'localhost'].includes(host)
}

async function readWhole(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trimEnd()
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    throw new PortFailure('database_unusable', `${file} cannot be read (${code}).`)
  }
}

const INT8 = 20
const BYTEA = 17
const readBytes = types.getTypeParser(BYTEA) as (text: string) => Buffer

// Rows come back in the types of the port, the same as from every other engine.
const getTypeParser: typeof types.getTypeParser = (type: number, format?: 'text' | 'binary') => {
  if (type === INT8) return readInteger
  if (type === BYTEA) return (text: string) => new Uint8Array(readBytes(text))
  return types.getTypeParser(type, format as 'text')
}

function readInteger(text: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number)) throw new PortFailure('database_damaged', 'A number is out of range.')
  return number
}
