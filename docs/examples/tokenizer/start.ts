import { readFileSync } from 'node:fs'
import { startTokenizer } from '@lunadefend/tokenizer'

const [file = 'tokenizer.json'] = process.argv.slice(2)
const tokenizer = await startTokenizer(JSON.parse(readFileSync(file, 'utf8')))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => tokenizer.close())
