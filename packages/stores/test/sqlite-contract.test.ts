import { databaseContract } from '@lunadefend/core/port-contracts'
import { openSqlite, readAudit } from '@lunadefend/stores/sqlite'
import { scratch } from './scratch.ts'

databaseContract('sqlite', async () => {
  const folder = scratch()
  const file = folder.file('tokenizer.sqlite')
  const database = openSqlite(file)
  return {
    database,
    connect: async () => openSqlite(file),
    readAudit: async () => readAudit(file),
    elsewhere: { module: new URL('./sqlite-elsewhere.ts', import.meta.url), where: file },
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]()
      folder[Symbol.dispose]()
    },
  }
})
