/**
 * How long a page with secure frames takes in Chromium, against the real Tokenizer and object store, and as a ratio to plain
 * iframes of the same number that do nothing. Both are measured by turns, each on a page that was loaded for it. A run on a
 * machine that does other things as well says something by its ratios alone; told is the best of the rounds.
 */
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { LunaDefend } from '@lunadefend/node-sdk'
import { freePort, startLunaDefend } from '@lunadefend/testing'
import type { Page } from 'playwright-core'
import { sdkBundle } from '../packages/browser/test/stage.ts'
import { startChromium } from '../packages/secure-frame/test/chromium.ts'
import { scratch } from '../tests/harness/directory.ts'

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

const documentOf = (tokenizerUrl: string): string => `<!doctype html><html lang="en"><title>Page</title><body>
<script>(${pageScript})()</script><script src="/sdk.js"></script><script>
  sdk.configure({ tokenizerUrl: '${tokenizerUrl}', app: 'shop', onError: (error) => { throw error } }); sdk.defineElements()
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
const site = await listen((request, response) => {
  if (request.url === '/.lunadefend/session') handshakes += 1
  return router(request, response, () => {
    response.setHeader('content-type', request.url === '/sdk.js' ? 'text/javascript' : 'text/html')
    response.end(request.url === '/sdk.js' ? script : documentOf(tokenizerUrl))
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
const { browser } = stack.use(await startChromium())

/** A new profile each time: nothing is cached, and no session is there. */
async function onNewPage<T>(work: (page: Page) => Promise<T>): Promise<T> {
  const context = await browser.newContext()
  try {
    const page = await context.newPage()
    page.setDefaultTimeout(120_000)
    await page.goto(origin)
    return await work(page)
  } finally {
    await context.close()
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
  ['a first field can be typed into', 1, (page) => page.evaluate(() => window.measures.field())],
  [
    `${SINGLES} single values`,
    SINGLES,
    (page) => page.evaluate((given) => window.measures.singles(given), tokens.slice(0, SINGLES)),
  ],
  [`a table of ${ROWS} values`, 1, (page) => page.evaluate((given) => window.measures.table(given), tokens)],
] as const satisfies readonly (readonly [string, number, (page: Page) => Promise<number>])[]

const show = (milliseconds: number): string => `${Math.round(milliseconds)} ms`.padStart(9)
for (const [name, frames, measure] of CASES) {
  const ours: number[] = []
  const plains: number[] = []
  handshakes = 0
  for (let round = 0; round < ROUNDS; round += 1) {
    const about = { url: plainUrl, frames }
    plains.push(
      await onNewPage((page) =>
        page.evaluate(({ url, frames }) => window.measures.plain(url, frames), about),
      ),
    )
    ours.push(await onNewPage(measure))
  }
  const [best, bestPlain] = [Math.min(...ours), Math.min(...plains)]
  process.stdout.write(
    `${name.padEnd(32)}${show(best)}   ${String(frames).padStart(3)} plain: ${show(bestPlain)}   ` +
      `ratio ${(best / bestPlain).toFixed(1).padStart(5)}   handshakes a page: ${handshakes / ROUNDS}\n`,
  )
}
