import { readFileSync } from 'node:fs'
import { migratePostgres } from '@lunadefend/stores/postgres'

const [file = 'owner.json', phase] = process.argv.slice(2)
if (phase !== 'before' && phase !== 'after') throw new Error('Say which phase: before or after.')
const ran = await migratePostgres({ ...JSON.parse(readFileSync(file, 'utf8')), phase })
process.stdout.write(ran.length === 0 ? 'Nothing was to be done.\n' : `Done: ${ran.join(', ')}.\n`)
