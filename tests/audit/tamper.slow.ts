import { test } from 'vitest'
import { expectEditsAreFound } from '../../packages/audit-log/test/tamper-export.ts'
import { postgresLog, sqliteLog } from './stored-log.ts'
import { expectEditsAreFound as expectStoredEditsAreFound } from './tamper-log.ts'

test('each of 10,000 edits of an export is found', () => expectEditsAreFound(10_000))

test.each([
  ['SQLite', sqliteLog],
  ['PostgreSQL', postgresLog],
] as const)('each of 10,000 edits of the log that is stored in %s is found', async (_, openLog) => {
  await using log = await openLog()
  await expectStoredEditsAreFound(log, 10_000)
})
