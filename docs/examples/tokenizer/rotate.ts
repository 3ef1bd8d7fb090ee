import { readFileSync } from 'node:fs'
import { openMaintenance } from '@lunadefend/tokenizer'

const [file = 'tokenizer.json', key] = process.argv.slice(2)
const config = JSON.parse(readFileSync(file, 'utf8'))

await using maintenance = await openMaintenance(config)
if (key !== undefined) {
  const outcome = await maintenance.rotate(key as Parameters<typeof maintenance.rotate>[0])
  process.stdout.write(`${key}: ${outcome}\n`)
}
await maintenance.finish('reseal-records', ({ done }) =>
  process.stdout.write(`${done} records sealed anew\n`),
)
const { keys } = await maintenance.status()
for (const { key, name, state, rows } of keys) process.stdout.write(`${key} ${name} ${state} ${rows ?? ''}\n`)
