import { startTokenizer } from '@lunadefend/tokenizer'

const tokenizer = await startTokenizer(JSON.parse(process.argv[2] ?? ''))
process.send?.({ port: tokenizer.port })
process.on('disconnect', () => process.exit(0))
