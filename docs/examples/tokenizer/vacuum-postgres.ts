import { readFileSync } from 'node:fs'
import { vacuumRecords } from '@lunadefend/stores/postgres'

const [file = 'owner.json', how] = process.argv.slice(2)
await vacuumRecords(JSON.parse(readFileSync(file, 'utf8')), { rewrite: how === 'rewrite' })
