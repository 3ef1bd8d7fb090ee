import { DatabaseSync } from 'node:sqlite'
import { limiterContract } from '@lunadefend/core/port-contracts'
import { openPostgresLimiter } from '@lunadefend/stores/postgres'
import { openSqliteLimiter } from '@lunadefend/stores/sqlite'
import { afterAll, beforeAll } from 'vitest'
import { type RunningPostgres, startPostgres } from '../../../tests/harness/postgres.ts'
import { scratch } from './scratch.ts'

const module = new URL('./limiter-elsewhere.ts', import.meta.url)

limiterContract('sqlite', async () => {
  const folder = scratch()
  const where = folder.file('limits')
  const limiter = openSqliteLimiter(where)
  return {
    limiter,
    connect: async () => openSqliteLimiter(where),
    elsewhere: { module, where },
    async countRows() {
      using db = new DatabaseSync(where)
      return Number(db.prepare('SELECT count(*) AS rows FROM limits').get()?.['rows'])
    },
    async [Symbol.asyncDispose]() {
      await limiter[Symbol.asyncDispose]()
      folder[Symbol.dispose]()
    },
  }
})

let server: RunningPostgres
let database: string
beforeAll(async () => {
  server = await startPostgres()
  database = await server.createDatabase()
})
afterAll(() => server[Symbol.asyncDispose]())

limiterContract('postgres', async () => {
  const where = server.url(database, 'service')
  const limiter = await openPostgresLimiter({ url: where })
  return {
    limiter,
    connect: () => openPostgresLimiter({ url: where }),
    elsewhere: { module, where },
    async countRows() {
      const [row] = await server.administer(database, 'SELECT count(*) AS rows FROM lunadefend.limits')
      return Number(row?.['rows'])
    },
    async [Symbol.asyncDispose]() {
      await limiter[Symbol.asyncDispose]()
      await server.administer(database, 'TRUNCATE lunadefend.limits')
    },
  }
})
