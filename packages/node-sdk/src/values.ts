import type { TokenId } from '@lunadefend/contract'
import { LunaDefendClientError } from './client-error.ts'
import { ACCEPT, type Protection, readProtection } from './end-to-end.ts'
import type { Members } from './envelope.ts'
import { getObject, openObject, type Presigned, readPresigned } from './object-store.ts'
import { checkSessionId } from './session-id.ts'
import type { Settings } from './settings.ts'
import { checkToken } from './token-lists.ts'
import type { TokenizerCalls } from './tokenizer-call.ts'

export interface DetokenizeOptions {
  /**
   * The largest value that is taken into memory, in bytes: users choose what they upload.
   * @default 67108864 (64 MiB)
   */
  readonly maxBytes?: number
}

const DEFAULT_MAX_BYTES = 64 * 1024 * 1024

/** Where a value lies, and how it is protected. */
interface Source {
  readonly presigned: Presigned
  readonly protection: Protection
}

/** Fetches the value of a token that this session may read. */
export async function detokenizeValue(
  settings: Settings,
  calls: TokenizerCalls,
  sid: string,
  token: string,
  options: DetokenizeOptions,
): Promise<Uint8Array> {
  const maxBytes = readMaxBytes(options.maxBytes)
  const { presigned, protection } = await findValue(calls, sid, token)
  const object = await getObject(settings, presigned, protection.objectLength(maxBytes))
  const value = await protection.recover(object)
  // What looks alike from outside may still be too large.
  if (value.length > maxBytes) throw tooLarge(maxBytes)
  return value
}

/** The same, piece by piece. */
export async function detokenizeStream(
  settings: Settings,
  calls: TokenizerCalls,
  sid: string,
  token: string,
): Promise<ReadableStream<Uint8Array>> {
  const { presigned, protection } = await findValue(calls, sid, token)
  const { body } = await openObject(settings, presigned)
  return protection.recoverStream(body)
}

async function findValue(calls: TokenizerCalls, sid: string, token: string): Promise<Source> {
  const sessionId = checkSessionId(sid)
  const tokenId = checkToken({ place: 'The token', value: token })
  const reader = (data: Members) => readSource(data, tokenId)
  return calls.one('detokenize', { tokenId, accept: ACCEPT }, reader, sessionId)
}

function readSource(data: Members, token: TokenId): Source | null {
  const presigned = readPresigned(data, 'downloadUrl')
  const protection = readProtection(data['e2e'], token)
  return presigned && protection && { presigned, protection }
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

function readMaxBytes(given: unknown): number {
  const maxBytes = given ?? DEFAULT_MAX_BYTES
  if (typeof maxBytes === 'number' && Number.isSafeInteger(maxBytes) && maxBytes >= 0) return maxBytes
  throw new LunaDefendClientError('invalid_argument', '`maxBytes` must be a whole number of bytes.')
}
