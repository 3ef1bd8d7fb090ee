import { LunaDefendClientError } from './client-error.ts'

/** One HTTP request: where to, within how many milliseconds, and how many bytes of answer are taken. */
export interface Exchange {
  readonly url: string
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array<ArrayBuffer>
  readonly timeoutMs: number
  readonly maxAnswerBytes: number
  readonly unreachable: 'tokenizer_unreachable' | 'store_unreachable'
  readonly tooLarge: 'unexpected_answer' | 'value_too_large'
}

/** A complete answer. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly bytes: Uint8Array
}

/** Sends and reads it all. A redirect is an answer like any other: nothing is sent on to where it points. */
export async function exchange(request: Exchange): Promise<Answer> {
  const signal = AbortSignal.timeout(request.timeoutMs)
  try {
    const { url, method, headers, body } = request
    const response = await fetch(url, { method, headers, body: body ?? null, redirect: 'manual', signal })
    return { status: response.status, headers: response.headers, bytes: await readBody(response, request) }
  } catch (error) {
    if (error instanceof LunaDefendClientError) throw error
    if (signal.aborted) throw new LunaDefendClientError('timed_out', `It is ${request.timeoutMs} ms.`)
    throw new LunaDefendClientError(request.unreachable, systemCode(error))
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

/** Such as ECONNREFUSED. Nothing else of the error goes on: it may hold what was sent. */
function systemCode(error: unknown): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined
  const code: unknown = cause instanceof Error && 'code' in cause ? cause.code : undefined
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,40}$/.test(code) ? `(${code})` : undefined
}
