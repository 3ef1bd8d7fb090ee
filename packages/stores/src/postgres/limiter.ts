import {
  type Limiter,
  namesOf,
  type Quota,
  type QuotaNames,
  type QuotaRow,
  type QuotaRows,
  SWEEP_DELAY_MS,
  type Swept,
  type Taken,
  takeQuotas,
} from '@lunadefend/core'
import { Client, type ClientConfig } from 'pg'
import { createTurns } from '../limits/turns.ts'
import { clientConfigOf, type PostgresPlace } from './place.ts'
import { asPortFailure, troubleOf } from './postgres-failure.ts'
import { SCHEMA } from './schema.ts'

/** Nobody waits for a limiter for long: these are in milliseconds. */
const WAITS = {
  connectionTimeoutMillis: 2_000,
  statement_timeout: 1_000,
  lock_timeout: 1_000,
  // A process that was stopped while it decided gives the rows back to the others.
  idle_in_transaction_session_timeout: 1_000,
  query_timeout: 2_000,
}

// Nothing in the table is worth waiting for a disk: what a crash takes away is a quota that is whole again.
const PREPARE = `SET synchronous_commit = off`
const BEGIN = 'BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE'
// In one order, whoever asks: two that want the same rows wait for each other in turn, and never in a circle.
const LOCK = `
  INSERT INTO ${SCHEMA}.limits AS present (ref, until)
  SELECT ref, 0 FROM unnest($1::bytea[]) AS asked (ref) ORDER BY ref
  ON CONFLICT (ref) DO UPDATE SET until = present.until
  RETURNING ref, until, counts`
const FIND = `SELECT ref, until, counts FROM ${SCHEMA}.limits WHERE ref = ANY ($1::bytea[])`
const PUT = `
  INSERT INTO ${SCHEMA}.limits (ref, until, counts)
  SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::bytea[])
  ON CONFLICT (ref) DO UPDATE SET until = excluded.until, counts = excluded.counts`
const PAGE = `SELECT ref FROM ${SCHEMA}.limits WHERE ref > $1 ORDER BY ref LIMIT $2`
// Rows that somebody holds are in use: they are left to the next time.
const REMOVE = `
  DELETE FROM ${SCHEMA}.limits WHERE ref IN (
    SELECT ref FROM ${SCHEMA}.limits WHERE ref > $1 AND ref <= $2 AND until <= $3 FOR UPDATE SKIP LOCKED)`

/**
 * The limiter of all processes over one PostgreSQL, on a connection of its own and in an unlogged table. It connects
 * when it is first used, and anew when the connection is lost.
 */
export async function openPostgresLimiter(place: PostgresPlace): Promise<Limiter> {
  const config = { ...(await clientConfigOf(place)), ...WAITS }
  const line = createLine(config)
  const turns = createTurns((quotas) => line.use((client) => decide(client, quotas)))
  return {
    where: 'shared',
    take: turns.take,
    sweep: (after, limit, now) => turns.between(() => line.use((client) => sweep(client, after, limit, now))),
    async [Symbol.asyncDispose]() {
      await turns.close()
      await line.close()
    },
  }
}

interface Line {
  use<T>(work: (client: Client) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** One connection, and another one when it is lost. Whatever goes wrong on it, the next to come gets a fresh one. */
function createLine(config: ClientConfig): Line {
  let client: Client | null = null

  async function connect(): Promise<Client> {
    const fresh = new Client(config)
    const lose = () => {
      if (client === fresh) client = null
    }
    fresh.on('error', lose).on('end', lose)
    try {
      await fresh.connect()
      await fresh.query(PREPARE)
    } catch (error) {
      void fresh.end().catch(() => undefined)
      throw error
    }
    client = fresh
    return fresh
  }

  async function attempt<T>(work: (client: Client) => Promise<T>): Promise<T> {
    const mine = client ?? (await connect())
    try {
      return await work(mine)
    } catch (error) {
      if (client === mine) client = null
      void mine.end().catch(() => undefined)
      throw error
    }
  }

  return {
    async use(work) {
      try {
        // What others did at the same time is over when it is tried again.
        return await attempt(work).catch((error) =>
          troubleOf(error) === 'passing' ? attempt(work) : Promise.reject(error),
        )
      } catch (error) {
        throw asPortFailure(error)
      }
    },
    async close() {
      await client?.end()
      client = null
    },
  }
}

interface Row {
  readonly ref: Uint8Array
  readonly until: number
  readonly counts: Uint8Array | null
}

/** Two round trips, whatever the number of quotas: the rows are locked and read, then written. */
async function decide(client: Client, quotas: readonly Quota[]): Promise<readonly Taken[]> {
  const names = allNames(quotas)
  const [, locked, found] = await settled([
    client.query(BEGIN),
    client.query<Row>({ name: 'lock-limits', text: LOCK, values: [bytesOf(names.locked)] }),
    client.query<Row>({ name: 'find-limits', text: FIND, values: [bytesOf(names.members)] }),
  ])
  const rows = new Map(
    [...locked.rows, ...found.rows].map((row) => [hexOf(row.ref), row as QuotaRow] as const),
  )
  const { taken, written } = takeQuotas(rows, quotas)
  await (written.size === 0 ? client.query('ROLLBACK') : settled([put(client, written), commit(client)]))
  return taken
}

/** Of all of them, in the order in which they are locked. */
function allNames(quotas: readonly Quota[]): QuotaNames {
  const names = namesOf({
    buckets: quotas.flatMap(({ buckets }) => buckets),
    sets: quotas.flatMap(({ sets }) => sets),
    walks: quotas.flatMap(({ walks = [] }) => walks),
  })
  return { locked: names.locked.toSorted(), members: names.members }
}

function put(client: Client, rows: QuotaRows) {
  const [untils, counts] = [
    [...rows.values()].map(({ until }) => until),
    [...rows.values()].map((row) => row.counts),
  ]
  return client.query({ name: 'put-limits', text: PUT, values: [bytesOf([...rows.keys()]), untils, counts] })
}

async function commit(client: Client) {
  const result = await client.query('COMMIT')
  // After a statement that failed, COMMIT succeeds and says that it was none.
  if (result.command !== 'COMMIT') throw new Error('The limits were not committed.')
  return result
}

async function sweep(client: Client, after: string | null, limit: number, now: number): Promise<Swept> {
  const from = Buffer.from(after ?? '', 'hex')
  const { rows } = await client.query<Row>({ name: 'page-limits', text: PAGE, values: [from, limit] })
  const last = rows.at(-1)
  if (last === undefined) return { removed: 0, next: null }
  const over = (now - SWEEP_DELAY_MS) * 1000
  const values = [from, Buffer.from(last.ref), over]
  const { rowCount } = await client.query({ name: 'remove-limits', text: REMOVE, values })
  return { removed: rowCount ?? 0, next: rows.length < limit ? null : hexOf(last.ref) }
}

/** Waits for all of them, also when one fails: nothing is under way on the connection afterwards. */
async function settled<const T extends readonly Promise<unknown>[]>(
  sent: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(sent)
  return (await Promise.all(sent)) as { -readonly [K in keyof T]: Awaited<T[K]> }
}

function bytesOf(names: readonly string[]): Buffer[] {
  return names.map((name) => Buffer.from(name, 'hex'))
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
}
