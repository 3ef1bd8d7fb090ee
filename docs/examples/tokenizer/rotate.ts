import { readFileSync } from 'node:fs'
import { openMaintenance } from '@lunadefend/tokenizer'

const [file = 'tokenizer.json', key] = process.argv.slice(2)
const config = JSON.parse(readFileSync(file, 'utf8'))

await using maintenance = await openMaintenance(config)
if (key !== undefined) {
  const outcome = await maintenance.rotate(key as Parameters<typeof maintenance.rotate>[0])
  console.log(`${key}: ${outcome}`)
}
await maintenance.finish('reseal-records', ({ done }) => console.log(`${done} records sealed anew`))
const { keys } = await maintenance.status()
console.table(keys)
