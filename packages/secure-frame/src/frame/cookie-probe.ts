/** How the cookies of an application's sessions are made: for a Tokenizer on the app's own site, or on another. */
export type CookieKind = 'strict' | 'partitioned'

const ATTRIBUTES = {
  strict: 'SameSite=Strict',
  partitioned: 'SameSite=None; Partitioned',
} satisfies Record<CookieKind, string>

/**
 * Whether this browser keeps a cookie of this kind here. A cookie of the same kind is set, looked for and taken away; it
 * holds nothing, and its name is random, so that frames that look at the same time do not see one another's.
 */
export function keepsCookies(kind: CookieKind): boolean {
  const probe = `lunadefend_probe_${crypto.randomUUID()}=1`
  const set = (maxAge: number): void => {
    // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is asynchronous, and not in every browser
    document.cookie = `${probe}; Path=/; Max-Age=${maxAge}; Secure; ${ATTRIBUTES[kind]}`
  }
  try {
    set(10)
    return document.cookie.includes(probe)
  } catch {
    return false
  } finally {
    tryTo(() => set(0))
  }
}

function tryTo(work: () => void): void {
  try {
    work()
  } catch {
    // What could not be set need not be taken away.
  }
}
