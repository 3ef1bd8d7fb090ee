import { parseTokenId, type TokenId } from '@lunadefend/contract'
import { LunaDefendClientError } from './client-error.ts'
import { ACCEPT, type Protection, readProtection } from './end-to-end.ts'
import { asMembers, type Members } from './envelope.ts'
import { type Answer, exchange } from './http-exchange.ts'
import { checkSessionId } from './session-id.ts'
import type { Settings } from './settings.ts'
import { checkToken } from './token-lists.ts'
import type { TokenizerCalls } from './tokenizer-call.ts'

export interface TokenizeOptions {
  /** Kept with the token, sealed but not secret; at most 4,096 bytes of JSON. */
  readonly metadata?: Readonly<Record<string, unknown>>
}

export interface DetokenizeOptions {
  /**
   * The largest value that is taken into memory, in bytes: users choose what they upload.
   * @default 67108864 (64 MiB)
   */
  readonly maxBytes?: number
}

const DEFAULT_MAX_BYTES = 64 * 1024 * 1024
/** An S3 error is short. */
const MAX_REFUSAL_BYTES = 64 * 1024
/** What the HTTP client sets itself; a browser sets the same two. */
const SET_BY_CLIENT = new Set(['host', 'content-length'])

interface Presigned {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}
interface Target extends Presigned {
  readonly protection: Protection
}
interface NewToken extends Target {
  readonly tokenId: TokenId
}

/** Takes a value to the object store, under a new token of this session. */
export async function tokenizeValue(
  settings: Settings,
  calls: TokenizerCalls,
  sid: string,
  value: string | Uint8Array,
  options: TokenizeOptions,
): Promise<string> {
  const sessionId = checkSessionId(sid)
  const bytes = toBytes(value)
  const { metadata } = options
  const contentLength = bytes.byteLength
  const body = { contentLength, accept: ACCEPT, ...(metadata === undefined ? {} : { metadata }) }
  const { tokenId, protection, ...target } = await calls.one('tokenize', body, readNewToken, sessionId)
  const object = await protection.protect(bytes)
  requireSuccess(await talkToStore(settings, target, 'PUT', MAX_REFUSAL_BYTES, object))
  return tokenId
}

/** Fetches the value of a token that this session may read. */
export async function detokenizeValue(
  settings: Settings,
  calls: TokenizerCalls,
  sid: string,
  token: string,
  options: DetokenizeOptions,
): Promise<Uint8Array> {
  const sessionId = checkSessionId(sid)
  const tokenId = checkToken({ place: 'The token', value: token })
  const maxBytes = readMaxBytes(options.maxBytes)
  const reader = (data: Members) => readTarget(data, 'downloadUrl', tokenId)
  const { protection, ...source } = await calls.one(
    'detokenize',
    { tokenId, accept: ACCEPT },
    reader,
    sessionId,
  )
  const answer = await talkToStore(settings, source, 'GET', protection.objectLength(maxBytes))
  requireSuccess(answer)
  const value = await protection.recover(answer.bytes)
  // What looks alike from outside may still be too large.
  if (value.length > maxBytes) throw tooLarge(maxBytes)
  return value
}

function tooLarge(maxBytes: number): LunaDefendClientError {
  return new LunaDefendClientError('value_too_large', `The limit is ${maxBytes} bytes.`)
}

/** Exactly the text that went in: a byte order mark stays, and what is not UTF-8 is an error. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new LunaDefendClientError('not_text')
  }
}

function toBytes(value: unknown): Uint8Array<ArrayBuffer> {
  if (value instanceof Uint8Array) return new Uint8Array(value)
  // A lone surrogate has no UTF-8: it would come back as another character.
  if (typeof value === 'string' && value.isWellFormed()) return new TextEncoder().encode(value)
  throw new LunaDefendClientError('invalid_argument', 'The value must be well-formed text or a Uint8Array.')
}

function readMaxBytes(given: unknown): number {
  const maxBytes = given ?? DEFAULT_MAX_BYTES
  if (typeof maxBytes === 'number' && Number.isSafeInteger(maxBytes) && maxBytes >= 0) return maxBytes
  throw new LunaDefendClientError('invalid_argument', '`maxBytes` must be a whole number of bytes.')
}

function talkToStore(
  settings: Settings,
  { url, headers }: Presigned,
  method: 'GET' | 'PUT',
  maxAnswerBytes: number,
  body?: Uint8Array<ArrayBuffer>,
): Promise<Answer> {
  requireSafe(settings, url)
  const sent = Object.entries(headers).filter(([name]) => !SET_BY_CLIENT.has(name.toLowerCase()))
  return exchange({
    url,
    method,
    headers: Object.fromEntries(sent),
    ...(body === undefined ? {} : { body }),
    timeoutMs: settings.timeoutMs,
    maxAnswerBytes,
    unreachable: 'store_unreachable',
    tooLarge: 'value_too_large',
  })
}

/** The request carries the key and the value: in clear only where the Tokenizer itself is on this machine. */
function requireSafe({ tokenizerUrl }: Settings, url: string): void {
  const { protocol } = new URL(url)
  if (protocol === 'https:' || (protocol === 'http:' && tokenizerUrl.startsWith('http:'))) return
  throw new LunaDefendClientError('unexpected_answer', 'The URL of the object store is not https.')
}

/** Only 200 is success: 412 means that something is there already, and that it is not known whose. */
function requireSuccess({ status, bytes }: Answer): void {
  if (status === 200) return
  const code = /<Code>([A-Za-z]{1,64})<\/Code>/.exec(new TextDecoder().decode(bytes.subarray(0, 4096)))?.[1]
  throw new LunaDefendClientError('store_refused', code === undefined ? undefined : `(${code})`, { status })
}

function readNewToken(data: Members): NewToken | null {
  const tokenId = typeof data['tokenId'] === 'string' ? parseTokenId(data['tokenId']) : null
  const target = tokenId === null ? null : readTarget(data, 'uploadUrl', tokenId)
  return target === null || tokenId === null ? null : { ...target, tokenId }
}

function readTarget(data: Members, key: 'uploadUrl' | 'downloadUrl', token: TokenId): Target | null {
  const url = data[key]
  const headers = asMembers(data['headers'])
  const protection = readProtection(data['e2e'], token)
  if (typeof url !== 'string' || !URL.canParse(url) || headers === null || protection === null) return null
  if (Object.values(headers).some((value) => typeof value !== 'string')) return null
  return { url, headers: headers as Record<string, string>, protection }
}
