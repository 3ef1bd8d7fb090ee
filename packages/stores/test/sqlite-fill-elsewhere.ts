/** Writes to `<file>` until that fails many times; prints the ids of what was accepted, then of what was rejected. */
import { writeSync } from 'node:fs'
import { openSqlite } from '@lunadefend/stores/sqlite'
import { newAudit, newToken } from './sample-tokens.ts'

const accepted: string[] = []
const rejected: [requestId: string, code: string][] = []
const database = openSqlite(process.argv[2] ?? '')

async function attempt(): Promise<void> {
  const { record, grant } = newToken()
  const audit = newAudit()
  try {
    await database.commit.createRecord(record, grant, audit)
    accepted.push(audit.requestId)
  } catch (error) {
    rejected.push([audit.requestId, (error as { code: string }).code])
  }
}

while (rejected.length < 100) await Promise.all([attempt(), attempt(), attempt()])
writeSync(1, JSON.stringify([accepted, rejected]))
process.exit(0)
