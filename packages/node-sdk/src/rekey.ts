import { buffer } from 'node:stream/consumers'
import { sealedLength } from '@lunadefend/content-cipher/lengths'
import { LIMITS, type SessionId, type TokenId } from '@lunadefend/contract'
import { LunaDefendClientError } from './client-error.ts'
import { type Protection, readProtection } from './end-to-end.ts'
import type { Members } from './envelope.ts'
import {
  type Content,
  isEncryptedByStore,
  openObject,
  type Presigned,
  putObject,
  readPresigned,
} from './object-store.ts'
import { pause } from './retry.ts'
import { checkSessionId } from './session-id.ts'
import type { Settings } from './settings.ts'
import { checkToken } from './token-lists.ts'
import type { TokenizerCalls } from './tokenizer-call.ts'

export interface RekeyOptions {
  /**
   * A session that may read the token (`grants.create`): for values that only this process can encrypt anew. It counts as
   * a use of the grant; as two for a value of more than 16 MiB that is encrypted end to end, which is read twice.
   */
  readonly sid?: string
}

/** From one place to another. */
interface Move {
  readonly source: Presigned
  readonly from: Protection
  readonly target: Presigned
  readonly to: Protection
  readonly ticket: string
}

type Streamed = { readonly stream: ReadableStream<Uint8Array>; readonly length: number }
type Rekey = { readonly settings: Settings; readonly calls: TokenizerCalls; readonly tokenId: TokenId }

/** Somebody else re-keys the same token, or deletes it: so often is it tried. */
const TRIES = 4
/** A sealed object up to this many bytes is moved in memory. */
const IN_MEMORY_BYTES = sealedLength(16 * 1024 ** 2)

/** A new data key and a new object. The object store copies where it can, otherwise the value passes through here. */
export async function rekeyToken(
  settings: Settings,
  calls: TokenizerCalls,
  token: string,
  { sid }: RekeyOptions,
): Promise<void> {
  const tokenId = checkToken({ place: 'The token', value: token })
  const sessionId = sid === undefined ? null : checkSessionId(sid)
  await untilUnchanged(async () => {
    try {
      await calls.one('rekeyToken', { tokenId }, () => true)
    } catch (error) {
      if (sessionId === null || !hasCode(error, 'rekey_by_client')) throw error
      await moveHere({ settings, calls, tokenId }, sessionId)
    }
  })
}

async function untilUnchanged(work: () => Promise<void>): Promise<void> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await work()
    } catch (error) {
      if (tried === TRIES || !hasCode(error, 'changed_meanwhile')) throw error
      await pause(tried)
    }
  }
}

async function moveHere(rekey: Rekey, sid: SessionId): Promise<void> {
  const { settings, calls, tokenId } = rekey
  let move = await begin(rekey, sid)
  let object = await open(settings, move)
  let valueLength: number | null = null
  if (move.from.endToEnd && object.length > IN_MEMORY_BYTES) {
    // To seal a stream takes its length, and that is within what is sealed. Its URLs may have expired by then.
    valueLength = await measure(move.from.recoverStream(object.stream))
    move = await begin(rekey, sid)
    object = await open(settings, move)
  }
  await putObject(settings, move.target, await contentOf(move, object, valueLength))
  await calls.one('completeRekey', { tokenId, ticket: move.ticket }, () => true)
}

/** What the new object holds. */
async function contentOf({ from, to }: Move, object: Streamed, valueLength: number | null): Promise<Content> {
  if (!from.endToEnd) return object
  const value = from.recoverStream(object.stream)
  if (valueLength === null) return to.protect(new Uint8Array(await buffer(value)))
  return { stream: to.protectStream(value, valueLength), length: to.objectLength(valueLength) }
}

/** Throws `value_too_large` where one request cannot carry it all. */
async function open(settings: Settings, { source }: Move): Promise<Streamed> {
  const { body, length } = await openObject(settings, source)
  if (length !== null && length <= LIMITS.uploadBytes) return { stream: body, length }
  await body.cancel()
  if (length === null)
    throw new LunaDefendClientError('store_refused', 'It does not say how long the object is.')
  throw new LunaDefendClientError('value_too_large', `The limit is ${LIMITS.uploadBytes} bytes.`)
}

async function measure(value: ReadableStream<Uint8Array>): Promise<number> {
  let length = 0
  for await (const piece of value) length += piece.length
  return length
}

function begin({ calls, tokenId }: Rekey, sid: SessionId): Promise<Move> {
  return calls.one('rekeyToken', { tokenId, by: 'client' }, (data) => readMove(data, tokenId), sid)
}

/** `null` also where the value would come out less protected than it went in. */
function readMove(data: Members, token: TokenId): Move | null {
  const source = readPresigned(data, 'downloadUrl', 'downloadHeaders')
  const target = readPresigned(data, 'uploadUrl', 'uploadHeaders')
  const from = readProtection(data['downloadE2e'], token)
  const to = readProtection(data['uploadE2e'], token)
  const { ticket } = data
  if (source === null || target === null || from === null || to === null || typeof ticket !== 'string')
    return null
  const isSafe = from.endToEnd === to.endToEnd && (to.endToEnd || isEncryptedByStore(target))
  return isSafe ? { source, from, target, to, ticket } : null
}

function hasCode(error: unknown, code: 'rekey_by_client' | 'changed_meanwhile'): boolean {
  return error instanceof LunaDefendClientError && error.code === code
}
