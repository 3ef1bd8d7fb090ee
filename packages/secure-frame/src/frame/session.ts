import { codeOf, FrameError } from './failure.ts'
import type { Session } from './handshake.ts'
import type { SiblingNeeds, Siblings } from './siblings.ts'
import { type Answer, callTokenizer } from './tokenizer.ts'

/** A session with less than this left is renewed before it is used, in milliseconds. */
const RENEW_BELOW_MS = 120_000
/** How long frames of this page that are known to have a session are waited for, in milliseconds. */
const ANSWER_WAIT_MS = 2000
/** The same where the session of all of them may have ended. */
const RENEWAL_WAIT_MS = 250
const LONGEST_RETRY_MS = 60_000

export interface SessionNeeds {
  /** The other frames of this page; they are handed the means to look at this one's session. */
  readonly meet: (mine: Pick<SiblingNeeds, 'current' | 'opened' | 'openedAnywhere'>) => Siblings
  readonly handshake: () => Promise<Session>
  /** Wipes, because another session takes the place of the one before. `false` when the frame may not go on with it. */
  readonly changed: () => boolean
  readonly callMs: number
  readonly retryMs: number
}

/** The frame's session with the Tokenizer. Only one that was opened in this page load counts, never a cookie found. */
export interface SessionKeeper {
  /** Opens the first session, again and again until there is one. */
  begin(): Promise<void>
  /**
   * A call in the user's name. Throws `session-changed`, and has wiped, when the session is another than before.
   * On a 401 there is one new handshake and one more try.
   */
  call(path: string, body: object): Promise<Answer>
}

export function keepSession(needs: SessionNeeds): SessionKeeper {
  let session: Session | null = null
  let isRefusing = false
  let attempt: Promise<Session> | null = null

  const siblings = needs.meet({
    current: () => (isRefusing ? null : session),
    opened: (next) => {
      if (next.expiresAt > (session?.expiresAt ?? 0)) take(next)
    },
    openedAnywhere: leave,
  })

  /** Somebody else has logged in, on whatever page: this session is over, and what it showed is not for his eyes. */
  function leave(sessionHash: string): void {
    if (isRefusing || session === null || session.sessionHash === sessionHash) return
    session = null
    isRefusing = !needs.changed()
  }

  /** `false`, and everything is wiped, when it is not the session that the values of this frame belong to. */
  function take(next: Session): boolean {
    if (isRefusing) return false
    const isOther = session !== null && session.sessionHash !== next.sessionHash
    if (isOther) isRefusing = !needs.changed()
    if (!isRefusing) session = next
    if (!isRefusing) void siblings.join()
    return !isOther
  }

  /** A session that is not the stale one: this frame's, another frame's, or a new one. */
  async function open(stale: Session | null): Promise<Session> {
    const begun = Date.now()
    return siblings.alone(async () => {
      const isWanted = (each: Session): boolean => each.id !== stale?.id && remaining(each) > RENEW_BELOW_MS
      if (session !== null && isWanted(session)) return session
      const shared = await siblings.ask(isWanted, stale === null ? ANSWER_WAIT_MS : RENEWAL_WAIT_MS)
      if (shared !== null) return shared
      const failure = siblings.failureSince(begun)
      if (failure !== null) throw new FrameError(failure)
      return handshake()
    })
  }

  async function handshake(): Promise<Session> {
    try {
      const opened = await needs.handshake()
      await siblings.join()
      siblings.tell(opened)
      return opened
    } catch (error) {
      siblings.tellFailure(codeOf(error))
      throw error
    }
  }

  async function renew(stale: Session | null): Promise<Session> {
    attempt ??= open(stale).finally(() => {
      attempt = null
    })
    const next = await attempt
    // What was begun in one session is not ended in another, even if the frame itself may go on with that one.
    const isOther = stale !== null && stale.sessionHash !== next.sessionHash
    if (!take(next) || isOther) throw new FrameError('session-changed')
    return next
  }

  /** Near its end a session is renewed; should that fail, what is left of it is still good. */
  async function current(): Promise<Session> {
    if (isRefusing) throw new FrameError('session-changed')
    const held = session
    if (held !== null && remaining(held) > RENEW_BELOW_MS) return held
    try {
      return await renew(held)
    } catch (error) {
      if (held === null || remaining(held) <= 0 || codeOf(error) === 'session-changed') throw error
      return held
    }
  }

  async function callIn({ sessionHash }: Session, path: string, body: object): Promise<Answer> {
    const answer = await callTokenizer(path, body, { waitMs: needs.callMs, sessionHash })
    // The answer belongs to somebody else's session: as if it had been refused.
    if (answer.sessionHash !== sessionHash) throw new FrameError('no-session')
    return answer
  }

  return {
    async begin() {
      for (let wait = needs.retryMs; session === null; wait = Math.min(2 * wait, LONGEST_RETRY_MS)) {
        await renew(null).catch(() => sleep(wait))
      }
    },

    async call(path, body) {
      const held = await current()
      try {
        return await callIn(held, path, body)
      } catch (error) {
        if (codeOf(error) !== 'no-session') throw error
        return callIn(await renew(held), path, body)
      }
    },
  }
}

function remaining({ expiresAt }: Session): number {
  return expiresAt - Date.now()
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
