import type { FrameFailure } from '@lunadefend/contract/frame-messages'
import { reached } from './failure.ts'
import type { Session } from './handshake.ts'

/** What frames of one page load, of one application, tell each other. Only this origin can listen. */
type Word =
  | { readonly type: 'ask' }
  | { readonly type: 'session'; readonly session: Session }
  | { readonly type: 'failed'; readonly code: FrameFailure }

export interface Siblings {
  /** Runs the work while no other frame of the application, of any page, runs its own. */
  alone<T>(work: () => Promise<T>): Promise<T>
  /** A session that another frame of this page has and that is wanted; `null` when there is none, or none in time. */
  ask(wanted: (session: Session) => boolean, waitMs: number): Promise<Session | null>
  /** Lets the others see that there is somebody to ask. Settled when they can see it. */
  join(): Promise<void>
  /** Tells the others of a session that was just opened; and the frames of other pages, whose session it is. */
  tell(session: Session): void
  /** Tells the others that a handshake failed. */
  tellFailure(code: FrameFailure): void
  /** The failure of another frame's handshake at or after this time (milliseconds since 1970), or `null`. */
  failureSince(time: number): FrameFailure | null
}

export interface SiblingNeeds {
  readonly app: string
  readonly page: string
  readonly turnMs: number
  /** The session to answer with. */
  readonly current: () => Session | null
  /** Another frame has opened this one. */
  readonly opened: (session: Session) => void
  /** A frame of any page has opened one with this hash. The cookie, which all of them share, is that session's now. */
  readonly openedAnywhere: (sessionHash: string) => void
}

export function meetSiblings(needs: SiblingNeeds): Siblings {
  const { app, page, turnMs, current, opened } = needs
  const room = `lunadefend/${app}/${page}`
  const channel = new BroadcastChannel(room)
  const everybody = new BroadcastChannel(`lunadefend/${app}`)
  const say = (word: Word): void => channel.postMessage(word)
  const askers = new Set<(session: Session) => void>()
  let failure: { readonly code: FrameFailure; readonly at: number } | null = null
  let joined: Promise<void> | undefined

  channel.onmessage = ({ data }: MessageEvent<Word>) => {
    const session = current()
    if (data.type === 'ask' && session !== null) say({ type: 'session', session })
    if (data.type === 'failed') failure = { code: data.code, at: Date.now() }
    if (data.type !== 'session') return
    for (const asker of askers) asker(data.session)
    opened(data.session)
  }

  everybody.onmessage = ({ data }: MessageEvent<string>) => needs.openedAnywhere(data)

  async function ask(wanted: (session: Session) => boolean, waitMs: number): Promise<Session | null> {
    if (!(await hasMember(room))) return null
    return new Promise((resolve) => {
      const timer = setTimeout(() => end(null), waitMs)
      const end = (session: Session | null): void => {
        clearTimeout(timer)
        askers.delete(asker)
        resolve(session)
      }
      const asker = (session: Session): void => {
        if (wanted(session)) end(session)
      }
      askers.add(asker)
      say({ type: 'ask' })
    })
  }

  return {
    alone(work) {
      const signal = AbortSignal.timeout(turnMs)
      return reached(navigator.locks.request(`lunadefend/${app}/session`, { signal }, work), 'no-session')
    },
    ask,
    join() {
      joined ??= joinRoom(room)
      return joined
    },
    tell(session) {
      say({ type: 'session', session })
      everybody.postMessage(session.sessionHash)
    },
    tellFailure: (code) => say({ type: 'failed', code }),
    failureSince: (time) => (failure !== null && failure.at >= time ? failure.code : null),
  }
}

/**
 * Every frame that has a session holds the page's lock, shared, for as long as it lives. So the first frame of a page
 * sees at once that there is nobody to ask. A page with such a lock is not kept for the back button: values that were
 * shown do not come back after a logout.
 */
function joinRoom(room: string): Promise<void> {
  return new Promise((resolve) => {
    void navigator.locks.request(room, { mode: 'shared' }, () => {
      resolve()
      return new Promise<never>(() => {})
    })
  })
}

async function hasMember(room: string): Promise<boolean> {
  const { held = [] } = await navigator.locks.query()
  return held.some((lock) => lock.name === room)
}
