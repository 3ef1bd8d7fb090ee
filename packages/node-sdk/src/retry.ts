import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ClientErrorCode, LunaDefendClientError } from './client-error.ts'

const TRIES = 5
/** Of a call that somebody waits for, with the page of the app. */
const KEYED_TRIES = 3
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
  'idempotency_key_in_use',
])

/** For what has its effect once, whatever is asked again: with one idempotency key over all tries. */
export function withKey<T>(work: (idempotencyKey: string) => Promise<T>): Promise<T> {
  // As a string of RFC 9651, section 3.3.3.
  const key = `"${randomUUID()}"`
  return tryAgain(() => work(key), KEYED_TRIES, isLost)
}

/** Not after a time-out, for the caller has waited as long as they said; nor over a limit, which is not met by more. */
function isLost(error: unknown): boolean {
  return isPassing(error) && !PATIENT.has((error as LunaDefendClientError).code)
}

const PATIENT: ReadonlySet<ClientErrorCode> = new Set(['timed_out', 'too_many_requests'])

/** For what may be asked twice. Tries again after failures that pass; the last one is thrown. */
export function withRetries<T>(work: () => Promise<T>, signal?: AbortSignal | undefined): Promise<T> {
  return tryAgain(work, TRIES, isPassing, signal)
}

async function tryAgain<T>(
  work: () => Promise<T>,
  tries: number,
  isWorthIt: (error: unknown) => boolean,
  signal?: AbortSignal | undefined,
): Promise<T> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await work()
    } catch (error) {
      if (tried === tries || signal?.aborted || !isWorthIt(error)) throw error
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
