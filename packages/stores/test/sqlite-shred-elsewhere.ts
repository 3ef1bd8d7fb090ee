/** Shreds a record in a process of its own, says so, and waits to be killed: `<file> <record id in hex>`. */
import { writeSync } from 'node:fs'
import { openSqlite } from '@lunadefend/stores/sqlite'
import { newAudit, newDeletion } from './sample-tokens.ts'

const [file = '', recordId = ''] = process.argv.slice(2)
const database = openSqlite(file)
const shredded = await database.commit.shredRecord(
  Buffer.from(recordId, 'hex'),
  newDeletion(),
  newAudit(),
  [],
)
writeSync(1, shredded ? 'shredded\n' : 'nothing lived\n')
setInterval(() => undefined, 1000)
