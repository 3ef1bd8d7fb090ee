import type { FrameMessage, HostMessage } from '@lunadefend/contract/frame-messages'
import { codeOf, FrameError } from './failure.ts'
import { awaitFonts } from './fonts.ts'
import { applyLook } from './style.ts'
import { overrideText } from './texts.ts'
import type { Settings, Widget } from './widget.ts'

export interface Desk {
  receive(message: HostMessage): void
  /** Wipes, and tells the page why. `false` when the frame is over, because somebody has typed into it. */
  leave(why: Leaving): boolean
}

/** Why what was here has nothing to do with what comes. */
type Leaving = 'session-changed' | 'logged-out'

export interface DeskNeeds {
  readonly widget: Widget
  readonly send: (message: FrameMessage) => void
  /** The page's answer to a request for an assertion; `null` is a refusal. */
  readonly settle: (id: number, assertion: string | null) => void
  /** There is a field now: a session is opened for it. */
  readonly begin: () => Promise<void>
  readonly logout: () => Promise<void>
  /** How long one request may take, in milliseconds. */
  readonly requestMs: number
}

/** Does what the page asks for, and answers each request once. */
export function obeyPage({ widget, send, settle, begin, logout, requestMs }: DeskNeeds): Desk {
  let isConfigured = false
  let isOver = false
  let changes = 0
  let left: Leaving = 'session-changed'
  /** The page has asked for it, and hears of it after the answer. */
  let isLoggingOut = false

  function leave(why: Leaving): boolean {
    changes += 1
    left = why
    isOver ||= widget.isTouched()
    widget.wipe(isOver)
    if (!isLoggingOut) send({ type: why })
    return !isOver
  }

  async function logOut(id: number): Promise<void> {
    isLoggingOut = true
    const done = inTime(logout(), requestMs).then((): FrameMessage => ({ type: 'ended', id }))
    send(await done.catch((error): FrameMessage => ({ type: 'failed', id, code: codeOf(error) })))
    isLoggingOut = false
    send({ type: 'logged-out' })
  }

  const changed = (): Promise<never> => Promise.reject(new FrameError(left))

  /** What was begun in one session is not answered in another. */
  async function answer(id: number, work: () => Promise<FrameMessage>): Promise<void> {
    const begun = changes
    const failed = (error: unknown): FrameMessage => ({ type: 'failed', id, code: codeOf(error) })
    const message = await (isOver ? changed() : inTime(work(), requestMs)).catch(failed)
    send(begun === changes ? message : await changed().catch(failed))
  }

  function configure(settings: Settings): void {
    if (isConfigured) return
    isConfigured = true
    widget.configure(settings)
    void begin()
  }

  const obey: { readonly [T in HostMessage['type']]: (message: Extract<HostMessage, { type: T }>) => void } =
    {
      configure: ({ type, ...settings }) => configure(settings),
      update: ({ type, ...presentation }) => widget.update(presentation),
      style({ type, ...style }) {
        widget.style(style)
        awaitFonts(style.fontFamily ?? '')
      },
      look: ({ type, state, ...style }) => applyLook(state, style),
      text: ({ key, text }) => overrideText(key, text),
      load: ({ id, tokenId }) =>
        void answer(id, async () => {
          await widget.load(tokenId)
          return { type: 'loaded', id }
        }),
      columns: ({ type, ...columns }) => widget.columns?.(columns),
      rows: ({ type, id, ...rows }) =>
        void answer(id, async () => {
          if (widget.rows === undefined) throw new FrameError('failed')
          await widget.rows(rows)
          return { type: 'loaded', id }
        }),
      tokenize: ({ id }) =>
        void answer(id, async () => {
          const made = await widget.tokenize()
          return typeof made === 'string'
            ? { type: 'tokenized', id, tokenId: made }
            : { type: 'tokens', id, tokenIds: made }
        }),
      logout: ({ id }) => void logOut(id),
      focus: () => whenFocused(() => widget.focus()),
      clear: () => widget.clear(),
      assertion: ({ id, assertion }) => settle(id, assertion),
      'assertion-failed': ({ id }) => settle(id, null),
    }

  return {
    receive(message) {
      if (isConfigured || EARLY.has(message.type))
        (obey[message.type] as (message: HostMessage) => void)(message)
      else if ('id' in message) send({ type: 'failed', id: message.id, code: 'failed' })
    },
    leave,
  }
}

/** What may come before the field is configured. Who only wants to log out needs no field, and no session. */
const EARLY: ReadonlySet<HostMessage['type']> = new Set([
  'text',
  'look',
  'configure',
  'logout',
  'assertion',
  'assertion-failed',
])

/** The page's word may overtake the focus itself, by this many milliseconds. */
const OVERTAKEN_MS = 1000

/** Where the user has gone on to another field meanwhile, he stays there: his next keys are meant for that one. */
function whenFocused(work: () => void): void {
  if (document.hasFocus()) work()
  else window.addEventListener('focus', work, { once: true, signal: AbortSignal.timeout(OVERTAKEN_MS) })
}

/** The work goes on when it is late, and what it has reached then serves the next request. */
function inTime<T>(work: Promise<T>, waitMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new FrameError('timed-out')), waitMs)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
