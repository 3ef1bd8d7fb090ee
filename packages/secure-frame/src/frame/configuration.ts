import type { CookieKind } from './cookie-probe.ts'

/** What the Tokenizer wrote into the page for the frame. Nothing here comes from the page that shows the frame. */
export interface Configuration {
  readonly app: string
  readonly cookies: CookieKind
  readonly origins: readonly string[]
  readonly objectStoreOrigin: string
  /** What the component says, in one language, by key. */
  readonly texts: Readonly<Record<string, string>>
  readonly waits?: Partial<Waits>
}

/** How long the frame waits, in milliseconds. */
export interface Waits {
  /** For everything that one request of the page takes; less than the page itself waits. */
  readonly request: number
  /** For an answer of the Tokenizer, and for a download. */
  readonly call: number
  /** For an upload. */
  readonly upload: number
  /** For the page, which asks its own server for an assertion. */
  readonly assertion: number
  /** For another frame that opens a session at this moment. */
  readonly turn: number
  /** Before the second try of the first session; each further wait is twice as long. */
  readonly retry: number
}

export const WAITS: Waits = {
  request: 25_000,
  call: 10_000,
  upload: 20_000,
  assertion: 10_000,
  turn: 20_000,
  retry: 1000,
}

/** Throws when the page was not rendered by `renderFramePage`. */
export function readConfiguration(page: Document): Configuration {
  const element = page.querySelector<HTMLMetaElement>('meta[name="lunadefend"]')
  return JSON.parse(element?.content ?? '') as Configuration
}
