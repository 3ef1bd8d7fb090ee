import { spawn } from 'node:child_process'
import { startLunaDefend } from '@lunadefend/testing'

const port = process.env['PORT'] ?? '3000'
const origin = `http://localhost:${port}`

// Tokenizer and object store, in this process and on free ports. What they keep is in this folder.
const { tokenizerUrl, signingKey } = await startLunaDefend({
  directory: '.lunadefend/hello',
  apps: [{ id: 'hello', origins: [origin] }],
})

// Next builds the app first; `next dev` does so page by page.
const [command = 'dev'] = process.argv.slice(2)
const next = spawn('npx', ['next', command, '--port', port], {
  cwd: import.meta.dirname,
  env: {
    ...process.env,
    APP_ORIGIN: origin,
    LUNADEFEND_TOKENIZER_URL: tokenizerUrl,
    LUNADEFEND_SIGNING_KEY: JSON.stringify(signingKey('hello')),
  },
  stdio: 'inherit',
})
next.once('exit', (code) => process.exit(code ?? 0))
