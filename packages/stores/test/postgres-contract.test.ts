import { databaseContract } from '@lunadefend/core/port-contracts'
import { openPostgres, readAudit } from '@lunadefend/stores/postgres'
import { afterAll, beforeAll } from 'vitest'
import { type RunningPostgres, startPostgres } from '../../../tests/harness/postgres.ts'

let server: RunningPostgres
/** Databases that a test before has used, empty again. */
const free: string[] = []
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server[Symbol.asyncDispose]())

databaseContract('postgres', async () => {
  const name = free.pop() ?? (await server.createDatabase())
  const url = server.url(name, 'service')
  const database = await openPostgres({ url })
  return {
    database,
    connect: () => openPostgres({ url, readers: 2 }),
    readAudit: () => readAudit({ url: server.url(name, 'auditor') }),
    elsewhere: { module: new URL('./postgres-elsewhere.ts', import.meta.url), where: url },
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]()
      await server.emptyDatabase(name)
      free.push(name)
    },
  }
})
