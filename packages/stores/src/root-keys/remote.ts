import { deriveKid, PortFailure, type PortFailureCode } from '@lunadefend/core'
import {
  bulkhead,
  ConsecutiveBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleWhen,
  isBrokenCircuitError,
  isBulkheadRejectedError,
  isTaskCancelledError,
  retry,
  TimeoutStrategy,
  timeout,
} from 'cockatiel'
import { expectKid, LIMITS, type Limits, type RootKey, type RootKeySurroundings } from './root-key.ts'

/** What holds a key elsewhere. */
export interface Holder extends AsyncDisposable {
  /** For messages: which key it is, and nothing that is secret. */
  readonly where: string
  /** One attempt, given up when the signal says so. Throws PortFailure. */
  ask(input: Uint8Array, signal: AbortSignal): Promise<Uint8Array>
}

/** HMAC-SHA-256 gives 32 bytes; half of them are not half of an answer. */
const MAC_BYTES = 32

const MAY_PASS: readonly PortFailureCode[] = [
  'root_key_unreachable',
  'root_key_garbled',
  'root_key_throttled',
]
const IS_ILL: readonly PortFailureCode[] = ['root_key_unreachable', 'root_key_garbled']

/** One question that is asked at start and never again, with the same patience. */
export function askOnce<T>(
  where: string,
  question: Attempt<T>,
  surroundings: RootKeySurroundings,
): Promise<T> {
  return guard(where, { ...LIMITS, ...surroundings.limits })(question)
}

/**
 * A key that is asked for each output over a network or a bus: with a time limit, a few retries with jitter, a circuit
 * breaker and bounded concurrency. No output is kept.
 *
 * After a failure nobody knows to whom the connection leads now, so the kid is derived again before the next output.
 */
export async function openRemote(
  holder: Holder,
  { kid: expected }: { readonly kid?: string },
  surroundings: RootKeySurroundings,
): Promise<RootKey> {
  const { where } = holder
  let failures = 0
  let verifiedAfter = 0
  const guarded = guard(where, { ...LIMITS, ...surroundings.limits }, () => {
    failures += 1
  })
  const kid = await guarded((signal) => deriveKid((input) => whole(holder, input, signal)))
  expectKid(expected, kid, where)
  const verify = async (signal: AbortSignal) => {
    const before = failures
    expectKid(kid, await deriveKid((input) => whole(holder, input, signal)), where)
    verifiedAfter = Math.max(verifiedAfter, before)
  }
  const mac = (input: Uint8Array) =>
    guarded(async (signal) => {
      if (verifiedAfter < failures) await verify(signal)
      return whole(holder, input, signal)
    })
  return { kid, mac, [Symbol.asyncDispose]: () => holder[Symbol.asyncDispose]() }
}

async function whole(holder: Holder, input: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
  const mac = await holder.ask(input, signal)
  if (mac.length === MAC_BYTES) return mac
  throw new PortFailure('root_key_garbled', `${holder.where}: ${mac.length} bytes instead of ${MAC_BYTES}.`)
}

type Attempt<T> = (signal: AbortSignal) => Promise<T>

/** `failed` is called at once when an attempt is over and has not succeeded, also when it was given up. */
function guard(
  where: string,
  limits: Limits,
  failed: () => void = () => {},
): <T>(attempt: Attempt<T>) => Promise<T> {
  const turns = bulkhead(limits.concurrency, limits.waiting)
  const again = retry(handleWhen(isOneOf(MAY_PASS)), {
    maxAttempts: limits.attempts - 1,
    backoff: new ExponentialBackoff({ initialDelay: limits.firstWaitMs, maxDelay: limits.firstWaitMs * 10 }),
  })
  const breaker = circuitBreaker(handleWhen(isOneOf(IS_ILL)), {
    halfOpenAfter: limits.openMs,
    breaker: new ConsecutiveBreaker(limits.failuresToOpen),
  })
  const limit = timeout(limits.attemptMs, TimeoutStrategy.Aggressive)
  const timed = <T>(attempt: Attempt<T>) =>
    limit
      .execute(({ signal }) => attempt(signal))
      .catch((error) => {
        failed()
        return rethrow(where, error)
      })
  return (attempt) =>
    turns
      .execute(() => again.execute(() => breaker.execute(() => timed(attempt))))
      .catch((error) => rethrow(where, error))
}

function isOneOf(codes: readonly PortFailureCode[]): (error: unknown) => boolean {
  return (error) => error instanceof PortFailure && codes.includes(error.code)
}

/** Throws what the guards say as what it means. */
function rethrow(where: string, error: unknown): never {
  if (isTaskCancelledError(error)) throw new PortFailure('root_key_unreachable', `${where}: time is up.`)
  if (isBrokenCircuitError(error)) {
    throw new PortFailure('root_key_unreachable', `${where} failed often and is left alone for a moment.`)
  }
  if (isBulkheadRejectedError(error)) {
    throw new PortFailure('root_key_unreachable', `${where}: too many calls wait for it.`)
  }
  throw error
}
