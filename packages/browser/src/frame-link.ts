import {
  type Component,
  type Connect,
  type FrameMessage,
  type HostMessage,
  parseFrameMessage,
} from '@lunadefend/contract/frame-messages'
import type { Locale } from '@lunadefend/contract/frame-texts'
import { LunaDefendError, type LunaDefendErrorCode } from './errors.ts'
import { watchLeaving } from './leaving.ts'
import { currentPageId, type LunaDefendPage } from './page.ts'

/** What a frame says that is no answer to a request. */
export type FrameNews = Extract<
  FrameMessage,
  { type: 'ready' | 'state' | 'submit' | 'session-changed' | 'logged-out' }
>
/** What a frame says to a request, but for `failed`, which becomes a rejection. */
export type FrameAnswer = Extract<FrameMessage, { type: 'loaded' | 'tokenized' | 'tokens' | 'ended' }>
type Request = Extract<HostMessage, { type: 'load' | 'rows' | 'tokenize' | 'logout' }>
type RequestOf<T extends Request> = T extends Request ? Omit<T, 'id'> : never

export interface FrameNeeds {
  readonly page: LunaDefendPage
  readonly component: Component
  readonly locale: Locale
  /** What a screen reader calls the frame. */
  readonly title: string
  /** What the frame may do besides, as the `allow` attribute of an iframe has it. @default nothing */
  readonly allow?: 'clipboard-write' | ''
  /** The first messages, asked for when the frame has been loaded. */
  readonly greeting: () => readonly HostMessage[]
  readonly onNews: (news: FrameNews) => void
  /** This page has logged the user out: nobody needs the frame any more. */
  readonly onLeave: () => void
  /** The frame never started, or it is gone. The link is closed by then; only a new one can help. */
  readonly onLost: (error: LunaDefendError) => void
  /** The app signed no session. The frame has been told; the request that needed it fails as well. */
  readonly onRefused: (code: LunaDefendErrorCode) => void
}

interface Waiting {
  readonly resolve: (answer: FrameAnswer) => void
  readonly reject: (error: LunaDefendError) => void
  readonly timer: ReturnType<typeof setTimeout>
}

/** So many requests in a row without any sign of life, and the frame counts as gone. */
const SILENCES = 2

const links = new Set<FrameLink>()

/** The frames of this page that have a session with this Tokenizer for this application. */
export function linksOf({ tokenizerOrigin, app }: LunaDefendPage): FrameLink[] {
  return [...links].filter(({ page }) => page.tokenizerOrigin === tokenizerOrigin && page.app === app)
}

/** One iframe element and the port to its frame. It starts when `iframe` is put into the document; it is never reused. */
export class FrameLink {
  readonly iframe: HTMLIFrameElement
  readonly #needs: FrameNeeds
  readonly #ended = new AbortController()
  readonly #ready = Promise.withResolvers<void>()
  readonly #startTimer: ReturnType<typeof setTimeout>
  readonly #waiting = new Map<number, Waiting>()
  #port: MessagePort | null = null
  #end: LunaDefendError | null = null
  #started = false
  #silences = 0
  #nextId = 1

  constructor(needs: FrameNeeds) {
    this.#needs = needs
    this.iframe = iframeFor(needs)
    this.iframe.addEventListener('load', () => this.#loaded(), { signal: this.#ended.signal })
    // Requests wait for it; when there is none, nobody needs to hear of it twice.
    this.#ready.promise.catch(() => {})
    this.#startTimer = setTimeout(() => this.#lose(), needs.page.timeoutMs)
    links.add(this)
    watchLeaving()
  }

  get page(): LunaDefendPage {
    return this.#needs.page
  }

  get component(): Component {
    return this.#needs.component
  }

  get started(): boolean {
    return this.#started
  }

  /** Settled when it has started, or never will. */
  get begun(): Promise<void> {
    return this.#ready.promise.catch(() => {})
  }

  get closed(): boolean {
    return this.#ended.signal.aborted
  }

  /** Goes nowhere before the frame is loaded: the greeting says it then. */
  send(message: HostMessage): void {
    this.#port?.postMessage(message)
  }

  /** @throws LunaDefendError the frame's own code, `timed-out`, or why the link ended */
  async request(message: RequestOf<Request>): Promise<FrameAnswer> {
    await this.#ready.promise
    if (this.#end !== null) throw this.#end
    const { promise, resolve, reject } = Promise.withResolvers<FrameAnswer>()
    const id = this.#nextId++
    const timer = setTimeout(() => this.#overdue(id), this.#needs.page.timeoutMs)
    this.#waiting.set(id, { resolve, reject, timer })
    this.send({ ...message, id } as Request)
    return promise
  }

  /** This page has logged the user out. */
  leave(): void {
    this.#needs.onLeave()
  }

  /** Ends it for good and takes the iframe out of the document. What is under way is rejected with this error. */
  close(error: LunaDefendError): void {
    if (this.closed) return
    links.delete(this)
    this.#end = error
    this.#ended.abort()
    clearTimeout(this.#startTimer)
    this.#ready.reject(error)
    for (const id of [...this.#waiting.keys()]) this.#settle(id)?.reject(error)
    this.#port?.close()
    this.iframe.remove()
  }

  #loaded(): void {
    // A second load is another document: the port went with the first.
    if (this.#port !== null) {
      this.#lose()
      return
    }
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    const { signal } = this.#ended
    port1.addEventListener('message', (event) => this.#receive(event.data), { signal })
    // Told when the other side is gone, a crash included (where the browser has this event).
    port1.addEventListener('close', () => this.#lose(), { signal })
    port1.start()
    const connect: Connect = { type: 'lunadefend.connect', page: currentPageId() }
    this.iframe.contentWindow?.postMessage(connect, this.#needs.page.tokenizerOrigin, [port2])
    for (const message of this.#needs.greeting()) port1.postMessage(message)
  }

  #receive(data: unknown): void {
    const message = parseFrameMessage(data)
    if (message === null || this.closed) return
    this.#silences = 0
    switch (message.type) {
      case 'ready':
        this.#start(message)
        break
      case 'state':
      case 'submit':
      case 'session-changed':
      case 'logged-out':
        this.#needs.onNews(message)
        break
      case 'need-assertion':
        void this.#assert(message.id, message.thumbprint, message.challenge)
        break
      case 'loaded':
      case 'tokenized':
      case 'tokens':
      case 'ended':
        this.#settle(message.id)?.resolve(message)
        break
      case 'failed':
        this.#settle(message.id)?.reject(new LunaDefendError(message.code))
    }
  }

  #start(news: FrameNews): void {
    if (this.#started) return
    this.#started = true
    clearTimeout(this.#startTimer)
    this.#ready.resolve()
    this.#needs.onNews(news)
  }

  async #assert(id: number, thumbprint: string, challenge: string): Promise<void> {
    try {
      const assertion = await this.#needs.page.assertion(thumbprint, challenge, this.#ended.signal)
      if (!this.closed) this.send({ type: 'assertion', id, assertion })
    } catch (thrown) {
      if (this.closed) return
      this.send({ type: 'assertion-failed', id })
      this.#needs.onRefused(thrown instanceof LunaDefendError ? thrown.code : 'session-endpoint')
    }
  }

  /** Takes a request off the list; `undefined` for an answer that nobody waits for (any more). */
  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    clearTimeout(waiting?.timer)
    return waiting
  }

  #overdue(id: number): void {
    this.#settle(id)?.reject(new LunaDefendError('timed-out'))
    this.#silences++
    if (this.#silences >= SILENCES) this.#lose()
  }

  #lose(): void {
    if (this.closed) return
    const error = new LunaDefendError(this.#started ? 'value-lost' : 'tokenizer-unreachable')
    this.close(error)
    this.#needs.onLost(error)
  }
}

function iframeFor(needs: FrameNeeds): HTMLIFrameElement {
  const iframe = document.createElement('iframe')
  iframe.title = needs.title
  // No allow-forms, -popups, -top-navigation; the origin is the Tokenizer's, so it stays foreign to the page.
  iframe.sandbox.add('allow-scripts', 'allow-same-origin')
  if (needs.component === 'download') iframe.sandbox.add('allow-downloads')
  // There is nothing in a picture to go to; Firefox would stop at its frame all the same, where nobody sees it.
  if (needs.component === 'image') iframe.tabIndex = -1
  iframe.allow = needs.allow ?? ''
  iframe.referrerPolicy = 'no-referrer'
  iframe.src = needs.page.frameUrl(needs.component, needs.locale)
  return iframe
}
