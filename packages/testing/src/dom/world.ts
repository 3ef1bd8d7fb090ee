import { Blob as NodeBlob, File as NodeFile, resolveObjectURL } from 'node:buffer'
import { webcrypto } from 'node:crypto'
import { URL as NodeURL } from 'node:url'
import { TextDecoder as NodeTextDecoder, TextEncoder as NodeTextEncoder } from 'node:util'
import type { Vault } from './vault.ts'

// Those of now: a test may put others in their place.
const { setTimeout: realSetTimeout, clearTimeout: realClearTimeout } = globalThis

/** What a frame has handed to its user: files that were saved, the text that was copied last. */
export interface Handed {
  readonly files: File[]
  copied: string
}

/** The surroundings of a frame's script: what the DOM of a test lacks, and what must not be the page's. */
export interface World {
  readonly page: Document
  /** The globals of the script, by name. */
  readonly globals: Readonly<Record<string, unknown>>
  /** What the frame was to do a little later, it does now. */
  flush(): void
  /** What the frame was to do within this time, it does now, step by step. */
  passTime(ms: number): Promise<void>
  /** The focus comes to the frame, from the page or another frame. */
  focus(): void
  /** It goes there. */
  blur(): void
  /** As the window of the frame hears it. */
  hear(type: string, event: object): void
}

export interface WorldNeeds {
  readonly origin: string
  /** As JSON; what the Tokenizer writes into the page. */
  readonly configuration: string
  readonly vault: Vault
  readonly handed: Handed
}

export function makeWorld({ origin, configuration, vault, handed }: WorldNeeds): World {
  const page = frameDocument(configuration, handed)
  const focus = holdFocus(page)
  const timers = holdTimers()
  const listeners = new Map<string, Set<(event: unknown) => void>>()
  const window = {
    origin,
    parent: {},
    document: page,
    addEventListener: (type: string, listen: (event: unknown) => void) => {
      listeners.set(type, (listeners.get(type) ?? new Set()).add(listen))
    },
    removeEventListener: (type: string, listen: (event: unknown) => void) => {
      listeners.get(type)?.delete(listen)
    },
  }
  const hear = (type: string, event: object): void => {
    for (const listen of [...(listeners.get(type) ?? [])]) listen({ source: window.parent, ...event })
  }
  const copy = async (text: string): Promise<void> => {
    handed.copied = text
  }
  return {
    page,
    flush: timers.flush,
    passTime: timers.pass,
    hear,
    focus() {
      if (focus.enter()) hear('focus', {})
    },
    blur() {
      if (focus.leave()) hear('blur', {})
    },
    globals: {
      window,
      document: page,
      fetch: vault.fetch,
      XMLHttpRequest: requestsTo(vault),
      setTimeout: timers.set,
      clearTimeout: timers.clear,
      navigator: { onLine: true, clipboard: { writeText: copy } },
      URL: NodeURL,
      Blob: NodeBlob,
      TextEncoder: NodeTextEncoder,
      TextDecoder: NodeTextDecoder,
      crypto: webcrypto,
      AbortSignal: { timeout: () => undefined, any: (signals: AbortSignal[]) => AbortSignal.any(signals) },
      Option: optionsOf(page),
      ResizeObserver: class {
        observe(): void {}
      },
      // Neither pictures of files nor uploads that go on after a reload.
      createImageBitmap: undefined,
      indexedDB: undefined,
    },
  }
}

/** What the Tokenizer would have rendered. */
function frameDocument(configuration: string, handed: Handed): Document {
  const page = document.implementation.createHTMLDocument('')
  const meta = page.createElement('meta')
  meta.name = 'lunadefend'
  meta.content = JSON.stringify({ ...JSON.parse(configuration), origins: [location.origin] })
  page.head.append(meta)
  // Of looks there is nothing to see here, and jsdom lets a document adopt no sheets but its own.
  Object.defineProperty(page, 'adoptedStyleSheets', { value: [] })
  Object.defineProperty(page, 'fonts', { value: [] })
  hearTrusted(page)
  const create = page.createElement.bind(page)
  const make = (tag: string): HTMLElement => {
    const element = hearTrusted(keepEvents(withLayout(create(tag))))
    if (tag === 'img') quietImage(element)
    if (tag === 'select') keepPick(element as HTMLSelectElement)
    if (tag === 'a') element.click = () => void keepFile(element as HTMLAnchorElement, handed)
    return element
  }
  Object.defineProperty(page, 'createElement', { value: make, configurable: true })
  return page
}

/** Nothing is drawn here, so everything has one size: enough for a table to know which rows are in view. */
function withLayout<E extends HTMLElement>(element: E): E {
  Object.defineProperty(element, 'offsetHeight', { value: ROW_PIXELS })
  Object.defineProperty(element, 'clientHeight', { value: ROWS_IN_VIEW * ROW_PIXELS })
  return element
}
const ROW_PIXELS = 20
const ROWS_IN_VIEW = 10

/** A picture that nobody sees is not decoded. */
function quietImage(image: HTMLElement): void {
  Object.defineProperty(image, 'src', { value: '', writable: true })
  Object.defineProperty(image, 'decode', { value: async () => {} })
}

/** One more option changes nothing of what is picked; in happy-dom it does. */
function keepPick(list: HTMLSelectElement): void {
  const add = list.add.bind(list)
  const value = (option: HTMLOptionElement): void => {
    const picked = list.value
    add(option)
    list.value = picked
  }
  Object.defineProperty(list, 'add', { value })
}

/** What a browser would save. */
async function keepFile({ href, download }: HTMLAnchorElement, { files }: Handed): Promise<void> {
  const blob = resolveObjectURL(href)
  if (blob !== undefined) files.push(new NodeFile([blob], download) as unknown as File)
}

/** Whoever reaches into a frame is the user. */
function hearTrusted<T extends EventTarget>(target: T): T {
  const listen = target.addEventListener.bind(target)
  const value = (type: string, hear: (event: Event) => void, options?: AddEventListenerOptions): void =>
    listen(type, (event) => hear(trusted(event)), options)
  Object.defineProperty(target, 'addEventListener', { value })
  return target
}

function trusted(event: Event): Event {
  return new Proxy(event, {
    get(target, key) {
      if (key === 'isTrusted') return true
      const value: unknown = Reflect.get(target, key)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

/** In happy-dom the events of any document reach the window, and so the page could see what is typed. */
function keepEvents<E extends HTMLElement>(element: E): E {
  const dispatch = element.dispatchEvent.bind(element)
  const value = (event: Event): boolean => {
    const path = event.composedPath.bind(event)
    const within = (): EventTarget[] => path().filter((target) => target instanceof Node)
    Object.defineProperty(event, 'composedPath', { value: within, configurable: true })
    return dispatch(event)
  }
  Object.defineProperty(element, 'dispatchEvent', { value })
  return element
}

/** A document without a window keeps no focus of its own. */
function holdFocus(page: Document): { enter(): boolean; leave(): boolean } {
  let focused: HTMLElement | null = null
  let isHere = false
  const move = (next: HTMLElement | null): void => {
    const before = focused
    focused = next
    tell(before, ['blur', 'focusout'], next)
    tell(next, ['focus', 'focusin'], before)
  }
  const create = page.createElement.bind(page)
  const withFocus = (tag: string): HTMLElement => {
    const element = create(tag)
    element.blur = () => element === focused && move(null)
    element.focus = () => {
      if (element !== focused && !element.matches(':disabled')) move(element)
    }
    return element
  }
  Object.defineProperty(page, 'createElement', { value: withFocus })
  Object.defineProperty(page, 'hasFocus', { value: () => isHere })
  Object.defineProperty(page, 'activeElement', { get: () => focused ?? page.body })
  return {
    enter() {
      const wasHere = isHere
      isHere = true
      return !wasHere
    },
    leave() {
      const wasHere = isHere
      isHere = false
      move(null)
      return wasHere
    },
  }
}

function tell(
  element: HTMLElement | null,
  [own, bubbling]: [string, string],
  relatedTarget: HTMLElement | null,
) {
  element?.dispatchEvent(new FocusEvent(own, { relatedTarget }))
  element?.dispatchEvent(new FocusEvent(bubbling, { relatedTarget, bubbles: true }))
}

/** `new Option(…)`, which happy-dom does not have. */
function optionsOf(page: Document) {
  return function Option(text = '', value = text): HTMLOptionElement {
    return Object.assign(page.createElement('option'), { textContent: text, value })
  }
}

/** The part of `XMLHttpRequest` with which a frame sends files. */
function requestsTo(vault: Vault) {
  return class DoubledRequest {
    readonly upload = ears()
    readonly #own = ears()
    readonly addEventListener = this.#own.addEventListener
    status = 0
    #url = ''
    #isOver = false

    open(_method: string, url: string): void {
      this.#url = url
    }
    setRequestHeader(): void {}
    abort(): void {
      this.#isOver = true
    }
    async send(body: Blob): Promise<void> {
      try {
        const bytes = new Uint8Array(await body.arrayBuffer())
        this.#tell(this.upload, 'progress', { loaded: Math.floor(bytes.length / 2) })
        const { status } = await vault.fetch(this.#url, { method: 'PUT', body: bytes })
        this.status = status
        this.#tell(this.upload, 'progress', { loaded: bytes.length })
        this.#tell(this.#own, 'load', {})
      } catch {
        this.#tell(this.#own, 'error', {})
      }
    }
    #tell(to: ReturnType<typeof ears>, type: string, event: object): void {
      if (!this.#isOver) to.tell(type, event)
    }
  }
}

function ears() {
  const listeners: {
    readonly type: string
    readonly hear: (event: object) => void
    readonly signal?: AbortSignal
  }[] = []
  return {
    addEventListener(
      type: string,
      hear: (event: object) => void,
      { signal }: { signal?: AbortSignal } = {},
    ): void {
      listeners.push({ type, hear, ...(signal && { signal }) })
    },
    tell(type: string, event: object): void {
      for (const each of listeners) if (each.type === type && !each.signal?.aborted) each.hear(event)
    },
  }
}

interface Timer {
  readonly work: () => void
  /** In milliseconds of the frame's own time, which `pass` moves on. */
  readonly due: number
  readonly real: ReturnType<typeof setTimeout>
}

/** Waits of a frame. Short ones are its way of collecting what it tells; all of them can be cut short. */
function holdTimers() {
  const SHORT_MS = 200
  const pending = new Map<number, Timer & { readonly isShort: boolean }>()
  let ids = 0
  let passed = 0
  const clock = (): number => now() + passed

  const fire = (id: number): void => {
    const timer = pending.get(id)
    pending.delete(id)
    realClearTimeout(timer?.real)
    timer?.work()
  }
  return {
    set(work: () => void, ms = 0): number {
      const id = ++ids
      const real = realSetTimeout(() => fire(id), ms)
      real.unref?.()
      pending.set(id, { work, due: clock() + ms, real, isShort: ms <= SHORT_MS })
      return id
    },
    clear(id: number): void {
      realClearTimeout(pending.get(id)?.real)
      pending.delete(id)
    },
    flush(): void {
      for (const [id, { isShort }] of [...pending]) if (isShort) fire(id)
    },
    async pass(ms: number): Promise<void> {
      const end = clock() + ms
      for (;;) {
        await new Promise((resolve) => realSetTimeout(resolve, 5))
        const [next] = [...pending].sort(([, one], [, other]) => one.due - other.due)
        if (next === undefined || next[1].due > end) break
        passed += Math.max(0, next[1].due - clock())
        fire(next[0])
      }
      passed += Math.max(0, end - clock())
    },
  }
}
const now = performance.now.bind(performance)
