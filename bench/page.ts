/**
 * How long a page with secure frames takes in Chromium, against the real Tokenizer and object store, and as a ratio to plain
 * iframes of the same number that do nothing. Both are measured by turns, each in a browser that was started for it and that
 * nobody looks into: a driver halts each frame as it starts, and would be most of what is measured. The page posts its figure. A run
 * on a machine that does other things as well says something by its ratios alone; told is the best of the rounds.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { LunaDefend } from '@lunadefend/node-sdk'
import { freePort, startLunaDefend } from '@lunadefend/testing'
import { sdkBundle } from '../packages/browser/test/stage.ts'
import { scratch } from '../tests/harness/directory.ts'
import { chromiumPath } from '../tools/chromium.ts'

const ROUNDS = Number(process.argv[2] ?? 5)
const SINGLES = 200
const ROWS = 500
const LOGIN = 'bench-login'

/** What is measured, in a page. Each resolves to milliseconds. */
interface Measures {
  plain(url: string, count: number): Promise<number>
  field(): Promise<number>
  singles(tokens: readonly string[]): Promise<number>
  table(tokens: readonly string[]): Promise<number>
}
declare global {
  interface Window {
    measures: Measures
  }
}

/** Runs in the page. A frame says `loaded` when the value stands in it; the elements keep that to themselves. */
function pageScript(): void {
  let loaded = 0
  let arrived = (): void => {}
  const Channel = window.MessageChannel
  window.MessageChannel = class extends Channel {
    constructor() {
      super()
      this.port1.addEventListener('message', ({ data }) => {
        if (data.type === 'loaded') loaded += 1
        if (data.type === 'loaded') arrived()
      })
    }
  }
  const since = (begun: number): number => performance.now() - begun
  const begin = (make: () => Element[]): number => {
    const begun = performance.now()
    document.body.append(...make())
    return begun
  }
  window.measures = {
    async plain(url, count) {
      const frames = Array.from({ length: count }, () => document.createElement('iframe'))
      const loads = frames.map((frame) => new Promise((resolve) => frame.addEventListener('load', resolve)))
      for (const frame of frames) frame.src = url
      const begun = begin(() => frames)
      await Promise.all(loads)
      return since(begun)
    },
    async field() {
      const field = document.createElement('secure-input') as HTMLElement
      field.ariaLabel = 'Number'
      const focused = new Promise<void>((resolve) =>
        field.addEventListener('statechange', (event) => {
          if ((event as CustomEvent<{ focused: boolean }>).detail.focused) resolve()
        }),
      )
      const begun = begin(() => [field])
      field.focus()
      await focused
      return since(begun)
    },
    async singles(tokens) {
      const all = new Promise<void>((resolve) => {
        arrived = () => {
          if (loaded === tokens.length) resolve()
        }
      })
      const begun = begin(() =>
        tokens.map((token) => {
          const paragraph = document.createElement('secure-paragraph')
          paragraph.setAttribute('token', token)
          return paragraph
        }),
      )
      await all
      return since(begun)
    },
    async table(tokens) {
      const table = document.createElement('secure-table')
      const done = new Promise((resolve) => table.addEventListener('load', resolve))
      const columns = [
        { key: 'name', label: 'Name' },
        { key: 'number', label: 'Number', secure: true },
      ]
      const rows = tokens.map((number, index) => ({ name: `Customer ${index}`, number }))
      const begun = begin(() => [Object.assign(table, { columns, rows })])
      await done
      return since(begun)
    },
  }
}

/** A call of one of the measures. */
type Task = readonly [name: keyof Measures, ...args: readonly unknown[]]

const documentOf = (
  tokenizerUrl: string,
  task: Task,
): string => `<!doctype html><html lang="en"><title>Page</title><body>
<script>(${pageScript})()</script><script src="/sdk.js"></script><script>
  sdk.configure({ tokenizerUrl: '${tokenizerUrl}', app: 'shop', timeoutMs: 120_000, onError: (error) => post(error.code) }); sdk.defineElements()
  const post = (result) => fetch('/result', { method: 'POST', body: JSON.stringify(result) })
  const [name, ...args] = ${JSON.stringify(task)}
  addEventListener('load', () => measures[name](...args).then(post))
</script>`

async function listen(listener: RequestListener, port = 0): Promise<{ port: number; close(): void }> {
  const server = createServer(listener).listen(port, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, close: () => server.close().closeAllConnections() }
}

await using stack = new AsyncDisposableStack()
const folder = stack.use(scratch())
const port = await freePort()
const origin = `http://localhost:${port}`
const apps = [{ id: 'shop', origins: [origin], limits: generous() }]
const service = stack.use(await startLunaDefend({ directory: folder.path, apps }))
const { tokenizerUrl } = service
const client = new LunaDefend({ tokenizerUrl, app: 'shop', signingKey: service.signingKey('shop') })
const router = client.router({ pinning: 'off', session: () => ({ id: LOGIN }) })
const script = sdkBundle()
let handshakes = 0
let task: Task = ['field']
let told = Promise.withResolvers<number>()
const site = await listen((request, response) => {
  if (request.url === '/.lunadefend/session') handshakes += 1
  if (request.url === '/result') return void take(request).finally(() => response.end())
  return router(request, response, () => {
    response.setHeader('content-type', request.url === '/sdk.js' ? 'text/javascript' : 'text/html')
    response.end(request.url === '/sdk.js' ? script : documentOf(tokenizerUrl, task))
  })
}, port)
stack.defer(() => site.close())
// In a process of their own, as the frames are.
const plain = await listen((_, response) => {
  response.writeHead(200, { 'content-type': 'text/html', 'origin-agent-cluster': '?1' })
  response.end('<!doctype html><title>Plain</title><p>Plain</p>')
})
stack.defer(() => plain.close())
const plainUrl = `http://localhost:${plain.port}/`

async function take(request: IncomingMessage): Promise<void> {
  const result: unknown = JSON.parse(await text(request))
  if (typeof result === 'number') told.resolve(result)
  else told.reject(new Error(`The page says: ${result}`))
}

/** A new browser with a new profile each time: nothing is cached, and no session is there. */
async function measure(given: Task): Promise<number> {
  task = given
  told = Promise.withResolvers()
  using profile = scratch()
  const flags = [
    '--headless=new',
    '--no-sandbox',
    '--disable-gpu',
    '--no-first-run',
    '--disable-background-networking',
  ]
  const window = ['--window-size=1200,900', `--user-data-dir=${profile.path}`, origin]
  const browser = spawn(chromiumPath(), [...flags, ...window], { stdio: 'ignore' })
  const ended = once(browser, 'exit')
  try {
    return await told.promise
  } finally {
    browser.kill()
    await ended
  }
}

/** Buckets that hold all rounds: each reveals every value again. */
function generous() {
  const rate = { burst: 1_000_000, perSecond: 10_000 }
  return { rates: { detokenize: { session: rate, app: rate, network: rate } } }
}

const sid = client.sid(LOGIN)
const tokens: string[] = []
while (tokens.length < ROWS) {
  const next = Array.from({ length: 20 }, (_, index) =>
    client.tokenize(sid, `value ${tokens.length + index}`),
  )
  tokens.push(...(await Promise.all(next)))
}
await client.grants.create(sid, tokens)

const CASES = [
  ['a first field can be typed into', 1, ['field']],
  [`${SINGLES} single values`, SINGLES, ['singles', tokens.slice(0, SINGLES)]],
  [`a table of ${ROWS} values`, 1, ['table', tokens]],
] as const satisfies readonly (readonly [string, number, Task])[]

const show = (milliseconds: number): string => `${Math.round(milliseconds)} ms`.padStart(9)
for (const [name, frames, own] of CASES) {
  const ours: number[] = []
  const plains: number[] = []
  handshakes = 0
  for (let round = 0; round < ROUNDS; round += 1) {
    plains.push(await measure(['plain', plainUrl, frames]))
    ours.push(await measure(own))
  }
  const [best, bestPlain] = [Math.min(...ours), Math.min(...plains)]
  process.stdout.write(
    `${name.padEnd(32)}${show(best)}   ${String(frames).padStart(3)} plain: ${show(bestPlain)}   ` +
      `ratio ${(best / bestPlain).toFixed(1).padStart(5)}   handshakes a page: ${handshakes / ROUNDS}\n`,
  )
}
