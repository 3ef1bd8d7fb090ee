import { relative } from 'node:path'
import { type LunaDefend, StartError, startLunaDefend } from '@lunadefend/testing'
import { readSettings, type Settings } from './environment.ts'
import { startDemo } from './server.ts'
import { auditIn, POLICIES } from './support.ts'

async function start(settings: Settings): Promise<AsyncDisposableStack> {
  const { directory, appPort, tokenizerPort, objectsPort } = settings
  await using stack = new AsyncDisposableStack()
  const lunaDefend = await startLunaDefend({
    directory,
    apps: [{ id: 'demo', origins: [`http://localhost:${appPort}`] }],
    ports: { tokenizer: tokenizerPort, objects: objectsPort },
    authorizers: { cedar: POLICIES },
    logLevel: 'warn',
  })
  stack.use(lunaDefend)
  const signingKey = lunaDefend.signingKey('demo')
  const demo = await startDemo({
    directory,
    port: appPort,
    tokenizerUrl: lunaDefend.tokenizerUrl,
    objectsUrl: lunaDefend.objectsUrl,
    readAudit: auditIn(lunaDefend.paths.database),
    log: (line) => process.stderr.write(`${line}\n`),
    app: 'demo',
    signingKey,
  }).catch(explainAppPort(appPort))
  stack.defer(() => demo.close())
  say(welcome(demo.url, lunaDefend, directory))
  return stack.move()
}

function explainAppPort(port: number): (error: NodeJS.ErrnoException) => never {
  return (error) => {
    if (error.code !== 'EADDRINUSE') throw error
    const cure = 'Stop what uses it, or choose another with LUNADEFEND_APP_PORT.'
    throw new StartError('port_busy', `Port ${port} for the demo app is in use. ${cure}`)
  }
}

function welcome(appUrl: string, { tokenizerUrl, objectsUrl }: LunaDefend, directory: string): string {
  return [
    '',
    'LunaDefend is running.',
    '',
    `  Open this      ${appUrl}`,
    `  Tokenizer      ${tokenizerUrl}`,
    `  Object store   ${objectsUrl}`,
    `  State          ${relative(process.cwd(), directory)}/`,
    '',
    'Ctrl-C stops it.',
    '',
  ].join('\n')
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** One line that says what to do. Codes mark the errors that were written for people. */
function explain(error: Error & { readonly code?: string }): string {
  const known = ['StartError', 'PortFailure', 'ConfigError'].includes(error.name)
  return known ? error.message : `It failed in a way that was not foreseen.\n${error.stack}`
}

async function main(): Promise<void> {
  const running = await start(readSettings())
  let stopping = false
  const stop = async () => {
    // Whoever presses Ctrl-C twice means it.
    if (stopping) process.exit(1)
    stopping = true
    say('\nStopping …')
    await running.disposeAsync()
    process.exit(0)
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
}

main().catch((error: Error) => {
  process.stderr.write(`LunaDefend did not start: ${explain(error)}\n`)
  process.exit(1)
})
