import type { FrameFailure } from '@lunadefend/contract/frame-messages'
import type { Session } from './handshake.ts'
import { type TurnWord, takeTurns } from './turns.ts'

/**
 * What frames of one page load, of one application, tell each other. Only this origin can listen, and only inside of
 * the same top-level site. A session that is kept in memory goes through here with its credential, and nowhere else.
 */
type Word =
  | { readonly type: 'session'; readonly session: Session }
  | { readonly type: 'failed'; readonly code: FrameFailure }
  /** There is another frame to ask than before. */
  | { readonly type: 'speaking' }
  | TurnWord

/** Told to the one frame that answers, on a channel of its own, with the name of the channel that the answer is waited for on. */
interface Question {
  readonly answer: string
}

/** What frames of all pages of one application tell each other. */
type News = { readonly type: 'opened'; readonly sessionHash: string } | { readonly type: 'logged-out' }

/**
 * Where there are no locks: whoever opened the session answers for all; another frame does when nobody has within this time, in
 * milliseconds, and from then on. If all did, a page of 200 frames would hear 40,000 answers to each question.
 */
const STAND_IN_MS = { least: 40, most: 160 }

export interface Siblings {
  /** Runs the work while no other frame of the application runs its own. A signal ends the wait for it, not the work. */
  alone<T>(work: () => Promise<T>, enough: AbortSignal): Promise<T>
  /** A session that another frame of this page has and that is wanted; `null` when there is none, or none in time. */
  ask(wanted: (session: Session) => boolean, waitMs: number): Promise<Session | null>
  /** Lets the others see that there is somebody to ask. Settled when they can see it. */
  join(): Promise<void>
  /** There is no session here any more. */
  quit(): void
  /** Tells the others of a session that was just opened; and the frames of other pages, whose session it is. */
  tell(session: Session): void
  /** Tells the others that a handshake failed. */
  tellFailure(code: FrameFailure): void
  /** Tells the frames of all pages that the user has logged out. */
  tellLogout(): void
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
  /** A frame of any page has opened one with this hash: somebody has logged in. */
  readonly openedAnywhere: (sessionHash: string) => void
  /** The user has logged out, at a frame of any page. */
  readonly loggedOutAnywhere: () => void
}

export function meetSiblings(needs: SiblingNeeds): Siblings {
  const { app, page, turnMs, current, opened } = needs
  const room = `lunadefend/${app}/${page}`
  const channel = openChannel(room)
  const everybody = openChannel(`lunadefend/${app}`)
  const say = (word: Word): void => channel?.postMessage(word)
  const spread = (news: News): void => everybody?.postMessage(news)
  const ears = new Set<(word: Word) => void>()
  const turns = takeTurns({ app, room, turnMs, say, listen })
  /** The session that this frame answers for at once. */
  let speaksFor = ''
  let standIn: { readonly for: string; readonly timer: ReturnType<typeof setTimeout> } | null = null
  let questions: BroadcastChannel | null = null
  let failure: { readonly code: FrameFailure; readonly at: number } | null = null

  function hear(word: Word): void {
    const session = current()
    if (word.type === 'claim' && session !== null) answer(session)
    if (word.type === 'session' && word.session.id === standIn?.for) stopStandIn()
    if (word.type === 'failed') failure = { code: word.code, at: Date.now() }
    if (word.type === 'claim' || word.type === 'taken') turns.hear(word)
    if (word.type === 'session') opened(word.session)
    for (const ear of ears) ear(word)
  }

  function answer(session: Session): void {
    if (session.id === speaksFor) say({ type: 'session', session })
    else if (standIn === null) {
      const { least, most } = STAND_IN_MS
      const timer = setTimeout(step, least + Math.random() * (most - least))
      standIn = { for: session.id, timer }
    }
  }

  /** Nobody else has answered: it is this frame that does. */
  function step(): void {
    stopStandIn()
    const session = current()
    if (session === null) return
    speaksFor = session.id
    say({ type: 'session', session })
  }

  function stopStandIn(): void {
    clearTimeout(standIn?.timer)
    standIn = null
  }

  /** From now on it is this frame that is asked. */
  function speak(): void {
    questions ??= openChannel(`${room}/questions`)
    if (questions !== null) questions.onmessage = ({ data }: MessageEvent<Question>) => reply(data)
    say({ type: 'speaking' })
  }

  function reply({ answer }: Question): void {
    const session = current()
    if (session !== null) sayOn(answer, session)
  }

  /** Goes to nobody but the frame that asks: hundreds of frames may ask, one after the other. */
  async function question(wanted: (session: Session) => boolean, waitMs: number): Promise<Session | null> {
    const answer = `${room}/${crypto.randomUUID()}`
    const answers = openChannel(answer)
    if (answers === null) return null
    const heard = Promise.withResolvers<Session>()
    const take = (session: Session): void => {
      if (wanted(session)) heard.resolve(session)
    }
    const ask = (): void => sayOn(`${room}/questions`, { answer } satisfies Question)
    const ear = (word: Word): void => {
      if (word.type === 'speaking') ask()
      if (word.type === 'session') take(word.session)
    }
    answers.onmessage = ({ data }: MessageEvent<Session>) => take(data)
    ears.add(ear)
    ask()
    const { promise: late, resolve: end } = Promise.withResolvers<null>()
    const timer = setTimeout(end, waitMs, null)
    try {
      return await Promise.race([heard.promise, late])
    } finally {
      clearTimeout(timer)
      ears.delete(ear)
      answers.close()
    }
  }

  /** `null` when nothing was heard in time. */
  function wait<T>(take: (word: Word) => T | null, waitMs: number): Promise<T | null> {
    return new Promise((resolve) => {
      const end = (result: T | null): void => {
        clearTimeout(timer)
        ears.delete(ear)
        resolve(result)
      }
      const timer = setTimeout(() => end(null), waitMs)
      const ear = (word: Word): void => {
        const taken = take(word)
        if (taken !== null) end(taken)
      }
      ears.add(ear)
    })
  }

  async function listen(until: readonly string[], waitMs: number): Promise<boolean> {
    return (await wait(({ type }) => (until.includes(type) ? type : null), waitMs)) !== null
  }

  if (channel !== null) channel.onmessage = ({ data }: MessageEvent<Word>) => hear(data)
  if (everybody !== null) {
    everybody.onmessage = ({ data }: MessageEvent<News>) => {
      if (data.type === 'opened') needs.openedAnywhere(data.sessionHash)
      else needs.loggedOutAnywhere()
    }
  }

  return {
    alone: turns.alone,
    async ask(wanted, waitMs) {
      return (await turns.hasSpeaker()) ? question(wanted, waitMs) : null
    },
    join: () => turns.join(speak),
    quit() {
      questions?.close()
      questions = null
      turns.quit()
    },
    tell(session) {
      speaksFor = session.id
      say({ type: 'session', session })
      spread({ type: 'opened', sessionHash: session.sessionHash })
    },
    tellFailure: (code) => say({ type: 'failed', code }),
    tellLogout: () => spread({ type: 'logged-out' }),
    failureSince: (time) => (failure !== null && failure.at >= time ? failure.code : null),
  }
}

function sayOn(name: string, word: Session | Question): void {
  const channel = openChannel(name)
  channel?.postMessage(word)
  channel?.close()
}

/** Some browsers refuse it where they keep no cookies. Each frame is by itself then. */
function openChannel(name: string): BroadcastChannel | null {
  try {
    return new BroadcastChannel(name)
  } catch {
    return null
  }
}
