import { LunaDefendClientError } from './client-error.ts'
import { pullStream } from './pull-stream.ts'

type Bytes = Uint8Array<ArrayBuffer>

/** One HTTP request: where to, and within how many milliseconds. */
export interface Request {
  readonly url: string
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly headers: Readonly<Record<string, string>>
  /** A stream is sent once, and needs a `content-length` among the headers: it is exactly that long, or an error. */
  readonly body?: string | Bytes | ReadableStream<Uint8Array>
  readonly timeoutMs: number
  readonly unreachable: 'tokenizer_unreachable' | 'store_unreachable'
  /** The caller's: gives the request up, with `aborted`. */
  readonly signal?: AbortSignal | undefined
}

/** A request whose answer is read whole, up to so many bytes. */
export interface Exchange extends Request {
  readonly maxAnswerBytes: number
  readonly tooLarge: 'unexpected_answer' | 'value_too_large'
}

/** A complete answer. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly bytes: Uint8Array
}

/** An answer whose body is still to come. */
export interface OpenAnswer {
  readonly status: number
  readonly headers: Headers
  /** Cancelling it ends the request. It fails with a `LunaDefendClientError`, also when it ends too early. */
  readonly body: ReadableStream<Uint8Array>
}

/** Sends and reads it all. A redirect is an answer like any other: nothing is sent on to where it points. */
export async function exchange(request: Exchange): Promise<Answer> {
  const limit = AbortSignal.timeout(request.timeoutMs)
  try {
    const response = await send(request, limit)
    return { status: response.status, headers: response.headers, bytes: await readBody(response, request) }
  } catch (error) {
    throw explain(error, request, limit)
  }
}

/** Sends, and leaves the body to the caller. Here the time-out is for the head, and then for each wait for more. */
export async function openExchange(request: Request): Promise<OpenAnswer> {
  const dog = watchdog(request.timeoutMs)
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    dog.start()
    try {
      return await work()
    } catch (error) {
      throw explain(error, request, dog.signal)
    } finally {
      dog.stop()
    }
  }
  const { status, headers, body } = await guarded(() => send(request, dog.signal))
  const reader = body?.getReader()
  const read = () => guarded(async () => (await reader?.read())?.value)
  return { status, headers, body: pullStream(read, (reason) => reader?.cancel(reason)) }
}

function send({ url, method, headers, body, signal }: Request, limit: AbortSignal): Promise<Response> {
  const either = signal === undefined ? limit : AbortSignal.any([limit, signal])
  const init = { method, headers, body: body ?? null, redirect: 'manual', signal: either } as const
  return fetch(url, body instanceof ReadableStream ? { ...init, duplex: 'half' } : init)
}

/** Barks when it was not stopped in time; it may be started again. */
function watchdog(timeoutMs: number) {
  const controller = new AbortController()
  let timer: NodeJS.Timeout | undefined
  return {
    signal: controller.signal,
    start() {
      timer = setTimeout(() => controller.abort(), timeoutMs)
    },
    stop() {
      clearTimeout(timer)
    },
  }
}

async function readBody(response: Response, request: Exchange): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength
    if (size > request.maxAnswerBytes) {
      throw new LunaDefendClientError(request.tooLarge, `The limit is ${request.maxAnswerBytes} bytes.`, {
        status: response.status,
      })
    }
    chunks.push(chunk)
  }
  return join(chunks, size)
}

function join(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size)
  let offset = 0
  for (const chunk of chunks) {
    whole.set(chunk, offset)
    offset += chunk.byteLength
  }
  return whole
}

function explain(error: unknown, request: Request, limit: AbortSignal): LunaDefendClientError {
  const cause = error instanceof Error ? error.cause : undefined
  // A body that cannot be read fails the request that sends it.
  for (const known of [error, cause]) if (known instanceof LunaDefendClientError) return known
  if (request.signal?.aborted) return new LunaDefendClientError('aborted')
  if (limit.aborted) return new LunaDefendClientError('timed_out', `It is ${request.timeoutMs} ms.`)
  return new LunaDefendClientError(request.unreachable, systemCode(cause))
}

/** Such as ECONNREFUSED. Nothing else of the error goes on: it may hold what was sent. */
function systemCode(cause: unknown): string | undefined {
  const code: unknown = cause instanceof Error && 'code' in cause ? cause.code : undefined
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,40}$/.test(code) ? `(${code})` : undefined
}
