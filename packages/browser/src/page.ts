import type { Component } from '@lunadefend/contract/frame-messages'
import { type Locale, localeFor, type OwnTexts } from '@lunadefend/contract/frame-texts'
import { LunaDefendError } from './errors.ts'
import type { Appearance } from './look.ts'
import { fetchAssertion } from './session-assertion.ts'
import { PAGE_WORDS, type PageWords, type ValidationMessages } from './words.ts'

export interface LunaDefendOptions {
  /** Where the Tokenizer is: an http(s) origin without a path, for example `https://tokenizer.example.com`. */
  readonly tokenizerUrl: string
  /** The id under which the Tokenizer knows this application. */
  readonly app: string
  /**
   * Where the app's server signs sessions (the router of `@lunadefend/node-sdk`): a path of the page's own origin.
   * @default '/.lunadefend/session'
   */
  readonly sessionPath?: string
  /**
   * How long a frame may take to start or to answer, in milliseconds. Longer than the frame's own time-outs, so that
   * it is the frame that says what failed.
   * @default 30000
   */
  readonly timeoutMs?: number
  /**
   * Language of what the components themselves say (BCP 47): English, German, Spanish, French and Arabic come along,
   * and for all others English. A change holds for frames that are loaded from then on.
   * @default the `lang` of the element or of what it stands in
   */
  readonly locale?: string | undefined
  /** How fields look where your CSS for the elements says nothing else: see docs/react.md. */
  readonly appearance?: Appearance | undefined
  /** Your own words for the validity bubble. @default those of the language */
  readonly messages?: Partial<ValidationMessages> | undefined
  /** Your own words for what the components say in their frames: by component, by key. Text, never HTML. */
  readonly texts?: OwnTexts | undefined
  /** Told of every failure, once. The element that it happened in also gets an `error` event. */
  readonly onError?: (error: LunaDefendError) => void
}

/** One page's connection with one Tokenizer. Making one has no effect outside of it, so it may be made anywhere. */
export class LunaDefendPage {
  readonly tokenizerOrigin: string
  readonly app: string
  readonly sessionPath: string
  readonly timeoutMs: number
  locale: string | undefined
  messages: Partial<ValidationMessages>
  texts: OwnTexts
  #appearance: Appearance | undefined
  readonly #onError: ((error: LunaDefendError) => void) | undefined

  /** @throws LunaDefendError `bad-configuration` */
  constructor(options: LunaDefendOptions) {
    this.tokenizerOrigin = originOf(options.tokenizerUrl)
    this.app = checked(options.app, (app) => /^[^\s/?#]{1,100}$/.test(app))
    this.sessionPath = checked(options.sessionPath ?? '/.lunadefend/session', isOwnPath)
    this.timeoutMs = options.timeoutMs ?? 30_000
    this.locale = options.locale
    this.messages = options.messages ?? {}
    this.texts = options.texts ?? {}
    this.#appearance = options.appearance
    this.#onError = options.onError
  }

  /** Elements take another one up at once. */
  get appearance(): Appearance | undefined {
    return this.#appearance
  }
  set appearance(appearance: Appearance | undefined) {
    // One that is made anew with each render of a page says the same.
    const isOther = JSON.stringify(appearance) !== JSON.stringify(this.#appearance)
    this.#appearance = appearance
    if (isOther) for (const watch of [...watching]) watch(this)
  }

  frameUrl(component: Component, locale: Locale): string {
    const language = locale === 'en' ? {} : { locale }
    return `${this.tokenizerOrigin}/frame?${new URLSearchParams({ app: this.app, component, ...language })}`
  }

  /** The language of what an element itself says. */
  localeOf(host: Element): Locale {
    return localeFor(this.locale ?? host.closest('[lang]')?.getAttribute('lang') ?? '')
  }

  /** What is said on the page's side. */
  wordsFor(host: Element): PageWords {
    return { ...PAGE_WORDS[this.localeOf(host)], ...this.messages }
  }

  /** Hands a failure to the application. An error in its handler is the application's and breaks nothing here. */
  report(error: LunaDefendError): void {
    // On its own: functions of the browser, `reportError` among them, are no methods of this object.
    const onError = this.#onError
    try {
      onError?.(error)
    } catch (thrown) {
      reportError(thrown)
    }
  }

  /** What the app's server signs for this browser's key. @throws LunaDefendError */
  assertion(thumbprint: string, challenge: string, ended: AbortSignal): Promise<string> {
    const signal = AbortSignal.any([ended, AbortSignal.timeout(this.timeoutMs)])
    return fetchAssertion(this.sessionPath, { thumbprint, challenge }, signal)
  }
}

const watching = new Set<(page: LunaDefendPage) => void>()

/** Calls back when a connection gets another `appearance`, until the signal comes. */
export function watchAppearance(watch: (page: LunaDefendPage) => void, signal: AbortSignal): void {
  watching.add(watch)
  signal.addEventListener('abort', () => watching.delete(watch), { once: true })
}

let pageId = ''

/** A random name of this page load, 32 hex digits: frames of one page load share one session through it. */
export function currentPageId(): string {
  if (pageId === '') {
    const bytes = crypto.getRandomValues(new Uint8Array(16))
    pageId = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  }
  return pageId
}

let defaultPage: LunaDefendPage | null = null
const waiting = new Set<() => void>()

/** Sets the connection that elements use which were given none of their own. @throws LunaDefendError */
export function configure(options: LunaDefendOptions): LunaDefendPage {
  defaultPage = new LunaDefendPage(options)
  const started = [...waiting]
  waiting.clear()
  for (const start of started) start()
  return defaultPage
}

/** `null` before `configure`. */
export function configuredPage(): LunaDefendPage | null {
  return defaultPage
}

/** Calls back when `configure` is called, unless the signal comes first. */
export function whenConfigured(start: () => void, signal: AbortSignal): void {
  waiting.add(start)
  signal.addEventListener('abort', () => waiting.delete(start), { once: true })
}

function checked(text: string, fits: (text: string) => boolean): string {
  if (typeof text !== 'string' || !fits(text)) throw new LunaDefendError('bad-configuration')
  return text
}

function originOf(address: string): string {
  const url = URL.canParse(address) ? new URL(address) : null
  const bare =
    url !== null && url.pathname === '/' && url.search === '' && url.hash === '' && url.username === ''
  if (!bare || !/^https?:$/.test(url.protocol)) throw new LunaDefendError('bad-configuration')
  return url.origin
}

/** Not `//host`, nor `/\host`, which browsers read as the same. */
function isOwnPath(path: string): boolean {
  const elsewhere = 'https://own.invalid'
  return (
    path.startsWith('/') && URL.canParse(path, elsewhere) && new URL(path, elsewhere).origin === elsewhere
  )
}
