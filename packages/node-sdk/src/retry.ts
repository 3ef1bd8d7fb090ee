import { setTimeout as sleep } from 'node:timers/promises'
import { type ClientErrorCode, LunaDefendClientError } from './client-error.ts'

const TRIES = 5
/** Before the second try, in milliseconds; each time twice as long, and a random part of it. */
const FIRST_PAUSE_MS = 200

/** Neither side refused: the same request may succeed a moment later. */
const PASSING: ReadonlySet<ClientErrorCode> = new Set([
  'timed_out',
  'store_unreachable',
  'tokenizer_unreachable',
  'too_many_requests',
  'internal',
  'unavailable',
])

/** For what may be asked twice. Tries again after failures that pass; the last one is thrown. */
export async function withRetries<T>(work: () => Promise<T>, signal?: AbortSignal | undefined): Promise<T> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await work()
    } catch (error) {
      if (tried === TRIES || signal?.aborted || !isPassing(error)) throw error
      await pause(tried, signal)
    }
  }
}

/** Longer after each try. It ends early, without an error, when the signal is raised. */
export async function pause(tried: number, signal?: AbortSignal | undefined): Promise<void> {
  const longest = FIRST_PAUSE_MS * 2 ** (tried - 1)
  const milliseconds = longest * (0.5 + Math.random() / 2)
  await sleep(milliseconds, undefined, signal === undefined ? {} : { signal }).catch(() => {})
}

function isPassing(error: unknown): boolean {
  if (!(error instanceof LunaDefendClientError)) return false
  const { code, status = 0 } = error
  return (
    PASSING.has(code) || (code === 'store_refused' && (status >= 500 || status === 429 || status === 408))
  )
}
