/**
 * Writes to `<file>` until that fails many times, makes room, and writes again. Prints the ids of what was accepted and
 * of what was rejected, and how much was accepted in the end.
 */
import { writeSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { openSqlite } from '@lunadefend/stores/sqlite'
import { newAudit, newToken, sampleRoom } from './sample-tokens.ts'

const accepted: string[] = []
const rejected: [requestId: string, code: string][] = []
const database = openSqlite(process.argv[2] ?? '')

async function attempt(): Promise<void> {
  const { record, grant } = newToken()
  const audit = newAudit()
  try {
    await database.commit.createRecord(record, grant, audit, sampleRoom())
    accepted.push(audit.requestId)
  } catch (error) {
    rejected.push([audit.requestId, (error as { code: string }).code])
  }
}

const three = () => Promise.all([attempt(), attempt(), attempt()])
while (rejected.length < 100) await three()
const beforeRoom = accepted.length
// The log is what cannot grow; it is emptied into the file.
using raw = new DatabaseSync(process.argv[2] ?? '')
raw.exec('PRAGMA wal_checkpoint(TRUNCATE)')
await three()
writeSync(1, JSON.stringify({ accepted, rejected, afterwards: accepted.length - beforeRoom }))
process.exit(0)
