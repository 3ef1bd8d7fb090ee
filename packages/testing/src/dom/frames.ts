import { execFileSync } from 'node:child_process'
import { fileURLToPath, URL as NodeURL } from 'node:url'
import { LocalChannel, type LocalPort } from './channel.ts'
import { replace } from './internals.ts'
import type { Troubles, Vault } from './vault.ts'
import { type Handed, makeWorld } from './world.ts'

/** A frame of the double: the scripts of the real one, in a document that nothing on the page leads to. */
export interface Frame {
  readonly iframe: HTMLIFrameElement
  readonly component: string
  /** Its document. */
  readonly page: Document
  readonly handed: Handed
  /** What the user types into, picks from or reads; `null` until the page has configured it. */
  control(): HTMLElement | null
  /** What it has still to tell, it tells now. */
  flush(): void
  passTime(ms: number): Promise<void>
  /** Its next request of the Tokenizer fails with this code. */
  failNext(code: string): void
  focus(): void
  blur(): void
}

/** What the Tokenizer serves of one component. */
interface Served {
  readonly script: string
  /** As JSON; but for the origins of the app. */
  readonly configuration: string
}

let served: Readonly<Record<string, Served>> | null = null

/** By another process: a bundler finds nothing to stand on within jsdom. */
function bundleOnce(): Readonly<Record<string, Served>> {
  if (served === null) {
    const bundler = fileURLToPath(new NodeURL('bundle-frames.ts', import.meta.url))
    const options = { encoding: 'utf8', maxBuffer: 64 * 1024 ** 2 } as const
    served = JSON.parse(execFileSync(process.execPath, [bundler], options)) as Record<string, Served>
  }
  return served
}

// Those of now: a test may put others in their place.
const { setTimeout: realSetTimeout } = globalThis

export interface FramesNeeds {
  readonly vault: Vault
  readonly troubles: Troubles
}

export interface Frames {
  /** The frame in this secure element. */
  of(element: Element): Frame | null
  all(): Frame[]
  end(): void
}

/** From now on an iframe of a Tokenizer's page gets a frame of the double, and nothing is loaded over the network. */
export function doubleFrames({ vault, troubles }: FramesNeeds): Frames {
  bundleOnce()
  const frames = new Map<HTMLIFrameElement, OpenFrame>()
  const ended = new AbortController()
  const native = Object.getOwnPropertyDescriptor(HTMLIFrameElement.prototype, 'src')
  const needs = {
    vault,
    logout: () => {
      for (const frame of frames.values()) frame.loggedOut()
    },
  }

  const restore = replace(HTMLIFrameElement.prototype, 'src', {
    get(this: HTMLIFrameElement) {
      return native?.get?.call(this) as string
    },
    set(this: HTMLIFrameElement, address: string) {
      const url = NodeURL.canParse(address) ? new NodeURL(address) : null
      const component = url?.pathname === '/frame' ? url.searchParams.get('component') : null
      if (component === null || url === null) native?.set?.call(this, address)
      else void load(quiet(this, followFocus), url.origin, component)
    },
  })

  async function load(iframe: HTMLIFrameElement, origin: string, component: string): Promise<void> {
    const started = Promise.withResolvers<void>()
    let isOurs = false
    // Before anybody else's listener: the DOM loads an empty page by itself, and that is none of ours.
    const listen = (event: Event): void => {
      if (!isOurs) event.stopImmediatePropagation()
    }
    iframe.addEventListener('load', listen, { signal: ended.signal })
    realSetTimeout(started.resolve)
    await started.promise
    for (const [each] of frames) if (!each.isConnected) frames.delete(each)
    if (!iframe.isConnected || ended.signal.aborted) return
    const frame = openFrame(iframe, { origin, component, ...needs })
    frames.set(iframe, frame)
    Object.defineProperty(iframe, 'contentDocument', { value: null })
    const window = {
      postMessage: (data: unknown, _to: string, ports: LocalPort[]) => frame.connect(data, ports),
    }
    Object.defineProperty(iframe, 'contentWindow', { value: Object.freeze(window) })
    isOurs = true
    if (!troubles.tokenizerDown) withLocalChannel(() => iframe.dispatchEvent(new Event('load')))
  }

  function followFocus(type: string, target: EventTarget | undefined): void {
    for (const frame of frames.values()) {
      const isOwn = target === frame.iframe
      // Of the focus of its frame an element tells by an event of its own.
      const isElsewhere = !isOwn && target !== hostOf(frame.iframe)
      if (type === 'focus' ? isElsewhere : isOwn) frame.blur()
      else if (type === 'focus' && isOwn) frame.focus()
    }
  }
  for (const type of ['focus', 'blur']) {
    const follow = (event: Event): void => followFocus(type, event.composedPath()[0])
    addEventListener(type, follow, { capture: true, signal: ended.signal })
  }

  return {
    of: (element) => [...frames.values()].find(({ iframe }) => hostOf(iframe) === element) ?? null,
    all: () => [...frames.values()].filter(({ iframe }) => iframe.isConnected),
    end() {
      ended.abort()
      restore()
      frames.clear()
    },
  }
}

/** Keeps the DOM from loading something of its own into it, and makes its focus heard: first here, since elements keep it to themselves. */
function quiet(
  iframe: HTMLIFrameElement,
  follow: (type: 'focus' | 'blur', iframe: HTMLIFrameElement) => void,
): HTMLIFrameElement {
  forgoLoading(iframe)
  for (const type of ['focus', 'blur'] as const) {
    const move = iframe[type].bind(iframe)
    const value = (options?: FocusOptions): void => {
      const isMoved =
        (iframe.getRootNode() as ShadowRoot).activeElement === iframe ? type === 'blur' : type === 'focus'
      let isHeard = false
      const hear = (): void => {
        isHeard = true
      }
      addEventListener(type, hear, { capture: true, once: true })
      if (isMoved) follow(type, iframe)
      move(options)
      removeEventListener(type, hear, { capture: true })
      // jsdom moves the focus to an iframe, and away, without an event.
      if (isMoved && !isHeard) iframe.dispatchEvent(new FocusEvent(type, { composed: true }))
    }
    Object.defineProperty(iframe, type, { value })
  }
  return iframe
}

/** happy-dom loads an iframe when it comes into a document, or says on the console that it does not. */
function forgoLoading(iframe: HTMLIFrameElement): void {
  for (let at: object | null = iframe; at !== null; at = Object.getPrototypeOf(at)) {
    const connected = Object.getOwnPropertySymbols(at).find(
      ({ description }) => description === 'connectedToDocument',
    )
    if (connected === undefined) continue
    const connect: unknown = Reflect.get(Object.getPrototypeOf(at), connected)
    Object.defineProperty(iframe, connected, { value: connect })
    return
  }
}

export function hostOf(iframe: HTMLIFrameElement): Element | null {
  const root = iframe.getRootNode()
  return root instanceof ShadowRoot ? root.host : null
}

/** The channel of a frame is made while its page hears of the load; everybody else keeps the channels they have. */
function withLocalChannel(work: () => void): void {
  const restore = replace(globalThis, 'MessageChannel', { value: LocalChannel, writable: true })
  try {
    work()
  } finally {
    restore()
  }
}

interface OpenFrame extends Frame {
  connect(data: unknown, ports: readonly LocalPort[]): void
  loggedOut(): void
}

interface OpenNeeds {
  readonly origin: string
  readonly component: string
  readonly vault: Vault
  readonly logout: () => void
}

function openFrame(iframe: HTMLIFrameElement, { origin, component, vault, logout }: OpenNeeds): OpenFrame {
  const { script, configuration } = bundleOnce()[component] ?? { script: '', configuration: '{}' }
  const handed: Handed = { files: [], copied: '' }
  const world = makeWorld({ origin, configuration, vault, handed })
  let failure: string | null = null
  let loggedOut = (): unknown => undefined
  const double = {
    session: (needs: { loggedOut(): unknown }) => {
      loggedOut = () => needs.loggedOut()
      return {
        logout,
        call(path: string, body: Readonly<Record<string, unknown>>) {
          const code = failure
          failure = null
          return code ?? vault.call(path, body)
        },
      }
    },
  }
  const globals = { ...world.globals, double }
  new Function(...Object.keys(globals), script)(...Object.values(globals))
  return {
    iframe,
    component,
    handed,
    page: world.page,
    control: () => world.page.querySelector<HTMLElement>('.value, .grid'),
    flush: world.flush,
    passTime: world.passTime,
    failNext(code) {
      failure = code
    },
    focus: world.focus,
    blur: world.blur,
    loggedOut: () => loggedOut(),
    connect: (data, ports) => world.hear('message', { origin: location.origin, data, ports }),
  }
}
