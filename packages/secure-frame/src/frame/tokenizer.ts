import type { FrameFailure } from '@lunadefend/contract/frame-messages'
import { FrameError, reached } from './failure.ts'
import type { Session } from './handshake.ts'

/** An answer that succeeded. */
export interface Answer {
  readonly data: Readonly<Record<string, unknown>>
  readonly sessionHash: string | null
  /** The Tokenizer's clock minus this machine's, in milliseconds; people's clocks are often minutes off. */
  readonly clockOffset: number
}

/** How one call is made. */
export interface CallOptions {
  readonly waitMs: number
  /** @default 'POST' */
  readonly method?: 'POST' | 'GET' | 'DELETE'
  /** In whose name; nobody's without one. */
  readonly session?: Pick<Session, 'sessionHash' | 'accessToken'>
}

/**
 * One call of the Tokenizer. Whatever goes wrong is a `FrameError`: no connection, a late answer, a gateway's HTML page,
 * an envelope of failure. `no-session` stands for every 401 but
 * `step-up-required`.
 */
export async function callTokenizer(
  path: string,
  body: object | null,
  options: CallOptions,
): Promise<Answer> {
  const response = await send(path, body, options)
  const text = await reached(response.text(), 'tokenizer-unreachable')
  const envelope = parseObject(text)
  if (!response.ok || envelope?.['success'] !== true || !isObject(envelope['data']))
    throw new FrameError(failureOf(response.status, envelope))
  return {
    data: envelope['data'],
    sessionHash: response.headers.get('lunasec-session-hash'),
    clockOffset: (Date.parse(response.headers.get('date') ?? '') || Date.now()) - Date.now(),
  }
}

/**
 * A request of which the server says that it did not arrive in time (408, RFC 9110 §15.5.9) is sent once more: servers say so to a
 * connection that a busy machine has opened early and used late.
 */
async function send(path: string, body: object | null, options: CallOptions): Promise<Response> {
  const once = (): Promise<Response> => reached(fetch(path, request(body, options)), 'tokenizer-unreachable')
  const response = await once()
  return response.status === LATE ? once() : response
}
const LATE = 408

/**
 * The mode stays `cors`, its default: in `same-origin` mode a document with `no-referrer` sends `Origin: null`
 * (Fetch §3.2, append a request Origin header), and the Tokenizer takes its own origin only.
 */
function request(body: object | null, { waitMs, method = 'POST', session }: CallOptions): RequestInit {
  const accessToken = session?.accessToken ?? null
  return {
    method,
    headers: {
      accept: 'application/json',
      ...(body === null ? {} : { 'content-type': 'application/json' }),
      ...(session === undefined ? {} : { 'lunasec-session-hash': session.sessionHash }),
      ...(accessToken === null ? {} : { authorization: `Bearer ${accessToken}` }),
    },
    body: body === null ? null : JSON.stringify(body),
    // A credential that is held in memory stands for itself; a cookie that is found beside it is nobody's.
    credentials: accessToken === null ? 'same-origin' : 'omit',
    redirect: 'error',
    cache: 'no-store',
    signal: AbortSignal.timeout(waitMs),
  }
}

function failureOf(status: number, envelope: Readonly<Record<string, unknown>> | null): FrameFailure {
  const error = envelope?.['error']
  const code = isObject(error) ? error['code'] : null
  if (status === 401) return code === 'step_up_required' ? 'step-up-required' : 'no-session'
  // Bad gateway, unavailable, gateway time-out: the Tokenizer, or what it needs, does not answer.
  if ([LATE, 502, 503, 504].includes(status)) return 'tokenizer-unreachable'
  return REFUSALS.get(code) ?? 'failed'
}

/** The items of a batch: each an answer, or why there is none. Throws when they are not as many as were asked for. */
export function itemsOf({ data, ...about }: Answer, asked: number): (Answer | FrameFailure)[] {
  const results = data['results']
  if (!Array.isArray(results) || results.length !== asked) throw new FrameError('failed')
  return results.map((item: unknown) => {
    const envelope = isObject(item) ? item : null
    const own = envelope?.['success'] === true ? envelope['data'] : null
    return isObject(own) ? { ...about, data: own } : failureOf(0, envelope)
  })
}

const REFUSALS: ReadonlyMap<unknown, FrameFailure> = new Map([
  ['access_denied', 'access-denied'],
  ['masked', 'masked'],
])

function parseObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : null
  } catch {
    return null
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A field of an answer that must be a text. */
export function textOf(data: Readonly<Record<string, unknown>>, key: string): string {
  const value = data[key]
  if (typeof value !== 'string') throw new FrameError('failed')
  return value
}

/** A field of an answer that must be a number. */
export function numberOf(data: Readonly<Record<string, unknown>>, key: string): number {
  const value = data[key]
  if (typeof value !== 'number') throw new FrameError('failed')
  return value
}

/** A field of an answer that must be a map from names to texts. */
export function textsOf(data: Readonly<Record<string, unknown>>, key: string): Record<string, string> {
  const value = data[key]
  if (!isObject(value) || Object.values(value).some((each) => typeof each !== 'string'))
    throw new FrameError('failed')
  return value as Record<string, string>
}
