import type { TokenId } from '@lunadefend/contract'
import { LunaDefendClientError } from './client-error.ts'
import { ACCEPT, type Protection, readProtection } from './end-to-end.ts'
import { asMembers, type Members } from './envelope.ts'
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
  /** Says that the user has asked to see more than a part; a policy decides. @default false */
  readonly full?: boolean
  /** Without it a value of which only a part may be seen is the error `masked`. @default false */
  readonly allowMasked?: false
}

/** For who does not take a part for the whole. */
export interface MaskedOptions extends Omit<DetokenizeOptions, 'allowMasked'> {
  readonly allowMasked: true
}

/** The bytes of a value that a policy shows. */
export interface Mask {
  readonly show: 'first' | 'last'
  /** Bytes, 1 to 64. */
  readonly count: number
}

/** What may be seen of a value. */
export interface Seen<T> {
  readonly value: T
  /** Which part it is; `null` = all of it. */
  readonly mask: Mask | null
}

const DEFAULT_MAX_BYTES = 64 * 1024 * 1024

/** Where a value lies, and how it is protected. */
interface Source {
  readonly presigned: Presigned
  readonly protection: Protection
  readonly mask: Mask | null
}

/** Fetches what this session may see of the value of a token. */
export async function detokenizeValue(
  settings: Settings,
  calls: TokenizerCalls,
  sid: string,
  token: string,
  options: DetokenizeOptions | MaskedOptions,
): Promise<Seen<Uint8Array>> {
  const maxBytes = readMaxBytes(options.maxBytes)
  const { presigned, protection, mask } = await findValue(calls, sid, token, options)
  if (mask !== null) return { value: await getObject(settings, presigned, mask.count, 206), mask }
  const object = await getObject(settings, presigned, protection.objectLength(maxBytes))
  const value = await protection.recover(object)
  // What looks alike from outside may still be too large.
  if (value.length > maxBytes) throw tooLarge(maxBytes)
  return { value, mask }
}

/** The same, piece by piece. */
export async function detokenizeStream(
  settings: Settings,
  calls: TokenizerCalls,
  sid: string,
  token: string,
): Promise<ReadableStream<Uint8Array>> {
  const { presigned, protection } = await findValue(calls, sid, token, {})
  const { body } = await openObject(settings, presigned)
  return protection.recoverStream(body)
}

async function findValue(
  calls: TokenizerCalls,
  sid: string,
  token: string,
  { full = false, allowMasked = false }: DetokenizeOptions | MaskedOptions,
): Promise<Source> {
  const sessionId = checkSessionId(sid)
  const tokenId = checkToken({ place: 'The token', value: token })
  const reader = (data: Members) => readSource(data, tokenId, allowMasked)
  const accept = allowMasked ? ([...ACCEPT, 'mask'] as const) : ACCEPT
  return calls.one('detokenize', { tokenId, accept: [...accept], ...(full && { full }) }, reader, sessionId)
}

function readSource(data: Members, token: TokenId, allowMasked: boolean): Source | null {
  const presigned = readPresigned(data, 'downloadUrl')
  const protection = readProtection(data['e2e'], token)
  const mask = data['mask'] === undefined ? null : readMask(data['mask'])
  // A part that nobody asked for would be taken for the whole.
  const isMeant = mask === null ? data['mask'] === undefined : allowMasked && data['e2e'] === undefined
  return presigned && protection && isMeant ? { presigned, protection, mask } : null
}

/** `null` = it is none that this package knows. */
function readMask(given: unknown): Mask | null {
  const { show, count } = asMembers(given) ?? {}
  if (show !== 'first' && show !== 'last') return null
  return typeof count === 'number' && Number.isInteger(count) && count > 0 ? { show, count } : null
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

/** The text in a part of a value. A character that the cut went through is left out. */
export function decodePart(bytes: Uint8Array, { show }: Mask): string {
  // RFC 3629 §3: what follows the first byte of a character begins with the bits 10, and there are three at most.
  const isInside = (byte: number | undefined) => byte !== undefined && (byte & 0xc0) === 0x80
  let from = 0
  while (show === 'last' && from < 3 && isInside(bytes[from])) from += 1
  try {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
    return decoder.decode(bytes.subarray(from), { stream: show === 'first' })
  } catch {
    throw new LunaDefendClientError('not_text')
  }
}

function readMaxBytes(given: unknown): number {
  const maxBytes = given ?? DEFAULT_MAX_BYTES
  if (typeof maxBytes === 'number' && Number.isSafeInteger(maxBytes) && maxBytes >= 0) return maxBytes
  throw new LunaDefendClientError('invalid_argument', '`maxBytes` must be a whole number of bytes.')
}
