import type { FrameMessage, HostMessage } from '@lunadefend/contract/frame-messages'
import { codeOf, FrameError } from './failure.ts'
import type { Settings, Widget } from './widget.ts'

export interface Desk {
  receive(message: HostMessage): void
  /** Wipes, and tells the page. `false` when the frame is over, because somebody has typed into it. */
  changeSession(): boolean
}

export interface DeskNeeds {
  readonly widget: Widget
  readonly send: (message: FrameMessage) => void
  /** The page's answer to a request for an assertion; `null` is a refusal. */
  readonly settle: (id: number, assertion: string | null) => void
  /** How long one request may take, in milliseconds. */
  readonly requestMs: number
}

/** Does what the page asks for, and answers each request once. */
export function obeyPage({ widget, send, settle, requestMs }: DeskNeeds): Desk {
  let isConfigured = false
  let isOver = false
  let changes = 0

  function changeSession(): boolean {
    changes += 1
    isOver ||= widget.isTouched()
    widget.wipe(isOver)
    send({ type: 'session-changed' })
    return !isOver
  }

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
  }

  const obey: { readonly [T in HostMessage['type']]: (message: Extract<HostMessage, { type: T }>) => void } =
    {
      configure: ({ type, ...settings }) => configure(settings),
      update: ({ type, ...presentation }) => widget.update(presentation),
      style: ({ type, ...style }) => widget.style(style),
      load: ({ id, tokenId }) =>
        void answer(id, async () => {
          await widget.load(tokenId)
          return { type: 'loaded', id }
        }),
      tokenize: ({ id }) =>
        void answer(id, async () => ({ type: 'tokenized', id, tokenId: await widget.tokenize() })),
      focus: () => widget.focus(),
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
    changeSession,
  }
}

/** What may come before the field is configured; a session begins at once. */
const EARLY: ReadonlySet<HostMessage['type']> = new Set(['configure', 'assertion', 'assertion-failed'])

/** The work goes on when it is late, and what it has reached then serves the next request. */
function inTime<T>(work: Promise<T>, waitMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new FrameError('timed-out')), waitMs)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

function changed(): Promise<never> {
  return Promise.reject(new FrameError('session-changed'))
}
