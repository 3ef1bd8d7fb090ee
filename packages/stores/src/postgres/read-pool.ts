import { PortFailure, type Reader } from '@lunadefend/core'
import { type ClientConfig, Pool, type PoolClient } from 'pg'
import { pause } from './pause.ts'
import { asPortFailure, spoilsConnection, troubleOf } from './postgres-failure.ts'
import { type Ask, createReader } from './reader.ts'
import { checkServer } from './server-check.ts'
import { bind, queryOf } from './statement.ts'

/** A connection that nobody needs is closed after this, in milliseconds. */
const IDLE_MS = 60_000
/** No connection is older, in seconds: what moved, or has another password, is found out. */
const LIFETIME_S = 1_800

export interface ReadPool {
  /** What a look asks at the same time goes out together, on one connection. */
  read<T>(look: (reader: Reader) => Promise<T>): Promise<T>
  /** Waits for the looks that are under way. */
  close(): Promise<void>
}

export function createReadPool(config: ClientConfig, connections: number, patienceMs: number): ReadPool {
  const limits = { max: connections, idleTimeoutMillis: IDLE_MS, maxLifetimeSeconds: LIFETIME_S }
  const pool = new Pool({ ...config, ...limits, onConnect: checkServer })
  // A connection that is lost: the pool forgets it, and who is using it learns of it by the answer that does not come.
  pool.on('error', () => undefined)
  pool.on('connect', (client) => void client.on('error', () => undefined))
  return {
    async read(look) {
      if (pool.ending) throw new PortFailure('database_closed')
      const lease = createLease(pool, patienceMs)
      try {
        return await look(createReader(lease.ask))
      } finally {
        await lease.giveBack()
      }
    },
    async close() {
      if (!pool.ending) await pool.end()
    },
  }
}

/** One connection for one look, taken when the first question is asked, and another one when it breaks. */
function createLease(pool: Pool, patienceMs: number): { readonly ask: Ask; giveBack(): Promise<void> } {
  let taken: Promise<PoolClient> | null = null

  async function giveBack(broken = false): Promise<void> {
    const client = await taken?.catch(() => null)
    client?.release(broken)
  }

  const attempt: Ask = async (statement, values) => {
    taken ??= pool.connect()
    const mine = taken
    try {
      const client = await mine
      return (await client.query(queryOf(bind(statement, values)))).rows
    } catch (error) {
      if (taken === mine && spoilsConnection(error)) {
        void giveBack(true)
        taken = null
      }
      throw error
    }
  }

  return {
    async ask(statement, values) {
      const since = performance.now()
      for (;;) {
        try {
          return await attempt(statement, values)
        } catch (error) {
          // Looking twice does no harm.
          const patient = performance.now() - since < patienceMs
          if (!isPassing(error) || !patient) throw asPortFailure(error)
        }
        await pause()
      }
    },
    giveBack,
  }
}

function isPassing(error: unknown): boolean {
  if (error instanceof PortFailure) return error.code === 'database_unreachable'
  return ['passing', 'lost'].includes(troubleOf(error))
}
