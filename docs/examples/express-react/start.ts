import { startLunaDefend } from '@lunadefend/testing'
import { createApp } from './server.ts'

const port = Number(process.env['PORT'] ?? 3000)
const origin = `http://localhost:${port}`

// Tokenizer and object store, on this machine and on free ports; what they keep is in .lunadefend/.
const { tokenizerUrl, signingKey } = await startLunaDefend({
  directory: '.lunadefend',
  apps: [{ id: 'hello', origins: [origin] }],
})

const app = createApp(origin, { tokenizerUrl, app: 'hello', signingKey: signingKey('hello') })
app.listen(port, 'localhost', () => process.stdout.write(`Open ${origin}\n`))
