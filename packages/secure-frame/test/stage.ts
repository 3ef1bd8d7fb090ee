import type { Component, FrameMessage, HostMessage } from '@lunadefend/contract/frame-messages'
import type { BrowserContext, ConsoleMessage, Frame, Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, expect } from 'vitest'
import { type OwnBrowser, renew, startChromium } from './chromium.ts'
import { type StandIn, startStandIn } from './stand-in.ts'

/** One page of the application in a browser of its own, against a fresh stand-in. */
export interface Stage extends AsyncDisposable {
  readonly world: StandIn
  readonly context: BrowserContext
  readonly page: Page
  /** Every line that any frame wrote to the console. */
  readonly console: string[]
  mount(component: Component, options?: MountOptions): Promise<Mounted>
  /** Another page of the same browser. */
  open(url: string): Promise<Page>
}

export interface MountOptions {
  /** @default nothing but the type */
  readonly configure?: Omit<Extract<HostMessage, { type: 'configure' }>, 'type'> | null
  readonly query?: string
  readonly sandbox?: string
  /** The `allow` attribute. @default nothing */
  readonly allow?: string
  /** `silent`: the page never answers a request for an assertion. */
  readonly assert?: 'honest' | 'silent'
  readonly page?: Page
  /** @default true: connects when the frame has loaded */
  readonly connect?: boolean
  /** @default true: waits until the frame is ready */
  readonly wait?: boolean
}

type Request =
  | { type: 'rows'; first: number; total: number; cells: string[] }
  | { type: 'load'; tokenId: string }
  | { type: 'tokenize' }
  | { type: 'logout' }

export interface Mounted {
  readonly name: string
  readonly frame: Frame
  /** The control or the paragraph. */
  readonly value: Locator
  /** For a frame that was mounted without a connection. Waits until it has been taken. */
  connect(): Promise<void>
  send(message: object): Promise<void>
  /** The frame's answer; `id` is left out. */
  ask(request: Request): Promise<Answer>
  /** Sends, and does not wait. */
  begin(request: Request): Promise<() => Promise<Answer>>
  /** Everything that the frame has said, oldest first. */
  said(): Promise<FrameMessage[]>
  states(): Promise<string[]>
  /** As the page's `focus()` does it. */
  focus(): Promise<void>
  remove(): Promise<void>
}

/** What a frame has said, in a word each, but for what it does for its session. */
export async function typesSaid(mounted: Mounted): Promise<string[]> {
  return (await mounted.said()).map(({ type }) => type).filter((type) => type !== 'need-assertion')
}

export type Answer = { type: string; tokenId?: string; code?: string }

let shared: Promise<OwnBrowser> | undefined
/** Pages whose stages are over, each alone in its context and empty. Another page would take processes of its own. */
const left: Page[] = []

/** One browser for a file of tests. */
export async function closeBrowser(): Promise<void> {
  left.length = 0
  await (await shared)?.[Symbol.asyncDispose]()
  shared = undefined
}

async function newContext(own: OwnBrowser | undefined): Promise<BrowserContext> {
  if (own === undefined) shared ??= startChromium()
  const { browser } = own ?? (await (shared as Promise<OwnBrowser>))
  const context = await browser.newContext()
  context.setDefaultTimeout(30_000)
  return context
}

/** A context of the browser, or of one of the caller's own, in which every page can mount frames of this Tokenizer. */
export async function openContext(tokenizer: string, own?: OwnBrowser): Promise<BrowserContext> {
  const context = await newContext(own)
  await context.addInitScript(hostScript, { tokenizer })
  return context
}

/** Where a page is, and in what browser. */
export interface Surroundings {
  /** @default the one browser of the file */
  readonly own?: OwnBrowser
  /** @default 'localhost', the Tokenizer's own site */
  readonly appHost?: string
}

export async function startStage(
  change?: (world: StandIn) => void,
  { own, appHost }: Surroundings = {},
): Promise<Stage> {
  const world = await startStandIn(appHost)
  change?.(world)
  const page = (own === undefined && left.pop()) || (await (await newContext(own)).newPage())
  const context = page.context()
  const script = await context.addInitScript(hostScript, { tokenizer: world.tokenizer })
  const lines: string[] = []
  const hear = (message: ConsoleMessage): void => {
    // Chromium's own advice for pages with a password field and no form.
    if (!message.text().startsWith('[DOM]')) lines.push(message.text())
  }
  const fail = (error: Error): void => void lines.push(String(error))
  const goTo = async (opened: Page, url: string): Promise<Page> => {
    opened.on('console', hear).on('pageerror', fail)
    await opened.goto(url)
    return opened
  }
  await goTo(page, world.app)
  return {
    world,
    context,
    page,
    console: lines,
    open: async (url) => goTo(await context.newPage(), url),
    mount: (component, options = {}) => mountOn(options.page ?? page, component, options),
    async [Symbol.asyncDispose]() {
      page.off('console', hear).off('pageerror', fail)
      // A shared stage may be the last to go.
      if (context.browser()?.isConnected()) {
        await script.dispose()
        if (own === undefined) left.push(await renew(page, [world.app, world.tokenizer, world.elsewhere]))
        else await context.close()
      }
      await world[Symbol.asyncDispose]()
    },
  }
}

/** One page for all tests of a file, where they need nothing but frames of their own; its end is that of the browser. */
export function shareStage(change?: (world: StandIn) => void): () => Stage {
  let stage: Stage | undefined
  beforeAll(async () => {
    stage = await startStage(change)
  })
  afterAll(async () => {
    await closeBrowser()
    await stage?.[Symbol.asyncDispose]()
  })
  return () => {
    if (stage === undefined) throw new Error('The stage is there in tests only.')
    return stage
  }
}

let names = 0

export async function mountOn(
  page: Page,
  component: Component,
  options: MountOptions = {},
): Promise<Mounted> {
  const name = `frame${++names}`
  const {
    configure = {},
    query = '',
    sandbox = 'allow-scripts allow-same-origin',
    allow = '',
    assert = 'honest',
  } = options
  const { connect = true, wait = true } = options
  const about = { name, component, configure, query, sandbox, allow, assert, connect, wait }
  await page.evaluate((given) => window.host.mount(given), about)
  const frame = page.frame({ name })
  if (frame === null) throw new Error('The frame is not there.')
  const begin = async (request: Request): Promise<() => Promise<Answer>> => {
    const id = await page.evaluate((given) => window.host.begin(given.name, given.request), { name, request })
    return async () => {
      const { id: _, ...answer } = await page.evaluate((given) => window.host.answer(given.name, given.id), {
        name,
        id,
      })
      return answer as Answer
    }
  }
  const said = (): Promise<FrameMessage[]> => page.evaluate((given) => window.host.said(given), name)
  return {
    name,
    frame,
    value: frame.locator('.value'),
    connect: () => page.evaluate((given) => window.host.connect(given), name),
    // As text: an own `__proto__` must arrive.
    send: (message) =>
      page.evaluate((given) => window.host.send(given.name, JSON.parse(given.text)), {
        name,
        text: JSON.stringify(message),
      }),
    ask: async (request) => (await begin(request))(),
    begin,
    said,
    states: async () =>
      (await said()).flatMap((each) =>
        each.type === 'state' ? [`${each.fill}${each.focused ? '!' : ''}`] : [],
      ),
    focus: () =>
      page.evaluate((given) => {
        document.getElementsByName(given)[0]?.focus()
        window.host.send(given, { type: 'focus' })
      }, name),
    remove: () => page.evaluate((given) => document.getElementsByName(given)[0]?.remove(), name),
  }
}

/** As `expect.poll`, with the patience that a busy machine needs. */
export function eventually<T>(look: () => T): ReturnType<typeof expect.poll<T>> {
  return expect.poll(look, { timeout: 10_000, interval: 20 })
}

/** Waits until the frame has told this state last. */
export async function expectState(mounted: Mounted, state: string): Promise<void> {
  await eventually(async () => (await mounted.states()).at(-1)).toBe(state)
}

/** Until frames have had every chance to say something more. */
export const settle = (page: Page): Promise<void> => page.waitForTimeout(300)

interface Host {
  page: string
  ports: Record<string, MessagePort>
  mount(about: {
    name: string
    component: string
    configure: object | null
    query: string
    sandbox: string
    allow?: string
    assert: string
    connect: boolean
    wait: boolean
  }): Promise<void>
  connect(name: string): Promise<void>
  send(name: string, message: object): void
  begin(name: string, request: object): number
  answer(name: string, id: number): Promise<{ id: number; type: string }>
  said(name: string): FrameMessage[]
}
declare global {
  interface Window {
    host: Host
  }
}

/** The page's side, as small as can be. Runs in the page. */
export function hostScript({ tokenizer }: { tokenizer: string }): void {
  const logs: Record<string, FrameMessage[]> = {}
  const connects: Record<string, () => Promise<void>> = {}
  const watchers: (() => void)[] = []
  let last = 0
  const hex = (byte: number): string => byte.toString(16).padStart(2, '0')
  const until = <T>(look: () => T | undefined): Promise<T> =>
    new Promise((resolve) => {
      const watch = (): void => {
        const found = look()
        if (found !== undefined) resolve(found)
      }
      watchers.push(watch)
      watch()
    })
  type Needed = Extract<FrameMessage, { type: 'need-assertion' }>
  async function assertion(port: MessagePort, request: Needed, mode: string): Promise<void> {
    if (mode === 'silent') return
    const { id, thumbprint, challenge } = request
    const response = await fetch('/.lunadefend/session', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ thumbprint, challenge }),
    })
    port.postMessage(
      response.ok
        ? { type: 'assertion', id, assertion: (await response.json()).assertion }
        : { type: 'assertion-failed', id },
    )
  }
  const host: Host = {
    page: Array.from(crypto.getRandomValues(new Uint8Array(16)), hex).join(''),
    ports: {},
    async mount({ name, component, configure, query, sandbox, allow = '', assert, connect, wait }) {
      const iframe = document.createElement('iframe')
      iframe.name = name
      iframe.title = name
      iframe.sandbox.value = sandbox
      iframe.allow = allow
      iframe.referrerPolicy = 'no-referrer'
      iframe.src = `${tokenizer}/frame?app=test&component=${component}${query}`
      const { port1, port2 } = new MessageChannel()
      const log: FrameMessage[] = []
      logs[name] = log
      host.ports[name] = port1
      port1.onmessage = ({ data }) => {
        log.push(data)
        if (data.type === 'need-assertion') void assertion(port1, data, assert)
        for (const watch of watchers) watch()
      }
      const loaded = new Promise((resolve) => iframe.addEventListener('load', resolve))
      document.body.append(iframe)
      await loaded
      const target = sandbox.includes('allow-same-origin') ? tokenizer : '*'
      const greet = (): void => {
        iframe.contentWindow?.postMessage({ type: 'lunadefend.connect', page: host.page }, target, [port2])
        if (configure !== null) port1.postMessage({ type: 'configure', ...configure })
      }
      connects[name] = async () => {
        greet()
        await until(() => log.find((message) => message.type === 'ready'))
      }
      if (connect) greet()
      if (wait) await until(() => log.find((message) => message.type === 'ready'))
    },
    connect: async (name) => connects[name]?.(),
    send: (name, message) => host.ports[name]?.postMessage(message),
    begin(name, request) {
      last += 1
      host.send(name, { ...request, id: last })
      return last
    },
    answer: (name, id) =>
      until(() =>
        logs[name]?.find((each) => 'id' in each && each.id === id && each.type !== 'need-assertion'),
      ) as ReturnType<Host['answer']>,
    said: (name) => logs[name] ?? [],
  }
  window.host = host
}
