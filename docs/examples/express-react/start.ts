import { startLunaDefend } from '@lunadefend/testing'
import { createApp } from './server.ts'

const port = Number(process.env['PORT'] ?? 3000)
const origin = `http://localhost:${port}`

// Tokenizer and object store, in this process and on free ports. What they keep is in this folder.
const { tokenizerUrl, signingKey } = await startLunaDefend({
  directory: '.lunadefend/hello',
  apps: [{ id: 'hello', origins: [origin] }],
})

const app = createApp(origin, { tokenizerUrl, app: 'hello', signingKey: signingKey('hello') })
app.listen(port, 'localhost', (error) => {
  if (error) throw error
  process.stdout.write(`Open ${origin}\n`)
})
