/** Something that this server really did or received, as it is shown beside the form. */
export type Happening =
  /** The body of a request, as it came in. */
  | { readonly kind: 'received'; readonly request: string; readonly body: unknown }
  /** A call to the Tokenizer, as it was made, and how it ended. */
  | { readonly kind: 'tokenizer'; readonly call: string; readonly sent: unknown; readonly result: string }
  /** A row of the database, read back after it was written. */
  | { readonly kind: 'stored'; readonly table: string; readonly row: unknown }
  /** The body of an answer, as it went out. */
  | { readonly kind: 'sent'; readonly request: string; readonly body: unknown }
  /** Somebody logged in, or a secure frame got its proof of login. */
  | { readonly kind: 'session'; readonly what: string }

export type Activity = Happening & { readonly id: number; readonly at: number }
type Listener = (activity: Activity) => void

/** What happened in each login, in memory only, and never anybody else's. */
export interface ActivityLog {
  add(login: string, happening: Happening): void
  /** Hands over what happened so far and what will. Returns how to stop that. */
  listen(login: string, listener: Listener): () => void
  /** The login has ended. */
  end(login: string): void
}

/** Kept of one login, and logins that are kept; the oldest go first. */
const KEPT = 60
const LOGINS = 500

interface Ring {
  readonly events: Activity[]
  readonly listeners: Set<Listener>
}

export function openActivityLog(now: () => number = Date.now): ActivityLog {
  const rings = new Map<string, Ring>()
  let count = 0
  const ringOf = (login: string): Ring => {
    const ring = rings.get(login) ?? { events: [], listeners: new Set() }
    rings.delete(login)
    rings.set(login, ring)
    const [oldest] = rings.keys()
    if (rings.size > LOGINS && oldest !== undefined) rings.delete(oldest)
    return ring
  }
  return {
    add(login, happening) {
      const { events, listeners } = ringOf(login)
      const activity = { ...happening, id: ++count, at: now() }
      events.push(activity)
      if (events.length > KEPT) events.shift()
      for (const listener of listeners) listener(activity)
    },
    listen(login, listener) {
      const { events, listeners } = ringOf(login)
      for (const event of events) listener(event)
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    end: (login) => void rings.delete(login),
  }
}
