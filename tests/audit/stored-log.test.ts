import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { postgresLog, SEALED, type StoredLog, sqliteLog } from './stored-log.ts'
import { expectEditsAreFound } from './tamper-log.ts'

describe.each([
  ['SQLite', sqliteLog],
  ['PostgreSQL', postgresLog],
] as const)('the audit log as it is stored in %s', (_, openLog) => {
  let log: StoredLog
  beforeAll(async () => {
    log = await openLog()
  })
  afterAll(() => log[Symbol.asyncDispose]())

  test('is good when nobody has edited it, also before witnesses', async () => {
    const notes = (await log.query('SELECT note FROM {audit_checkpoints}')).map(({ note }) => String(note))
    const report = await log.check(notes)
    expect(report).toMatchObject({
      problems: [],
      isGood: true,
      size: SEALED,
      unsealed: 30,
      witnesses: notes.length,
    })
  })

  test('each kind of edit by its owner is found', () => expectEditsAreFound(log, 24))
})
