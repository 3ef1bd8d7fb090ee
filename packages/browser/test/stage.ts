import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'
import type { Browser, ConsoleMessage, Frame, Page } from 'playwright-core'
import { expect } from 'vitest'
import { launchChromium } from '../../secure-frame/test/chromium.ts'

/** Two origins, a browser, and a stand-in for Tokenizer and frame that can be told to misbehave. */
export interface Stage extends AsyncDisposable {
  readonly browser: Browser
  readonly app: AppServer
  readonly tokenizer: StandIn
  readonly tokenizerUrl: string
  /** Opens the app's page with this body. `cross`: from another site than the Tokenizer's. */
  open(body: string, options?: OpenOptions): Promise<Scene>
}

export interface OpenOptions {
  readonly cross?: boolean
  readonly script?: string
  readonly head?: string
  /** Whether to go on before the frames are ready. */
  readonly wait?: boolean
  /** @default 5000 */
  readonly timeoutMs?: number
}

/** One page with what it saw and said. */
export interface Scene {
  readonly page: Page
  /** The frames in the elements with this selector, in document order. */
  frame(selector: string, index?: number): Promise<Frame>
  /** Everything that the page's own listeners, DOM and form data could see. */
  seen(): Promise<string>
  readonly consoleErrors: string[]
  errors(): Promise<string[]>
  /** Leaves the page, for the next scene: a browser that opens another one starts processes for it and its frames. */
  close(): Promise<void>
}

/** What the app's server was asked, and how it answers. */
export interface AppServer {
  readonly submissions: URLSearchParams[]
  readonly assertions: { readonly body: unknown; readonly site: string | undefined }[]
  /** With status 0 it never answers. */
  session: { readonly status: number; readonly body: string }
}

export interface StandIn {
  readonly values: Map<string, string>
  /**
   * `works`; `down`: no connection; `blank`: a page that says nothing; `mute`: ready, then silent; `asks` for an
   * assertion; `elsewhere`: a redirect to the same page on another origin.
   */
  mode: 'works' | 'down' | 'blank' | 'mute' | 'asks' | 'elsewhere'
  refuseTokenize: string | null
  refuseRead: string | null
  /** What the frame hands out in place of a token. */
  forged: string | null
  /** Answers wait for it. */
  hold: Promise<void> | null
  /** Requests that came, and tokens that were made. */
  asked: number
  tokenized: number
  /** Hosts under which the page of the frame was loaded, and those under which a page connected with it. */
  readonly loaded: string[]
  readonly connected: string[]
  store(value: string): string
}

export async function startStage(bundle: string = sdkBundle()): Promise<Stage> {
  const tokenizer = newStandIn()
  const app: AppServer = { submissions: [], assertions: [], session: ok('{"assertion":"an-assertion"}') }
  const documents = new Map<string, string>()
  const frames = await listen(frameListener(tokenizer))
  const pages = await listen(appListener(app, documents, bundle))
  const browser = await launchChromium()
  const context = await browser.newContext()
  const left: Page[] = []
  return {
    browser,
    app,
    tokenizer,
    tokenizerUrl: origin(frames, 'localhost'),
    async open(body, options = {}) {
      const path = `/${randomUUID()}`
      documents.set(path, documentOf(body, origin(frames, 'localhost'), options))
      const host = options.cross === true ? '127.0.0.1' : 'localhost'
      const page = left.pop() ?? (await context.newPage())
      return openScene(page, `${origin(pages, host)}${path}`, left, options.wait !== false)
    },
    async [Symbol.asyncDispose]() {
      await browser.close()
      for (const server of [frames, pages]) server.close().closeAllConnections()
    },
  }
}

function documentOf(
  body: string,
  tokenizerUrl: string,
  { script = '', head = '', timeoutMs = 5000 }: OpenOptions,
): string {
  return `<!doctype html><html lang="en"><head><title>App</title>${head}<script>
  window.seenEvents = []
  for (const type of ['keydown','keypress','keyup','beforeinput','input','change','paste','compositionend'])
    for (const capture of [true, false]) document.addEventListener(type, (event) => {
      const { data = '', key = '' } = event
      seenEvents.push([type, event.target.localName, key.length === 1 ? key : '', data, event.target.localName === 'input' ? event.target.value : ''].join(' '))
    }, capture)
  window.errors = []
  </script><script src="/sdk.js"></script><script>
  window.page = globalThis.sdk?.configure?.({ tokenizerUrl: ${JSON.stringify(tokenizerUrl)}, app: 'test', timeoutMs: ${timeoutMs},
    onError: (error) => errors.push(error.field + ':' + error.code) })
  globalThis.sdk?.defineElements?.()
  window.tokenizerUrl = ${JSON.stringify(tokenizerUrl)}
  </script></head><body>${body}<script>${script}</script></body></html>`
}

async function openScene(page: Page, url: string, left: Page[], wait: boolean): Promise<Scene> {
  page.setDefaultTimeout(30_000)
  const consoleErrors: string[] = []
  const hear = (message: ConsoleMessage): void => {
    if (message.type() === 'error' || message.type() === 'warning') consoleErrors.push(message.text())
  }
  const fail = (error: Error): void => void consoleErrors.push(String(error))
  page.on('console', hear).on('pageerror', fail)
  await page.goto(url)
  if (wait) await allReady(page)
  return {
    page,
    consoleErrors,
    frame: (selector, index = 0) => frameIn(page, selector, index),
    seen: () => page.evaluate(pageView),
    errors: () => page.evaluate(() => Reflect.get(window, 'errors') as string[]),
    async close() {
      page.off('console', hear).off('pageerror', fail)
      await page.unrouteAll()
      await page.mouse.move(0, 0)
      await page.goto(new URL('/blank', url).href)
      left.push(page)
    },
  }
}

/** As `expect.poll`, patient enough for a machine with much to do. */
export function until(look: () => unknown, timeout = 10_000): ReturnType<typeof expect.poll> {
  return expect.poll(look, { timeout, interval: 20 })
}

/** Waits until every secure element of the page has a frame that is ready. */
export async function allReady(page: Page): Promise<void> {
  await page.waitForFunction(() =>
    [...document.querySelectorAll(':defined')]
      .filter(({ localName }) => localName.startsWith('secure-'))
      .every((element) => element.matches(':state(ready)')),
  )
}

async function frameIn(page: Page, selector: string, index: number): Promise<Frame> {
  const iframe = await page.locator(`${selector} iframe`).nth(index).elementHandle()
  const frame = await iframe?.contentFrame()
  if (!frame) throw new Error(`no frame in ${selector}`)
  return frame
}

/** The page's DOM with all its open shadow roots and properties of inputs, its forms' data, and the events it saw. */
function pageView(): string {
  const parts: string[] = [JSON.stringify(Reflect.get(window, 'seenEvents'))]
  const walk = (node: ParentNode) => {
    for (const element of node.querySelectorAll('*')) {
      parts.push(element.outerHTML, 'value' in element ? String(element.value) : '')
      if (element.shadowRoot) walk(element.shadowRoot)
    }
  }
  walk(document)
  for (const form of document.forms) {
    for (const [name, value] of new FormData(form)) parts.push(`${name}=${value}`)
  }
  return parts.join('\n')
}

function newStandIn(): StandIn {
  const values = new Map<string, string>()
  return {
    values,
    mode: 'works',
    refuseTokenize: null,
    refuseRead: null,
    forged: null,
    hold: null,
    asked: 0,
    tokenized: 0,
    loaded: [],
    connected: [],
    store(value) {
      const token = `lunasec-${randomUUID()}`
      values.set(token, value)
      return token
    },
  }
}

function frameListener(standIn: StandIn): RequestListener {
  const script = bundleOf(new URL('stand-in/frame.ts', import.meta.url))
  return async (request, response) => {
    const url = new URL(request.url ?? '', 'http://stand-in')
    if (url.pathname === '/frame') {
      if (standIn.mode === 'down') return request.socket.destroy()
      if (standIn.mode === 'elsewhere' && request.headers.host?.startsWith('localhost')) {
        const location = `http://${request.headers.host.replace('localhost', '127.0.0.1')}${request.url}`
        return response.writeHead(302, { location }).end()
      }
      standIn.loaded.push(hostOf(request))
      response.setHeader('content-type', 'text/html')
      return response.end(standIn.mode === 'blank' ? '<p>' : framePage(standIn, script))
    }
    if (url.pathname === '/stand-in/connected') {
      standIn.connected.push(hostOf(request))
      return response.end()
    }
    const { value, token } = JSON.parse((await text(request)) || '{}')
    standIn.asked++
    await standIn.hold
    response.setHeader('content-type', 'application/json')
    return response.end(JSON.stringify(answer(standIn, url.pathname, { value, token })))
  }
}

function answer(
  standIn: StandIn,
  path: string,
  { value, token }: { value?: string; token?: string },
): object {
  if (path === '/stand-in/tokenize') {
    if (standIn.refuseTokenize !== null) return { code: standIn.refuseTokenize }
    if (standIn.forged !== null) return { token: standIn.forged }
    standIn.tokenized++
    return { token: standIn.store(value ?? '') }
  }
  if (standIn.refuseRead !== null) return { code: standIn.refuseRead }
  const stored = standIn.values.get(token ?? '')
  return stored === undefined ? { code: 'access-denied' } : { value: stored }
}

function framePage({ mode }: StandIn, script: string): string {
  const settings = JSON.stringify({ mute: mode === 'mute', asks: mode === 'asks' }).replaceAll('"', '&quot;')
  return `<!doctype html><meta name="settings" content="${settings}"><body style="margin:0"><script>${script}</script>`
}

function appListener(app: AppServer, documents: Map<string, string>, bundle: string): RequestListener {
  return async (request, response) => {
    const path = request.url ?? ''
    if (path === '/sdk.js') return response.end(bundle)
    if (path === '/.lunadefend/session') {
      app.assertions.push({
        body: JSON.parse(await text(request)),
        site: request.headers['sec-fetch-site'] as string,
      })
      if (app.session.status === 0) return
      response.writeHead(app.session.status, { 'content-type': 'application/json' })
      return response.end(app.session.body)
    }
    response.setHeader('content-type', 'text/html')
    if (path !== '/submit') return response.end(documents.get(path) ?? '')
    app.submissions.push(new URLSearchParams(await text(request)))
    return response.end('<title>Submitted</title>')
  }
}

export function ok(body: string): AppServer['session'] {
  return { status: 200, body }
}

async function text(request: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of request) body += chunk
  return body
}

async function listen(listener: RequestListener): Promise<Server> {
  const server = createServer(listener).listen(0)
  await new Promise((resolve) => server.once('listening', resolve))
  return server
}

function origin(server: Server, host: string): string {
  return `http://${host}:${(server.address() as AddressInfo).port}`
}

export function sdkBundle(): string {
  return bundleOf(new URL('../src/index.ts', import.meta.url), 'sdk')
}

/** A script for the browser from one of the workspace's modules. */
export function bundleOf(entry: URL, globalName?: string, alias: Record<string, string> = {}): string {
  const { outputFiles } = buildSync({
    entryPoints: [fileURLToPath(entry)],
    bundle: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    define: { 'process.env.NODE_ENV': '"development"' },
    alias,
    ...(globalName === undefined ? {} : { globalName }),
  })
  return outputFiles[0]?.text ?? ''
}

function hostOf(request: IncomingMessage): string {
  return request.headers.host?.split(':')[0] ?? ''
}
