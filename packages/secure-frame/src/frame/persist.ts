import type { FrameFailure } from '@lunadefend/contract/frame-messages'
import { FrameError } from './failure.ts'

export interface Patience {
  readonly signal: AbortSignal
  /** It did not work, and will be tried again. */
  readonly waits: () => void
}

/** So many failures in a row are put up with while the machine says that it has a network: about a minute. */
const MOST_TRIES = 8
const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 15_000
/** A machine without a network is asked again now and then: not all of them tell when they have one. */
const OFFLINE_MS = 15_000

/** What another try may put right: a network that was lost, a session that could not be renewed, a URL that has expired. */
const PASSING: ReadonlySet<FrameFailure> = new Set([
  'tokenizer-unreachable',
  'store-unreachable',
  'store-refused',
  'timed-out',
  'no-session',
])

/** Does it until it works. Throws what will not pass, what does not pass, and the signal's reason. */
export async function persist<T>(work: () => Promise<T>, { signal, waits }: Patience): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work()
    } catch (error) {
      signal.throwIfAborted()
      const isPassing = error instanceof FrameError && PASSING.has(error.code)
      if (!isPassing || tries >= MOST_TRIES) throw error
      waits()
      if (!navigator.onLine) tries = 0
      await pause(
        navigator.onLine ? Math.min(FIRST_WAIT_MS * 2 ** (tries - 1), LONGEST_WAIT_MS) : OFFLINE_MS,
        signal,
      )
    }
  }
}

/** Until then, or until there is a network again. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const over = new AbortController()
  const timer = setTimeout(resolve, milliseconds)
  addEventListener('online', () => resolve(), { signal: over.signal })
  signal.addEventListener('abort', () => reject(signal.reason), { signal: over.signal })
  return promise.finally(() => {
    clearTimeout(timer)
    over.abort()
  })
}
