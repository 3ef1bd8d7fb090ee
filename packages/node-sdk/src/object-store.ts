import { LunaDefendClientError } from './client-error.ts'
import { asMembers, type Members } from './envelope.ts'
import { exchange, type OpenAnswer, openExchange } from './http-exchange.ts'
import type { Settings } from './settings.ts'

type Bytes = Uint8Array<ArrayBuffer>

/** One request that the Tokenizer has signed: whoever has it may make it, for some minutes. */
export interface Presigned {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

/** An S3 error is short. */
const MAX_REFUSAL_BYTES = 64 * 1024
/** What the HTTP client sets itself; a browser sets the same two. */
const SET_BY_CLIENT = new Set(['host', 'content-length'])
/** An upload may be this slow, in bytes a millisecond (128 KiB a second), beyond what one request may take. */
const LEAST_RATE = 131
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1

/** `null` when the answer does not hold one. */
export function readPresigned(data: Members, urlKey: string, headersKey = 'headers'): Presigned | null {
  const url = data[urlKey]
  const headers = asMembers(data[headersKey])
  if (typeof url !== 'string' || !URL.canParse(url) || headers === null) return null
  if (Object.values(headers).some((value) => typeof value !== 'string')) return null
  return { url, headers: headers as Record<string, string> }
}

/** Whether the store encrypts what this request carries. SSE-C: the key is among the headers. */
export function isEncryptedByStore({ headers }: Presigned): boolean {
  return Object.keys(headers).some(
    (name) => name.toLowerCase() === 'x-amz-server-side-encryption-customer-key',
  )
}

/** Bytes, or a stream of so many. */
export type Content = Bytes | { readonly stream: ReadableStream<Uint8Array>; readonly length: number }

/**
 * Uploads an object. Only 200 is success: 412 means that something is there already, and that it is not known whose.
 * A stream that fails fails it with its own error.
 */
export async function putObject(
  settings: Settings,
  presigned: Presigned,
  content: Content,
  signal?: AbortSignal | undefined,
): Promise<void> {
  const request = requestOf(settings, presigned, 'PUT')
  const answer = await exchange({
    ...request,
    ...('stream' in content
      ? // S3 takes no body whose length it is not told.
        { headers: { ...request.headers, 'content-length': String(content.length) }, body: content.stream }
      : { body: content }),
    timeoutMs: uploadTimeout(settings, content.length),
    maxAnswerBytes: MAX_REFUSAL_BYTES,
    tooLarge: 'unexpected_answer',
    signal,
  })
  if (answer.status !== 200) throw refusal(answer.status, answer.bytes)
}

/** The object, or with 206 a part of it. Throws `value_too_large` as soon as it is. */
export async function getObject(
  settings: Settings,
  presigned: Presigned,
  maxAnswerBytes: number,
  expected: 200 | 206 = 200,
): Promise<Uint8Array> {
  const { status, bytes } = await exchange({
    ...requestOf(settings, presigned, 'GET'),
    timeoutMs: settings.timeoutMs,
    maxAnswerBytes,
    tooLarge: 'value_too_large',
  })
  if (status !== expected) throw refusal(status, bytes)
  return bytes
}

interface Download {
  readonly body: ReadableStream<Uint8Array>
  /** In bytes; `null` when the store did not say. */
  readonly length: number | null
}

/** An object on its way. */
export async function openObject(settings: Settings, presigned: Presigned): Promise<Download> {
  const request = requestOf(settings, presigned, 'GET')
  // A length must be that of the bytes which arrive here.
  const headers = { ...request.headers, 'accept-encoding': 'identity' }
  const answer = await openExchange({ ...request, headers, timeoutMs: settings.timeoutMs })
  if (answer.status !== 200) throw refusal(answer.status, await beginningOf(answer))
  const length = Number(answer.headers.get('content-length') ?? Number.NaN)
  return { body: answer.body, length: Number.isSafeInteger(length) ? length : null }
}

async function beginningOf({ body }: OpenAnswer): Promise<Uint8Array> {
  for await (const chunk of body) return chunk
  return new Uint8Array(0)
}

function requestOf(settings: Settings, { url, headers }: Presigned, method: 'GET' | 'PUT') {
  requireSafe(settings, url)
  const sent = Object.entries(headers).filter(([name]) => !SET_BY_CLIENT.has(name.toLowerCase()))
  return { url, method, headers: Object.fromEntries(sent), unreachable: 'store_unreachable' } as const
}

function uploadTimeout({ timeoutMs }: Settings, length: number): number {
  return Math.min(LONGEST_TIMEOUT_MS, timeoutMs + Math.floor(length / LEAST_RATE))
}

/** The request carries the key and the value: in clear only where the Tokenizer itself is on this machine. */
function requireSafe({ tokenizerUrl }: Settings, url: string): void {
  const { protocol } = new URL(url)
  if (protocol === 'https:' || (protocol === 'http:' && tokenizerUrl.startsWith('http:'))) return
  throw new LunaDefendClientError('unexpected_answer', 'The URL of the object store is not https.')
}

function refusal(status: number, bytes: Uint8Array): LunaDefendClientError {
  const code = /<Code>([A-Za-z]{1,64})<\/Code>/.exec(new TextDecoder().decode(bytes.subarray(0, 4096)))?.[1]
  // So S3 says that the body came too slowly.
  if (code === 'RequestTimeout') return new LunaDefendClientError('timed_out', undefined, { status })
  return new LunaDefendClientError('store_refused', code === undefined ? undefined : `(${code})`, { status })
}
