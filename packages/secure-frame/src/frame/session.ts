import { codeOf, FrameError } from './failure.ts'
import type { Keep, Session } from './handshake.ts'
import type { SiblingNeeds, Siblings } from './siblings.ts'
import { type Answer, type CallOptions, callTokenizer } from './tokenizer.ts'

/** A session with less than this left is renewed before it is used, in milliseconds. */
const RENEW_BELOW_MS = 120_000
/** How long frames of this page that are known to have a session are waited for, in milliseconds. */
const ANSWER_WAIT_MS = 2000
/** The same where the session of all of them may have ended. */
const RENEWAL_WAIT_MS = 250
const LONGEST_RETRY_MS = 60_000

export interface SessionNeeds {
  /** The other frames of this page; they are handed the means to look at this one's session. */
  readonly meet: (mine: Omit<SiblingNeeds, 'app' | 'page' | 'turnMs'>) => Siblings
  readonly handshake: (keep: Keep, held: CryptoKeyPair | null) => Promise<Session>
  /** Whether this browser seems to keep the cookie of a session here. */
  readonly keepsCookies: () => boolean
  /** Wipes, because another session takes the place of the one before. `false` when the frame may not go on with it. */
  readonly changed: () => boolean
  /** Wipes, because the user has logged out. `false` when the frame may not go on with any other session. */
  readonly loggedOut: () => boolean
  readonly callMs: number
  readonly retryMs: number
}

/** The frame's session with the Tokenizer. Only one that was opened in this page load counts, never a cookie found. */
export interface SessionKeeper {
  /** Opens the first session, again and again until there is one, or the user logs out. */
  begin(): Promise<void>
  /**
   * A call in the user's name. Throws `session-changed`, and has wiped, when the session is another than before.
   * On a 401 there is one new handshake and one more try: that is also how a session goes on whose user was asked to log
   * in again, and has. After a logout it opens a session, as the first call does.
   */
  call(path: string, body: object): Promise<Answer>
  /**
   * Ends the session, and tells every frame of the application in this browser, which all wipe and forget theirs. Throws
   * when the Tokenizer could not be told; all else is done by then.
   */
  logout(): Promise<void>
}

export function keepSession(needs: SessionNeeds): SessionKeeper {
  let session: Session | null = null
  /** Where the browser does not keep the cookie, which shows before the first handshake or after it. */
  let keep: Keep | null = null
  let keys: CryptoKeyPair | null = null
  /** Ids of the last session that this frame has opened, that has served a call, that was refused. */
  let ownId = ''
  let provenId = ''
  let refusedId = ''
  let isRefusing = false
  /** One more with each logout: what was begun before it opens no session any more. */
  let logouts = 0
  let attempt: Promise<Session> | null = null
  /** Told of each session that is taken. */
  const ears = new Set<(session: Session) => void>()

  const siblings = needs.meet({
    current: () => (isRefusing ? null : session),
    opened: (next) => {
      if (next.expiresAt > (session?.expiresAt ?? 0)) take(next)
    },
    openedAnywhere: leave,
    loggedOutAnywhere: () => {
      const held = forget()
      // A cookie is ended by the frame that told us. What another page holds in memory only that page can end.
      if (held !== null && held.accessToken !== null && held.id === ownId) void end(held).catch(() => {})
    },
  })

  /** Somebody else has logged in, on whatever page: this session is over, and what it showed is not for his eyes. */
  function leave(sessionHash: string): void {
    if (isRefusing || session === null || session.sessionHash === sessionHash) return
    session = null
    siblings.quit()
    isRefusing = !needs.changed()
  }

  /** The user has logged out: nothing is left here. What was the session is for ending it. */
  function forget(): Session | null {
    const held = session
    session = null
    siblings.quit()
    keys = null
    attempt = null
    logouts += 1
    if (!needs.loggedOut()) isRefusing = true
    return held
  }

  /** `false`, and everything is wiped, when it is not the session that the values of this frame belong to. */
  function take(next: Session): boolean {
    if (isRefusing) return false
    const isOther = session !== null && session.sessionHash !== next.sessionHash
    if (isOther) isRefusing = !needs.changed()
    if (!isRefusing) session = next
    for (const hear of ears) hear(next)
    if (isRefusing) siblings.quit()
    else void siblings.join()
    if (next.accessToken !== null) keep = 'memory'
    keys = next.keys
    return !isOther
  }

  /**
   * A session that is not the stale one: this frame's, another frame's, or a new one. Hundreds of frames may wait for their turn:
   * the first that has its turn asks, and all others hear the answer.
   */
  async function open(stale: Session | null): Promise<Session> {
    const isWanted = (each: Session): boolean => each.id !== stale?.id && remaining(each) > RENEW_BELOW_MS
    const heard = Promise.withResolvers<Session>()
    const hear = (each: Session): void => {
      if (isWanted(each)) heard.resolve(each)
    }
    ears.add(hear)
    const enough = new AbortController()
    try {
      return await Promise.race([heard.promise, openInTurn(stale, isWanted, enough.signal)])
    } finally {
      ears.delete(hear)
      enough.abort()
    }
  }

  function openInTurn(
    stale: Session | null,
    isWanted: (each: Session) => boolean,
    enough: AbortSignal,
  ): Promise<Session> {
    const begun = Date.now()
    return siblings.alone(async () => {
      if (session !== null && isWanted(session)) return session
      const shared = await siblings.ask(isWanted, stale === null ? ANSWER_WAIT_MS : RENEWAL_WAIT_MS)
      if (shared !== null) return shared
      const failure = siblings.failureSince(begun)
      if (failure !== null) throw new FrameError(failure)
      return handshake(stale)
    }, enough)
  }

  async function handshake(stale: Session | null): Promise<Session> {
    const begun = logouts
    try {
      const opened = await openSession(stale)
      if (begun !== logouts) {
        await end(opened)
        throw new FrameError('logged-out')
      }
      ownId = opened.id
      await siblings.join()
      siblings.tell(opened)
      return opened
    } catch (error) {
      siblings.tellFailure(codeOf(error))
      throw error
    }
  }

  /** A cookie that was refused before it ever served has perhaps not been kept: then the next one is looked after. */
  async function openSession(stale: Session | null): Promise<Session> {
    keep ??= needs.keepsCookies() ? 'cookie' : 'memory'
    const isDoubted = keep === 'cookie' && stale?.id === refusedId && refusedId !== provenId
    const opened = await needs.handshake(keep, keys)
    if (!isDoubted || (await isKept(opened))) return opened
    keep = 'memory'
    return needs.handshake(keep, opened.keys)
  }

  async function isKept(opened: Session): Promise<boolean> {
    try {
      await callTokenizer('/session', null, options(opened, 'GET'))
      return true
    } catch (error) {
      return codeOf(error) !== 'no-session'
    }
  }

  async function renew(stale: Session | null): Promise<Session> {
    const begun = logouts
    const opening = attempt ?? open(stale)
    attempt = opening
    try {
      const next = await opening
      if (begun !== logouts) throw new FrameError('logged-out')
      // What was begun in one session is not ended in another, even if the frame itself may go on with that one.
      const isOther = stale !== null && stale.sessionHash !== next.sessionHash
      if (!take(next) || isOther) throw new FrameError('session-changed')
      return next
    } finally {
      if (attempt === opening) attempt = null
    }
  }

  /** Near its end a session is renewed; should that fail, what is left of it is still good. */
  async function current(): Promise<Session> {
    if (isRefusing) throw new FrameError('session-changed')
    const held = session
    if (held !== null && remaining(held) > RENEW_BELOW_MS) return held
    try {
      return await renew(held)
    } catch (error) {
      const isOver = codeOf(error) === 'session-changed' || codeOf(error) === 'logged-out'
      if (held === null || remaining(held) <= 0 || isOver) throw error
      return held
    }
  }

  async function callIn(held: Session, path: string, body: object): Promise<Answer> {
    const answer = await callTokenizer(path, body, options(held, 'POST'))
    // The answer belongs to somebody else's session: as if it had been refused.
    if (answer.sessionHash !== held.sessionHash) throw new FrameError('no-session')
    provenId = held.id
    return answer
  }

  /** A session that is over already is ended. Without one it is whatever the browser's cookie stands for. */
  async function end(held: Session | null): Promise<void> {
    try {
      await callTokenizer('/session', null, options(held, 'DELETE'))
    } catch (error) {
      if (codeOf(error) !== 'no-session') throw error
    }
  }

  function options(held: Session | null, method: 'POST' | 'GET' | 'DELETE'): CallOptions {
    return { method, waitMs: needs.callMs, ...(held === null ? {} : { session: held }) }
  }

  return {
    async begin() {
      const begun = logouts
      for (let wait = needs.retryMs; session === null && begun === logouts; ) {
        await renew(null).catch(() => sleep(wait))
        wait = Math.min(2 * wait, LONGEST_RETRY_MS)
      }
    },

    async call(path, body) {
      const held = await current()
      try {
        return await callIn(held, path, body)
      } catch (error) {
        if (!OVER.has(codeOf(error))) throw error
        if (codeOf(error) === 'no-session') refusedId = held.id
        return callIn(await renew(held), path, body)
      }
    },

    async logout() {
      const shared = session ?? (await siblings.ask(() => true, RENEWAL_WAIT_MS))
      siblings.tellLogout()
      await end(forget() ?? shared)
    },
  }
}

/** What a new session may put right. */
const OVER: ReadonlySet<string> = new Set(['no-session', 'step-up-required'])

function remaining({ expiresAt }: Session): number {
  return expiresAt - Date.now()
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
