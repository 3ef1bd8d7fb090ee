import { LunaDefendClientError } from './client-error.ts'

/**
 * Atomically answers the thumbprint that the login of this request is pinned to: the given one, which it keeps, if there
 * was none yet; `null` when that login has ended meanwhile. `off` gives pinning up: script on the page can then take a
 * session to another machine.
 */
export type Pinning<Req> = ((req: Req, thumbprint: string) => Pinned | Promise<Pinned>) | 'off'

/** A thumbprint; `null` = there is no such login any more. */
export type Pinned = string | null

/** A session of express-session, or one that is like it. */
export interface KeptSession {
  readonly id: string
  /** Reads what the store has by now; the request has another session object afterwards. */
  reload(done: (error?: unknown) => void): unknown
  save(done: (error?: unknown) => void): unknown
}

const PINNED = 'lunadefendPinned'

/** What express-session says, with no code of its own, of a session that the store does not have any more. */
const GONE = 'failed to load session'

/**
 * Keeps the thumbprint in the application's own session. A new login, with a new session, pins anew. Requests of one
 * session take turns within this process; where several processes share the sessions, see docs/node.md.
 */
export function pinToSession<Req>(
  sessionOf: (req: Req) => KeptSession,
): (req: Req, thumbprint: string) => Promise<Pinned> {
  const turns = new Map<string, Promise<unknown>>()
  return async (req, thumbprint) => {
    const { id } = sessionOf(req)
    const before = turns.get(id) ?? Promise.resolve()
    const mine = before.catch(() => undefined).then(() => pin(sessionOf, req, thumbprint))
    turns.set(id, mine)
    try {
      return await mine
    } finally {
      if (turns.get(id) === mine) turns.delete(id)
    }
  }
}

async function pin<Req>(sessionOf: (req: Req) => KeptSession, req: Req, thumbprint: string): Promise<Pinned> {
  if (!(await isThere(sessionOf(req)))) return null
  const session = sessionOf(req) as KeptSession & { [PINNED]?: unknown }
  const pinned = session[PINNED]
  if (typeof pinned === 'string') return pinned
  session[PINNED] = thumbprint
  await finished((done) => session.save(done))
  return thumbprint
}

/** Reads it again. A store that fails is an error: nobody is told to log in because of it. */
async function isThere(session: KeptSession): Promise<boolean> {
  try {
    await finished((done) => session.reload(done))
    return true
  } catch (error) {
    if (error instanceof Error && error.message === GONE) return false
    throw error
  }
}

function finished(work: (done: (error?: unknown) => void) => unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    work((error) => (error === undefined || error === null ? resolve() : reject(error)))
  })
}

export function checkPinning<Req>(given: Pinning<Req>): Pinning<Req> {
  if (given === 'off' || typeof given === 'function') return given
  throw new LunaDefendClientError(
    'invalid_option',
    "`pinning` must be a function, such as pinToSession((req) => req.session), or 'off', which gives it up.",
  )
}
