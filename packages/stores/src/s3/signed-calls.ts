import { hash } from 'node:crypto'
import { type Clock, PortFailure } from '@lunadefend/core'
import { canonicalQuery, encodePath, signHeaders } from '@lunadefend/core/sigv4'
import {
  BrokenCircuitError,
  ConsecutiveBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleWhen,
  retry,
  wrap,
} from 'cockatiel'
import type { Place } from './address.ts'
import type { CredentialKeeper } from './credentials.ts'
import { type HttpAnswer, type HttpRequest, NoAnswer, type Transport } from './transport.ts'
import { errorCodeOf, type S3ErrorCode } from './xml-answer.ts'

export interface S3Call {
  readonly method: Exclude<HttpRequest['method'], 'OPTIONS'>
  /** `''` = the bucket itself. */
  readonly objectKey: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /**
   * Whether the call means the same when it arrives twice. Only then it is tried again: after an answer that was lost
   * nobody knows whether it was done.
   */
  readonly repeatable: boolean
  /** The store works on it in proportion to the object's size. */
  readonly slow?: boolean
}

export interface S3Answer {
  readonly status: number
  /** What it says about its failure; `null` for a success, and for a code that nobody here knows. */
  readonly code: S3ErrorCode | null
  header(name: string): string | null
  readonly text: string
}

/** Signs, sends, tries again. Throws PortFailure when the store does not answer, or says that it cannot just now. */
export type Caller = (call: S3Call) => Promise<S3Answer>

export interface CallerOptions {
  readonly place: Place
  readonly region: string
  readonly clock: Clock
  readonly credentials: CredentialKeeper
  readonly transport: Transport
  /** Milliseconds for one call with all its tries. */
  readonly timeoutMs: number
}

/** Milliseconds for a copy, and for joining parts: S3 may take minutes over terabytes. */
const SLOW_MS = 600_000
/** How long credentials must hold for a request that is sent now. */
const IN_FLIGHT_MS = 30_000
const TRIES_AFTER_THE_FIRST = 2
/** After so many failures in a row the store is left alone for this many milliseconds, and then tried with one call. */
const BREAKER = { failures: 10, restMs: 1_000 } as const

export function openCaller(options: CallerOptions): Caller {
  const transient = handleWhen(isTransient)
  const breaker = circuitBreaker(transient, {
    breaker: new ConsecutiveBreaker(BREAKER.failures),
    halfOpenAfter: BREAKER.restMs,
  })
  // The delays are jittered, so that many processes do not come back at once.
  const backoff = new ExponentialBackoff({ initialDelay: 50, maxDelay: 1_000 })
  const again = wrap(retry(transient, { maxAttempts: TRIES_AFTER_THE_FIRST, backoff }), breaker)
  return async (call) => {
    const signal = AbortSignal.timeout(call.slow === true ? SLOW_MS : options.timeoutMs)
    const policy = call.repeatable ? again : breaker
    try {
      return await policy.execute(() => once(options, call, signal), signal)
    } catch (error) {
      throw explained(error, call, options.place)
    }
  }
}

async function once(options: CallerOptions, call: S3Call, signal: AbortSignal): Promise<S3Answer> {
  const { place, region, clock, transport } = options
  const { method, objectKey, query = {}, body = '', headers: named = {} } = call
  const path = place.pathOf(objectKey)
  const { host: _, ...headers } = signHeaders({
    method,
    endpoint: place.origin,
    path,
    query,
    headers: named,
    credentials: await options.credentials(IN_FLIGHT_MS),
    region,
    now: new Date(clock.now()),
    payloadHash: hash('sha256', body, 'hex'),
  })
  const encoded = canonicalQuery(Object.entries(query))
  const target = encodePath(path) + (encoded && `?${encoded}`)
  const answer = await transport.send({
    method,
    origin: place.origin,
    target,
    headers,
    body: body === '' ? null : body,
    signal,
  })
  if (BUSY.has(answer.status)) throw new Busy(answer.status)
  return understood(answer)
}

function understood({ status, header, body }: HttpAnswer): S3Answer {
  const text = body.toString('utf8')
  return { status, header, text, code: status < 300 ? null : errorCodeOf(text) }
}

/** S3 says 503 for "slow down", and 500 for "try again". */
const BUSY = new Set([429, 500, 502, 503, 504])

class Busy extends Error {
  readonly status: number
  constructor(status: number) {
    super()
    this.status = status
  }
}

/** A certificate that is wrong stays wrong. */
const LASTING = /CERT|SSL|TLS|SELF_SIGNED|UNABLE_TO|RES_EXCEEDED/

function isTransient(error: unknown): boolean {
  return error instanceof Busy || (error instanceof NoAnswer && !LASTING.test(error.code))
}

function explained(error: unknown, { method }: S3Call, { origin }: Place): unknown {
  if (error instanceof Busy)
    return new PortFailure('objects_busy', `It answered ${error.status} to ${method}.`)
  if (error instanceof BrokenCircuitError) {
    return new PortFailure(
      'objects_unreachable',
      'It failed many times in a row and is left alone for a moment.',
    )
  }
  if (!(error instanceof NoAnswer)) return error
  if (error.code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') {
    return new PortFailure('objects_refused', 'Its answer is longer than any of S3.')
  }
  return new PortFailure('objects_unreachable', `${method} ${origin}: ${error.code}.${wayOut(error.code)}`)
}

function wayOut(code: string): string {
  return LASTING.test(code) ? ' Its certificate is not trusted: check the endpoint and caFile.' : ''
}

const ADVICE: Partial<Record<S3ErrorCode, string>> = {
  AccessDenied: 'the credentials or the policy of the bucket do not allow it.',
  AuthorizationHeaderMalformed: 'the region is another one.',
  ExpiredToken: 'the credentials have expired.',
  InvalidAccessKeyId: 'it does not know the access key.',
  InvalidToken: 'it does not know the session token.',
  NoSuchBucket: 'there is no such bucket.',
  NotImplemented: 'it does not know this call.',
  PermanentRedirect: 'the bucket is in another region or at another endpoint.',
  RequestTimeTooSkewed: 'the clock of this machine is wrong.',
  SignatureDoesNotMatch: 'the secret access key is another one.',
}

/** An answer that says no. It holds a status and a code of the list above, and nothing else that the store sent. */
export function refusal({ method }: Pick<S3Call, 'method'>, answer: S3Answer): PortFailure {
  const advice = answer.code === null ? null : ADVICE[answer.code]
  const reason =
    advice ?? `check bucket, region and credentials${answer.code === null ? '' : ` (${answer.code})`}.`
  return new PortFailure('objects_refused', `It answered ${answer.status} to ${method}: ${reason}`)
}
