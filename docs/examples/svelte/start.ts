import { startLunaDefend } from '@lunadefend/testing'
import { createApp } from '../express-react/server.ts'
import { bundleOfPage } from './bundle.ts'

const port = Number(process.env['PORT'] ?? 3000)
const origin = `http://localhost:${port}`

const { tokenizerUrl, signingKey } = await startLunaDefend({
  directory: '.lunadefend/hello',
  apps: [{ id: 'hello', origins: [origin] }],
})

// The server is that of the example for React: it does not know what its page is made of.
const options = { tokenizerUrl, app: 'hello', signingKey: signingKey('hello') }
const app = createApp(origin, options, await bundleOfPage())
app.listen(port, 'localhost', (error) => {
  if (error) throw error
  process.stdout.write(`Open ${origin}\n`)
})
