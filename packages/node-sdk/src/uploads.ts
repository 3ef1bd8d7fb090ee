import { parseTokenId, type SessionId, type TokenId } from '@lunadefend/contract'
import { LunaDefendClientError } from './client-error.ts'
import { ACCEPT, type Protection, readProtection } from './end-to-end.ts'
import type { Members } from './envelope.ts'
import { isEncryptedByStore, type Presigned, putObject, readPresigned } from './object-store.ts'
import { checkSessionId } from './session-id.ts'
import type { Settings } from './settings.ts'
import { checkToken } from './token-lists.ts'
import type { TokenizerCalls } from './tokenizer-call.ts'
import {
  abortUpload,
  completeUpload,
  readParallel,
  type Sending,
  sendMissing,
  sendWhole,
  type UploadOptions,
} from './upload-in-parts.ts'
import { checkUpload, type Plan, readPlan, type Upload } from './upload-plan.ts'
import { readBytes, toBlob, type Value } from './value-source.ts'

export interface TokenizeOptions extends UploadOptions {
  /** Kept with the token, sealed but not secret; at most 4,096 bytes of JSON. */
  readonly metadata?: Readonly<Record<string, unknown>>
  /**
   * How long the token lives: seconds, or a text such as `720h`. Then it is refused, and its value is shredded soon after.
   * @default until it is deleted
   */
  readonly ttl?: number | string
  /**
   * Called before the first part of a value from 16 MiB on is sent, and awaited: keep what it is given, to go on with
   * `resumeUpload` after a failure, also in another process. Without it an upload that fails is given up.
   */
  readonly onUpload?: (upload: Upload) => void | Promise<void>
}

/** What a new value needs: where it goes, in one piece or in parts, and how it is protected. */
interface NewToken {
  readonly tokenId: TokenId
  readonly protection: Protection
  readonly target: Presigned | Plan
}

/** Takes a value to the object store, under a new token of this session. */
export async function tokenizeValue(
  settings: Settings,
  calls: TokenizerCalls,
  sid: string,
  given: Value,
  options: TokenizeOptions & { readonly honeytoken?: true },
): Promise<string> {
  const sessionId = checkSessionId(sid)
  const value = toBlob(given)
  readParallel(options.parallel)
  requireGoing(options.signal)
  const { tokenId, protection, target } = await begin(calls, sessionId, value, options)
  const owner = { calls, sid: sessionId, tokenId, endToEnd: protection.endToEnd }
  if ('partSize' in target)
    await sendParts({ settings, owner, plan: target, value, options }, protection, options)
  else await sendAtOnce({ settings, owner, target, value, options }, protection)
  return tokenId
}

/** Goes on with an upload in parts: the same value, from where it stands. */
export async function resumeUpload(
  settings: Settings,
  calls: TokenizerCalls,
  sid: string,
  upload: Upload,
  given: Value,
  options: UploadOptions,
): Promise<string> {
  const sessionId = checkSessionId(sid)
  const { tokenId, plan } = checkUpload(upload)
  const value = toBlob(given)
  readParallel(options.parallel)
  requireGoing(options.signal)
  if (value.size !== plan.length) throw new LunaDefendClientError('value_changed', 'Its size is another one.')
  const owner = { calls, sid: sessionId, tokenId, endToEnd: false }
  try {
    await sendMissing({ settings, owner, plan, value, options })
  } catch (error) {
    if (options.signal?.aborted) await giveUp(owner)
    // It was put together before, and the answer was lost; or it was given up, and the next call says so.
    if (!(error instanceof LunaDefendClientError && error.code === 'no_upload')) throw error
  }
  await completeUpload(owner)
  return tokenId
}

/** Gives up an upload in parts that nobody goes on with. */
export async function discardUpload(calls: TokenizerCalls, sid: string, upload: Upload): Promise<void> {
  const sessionId = checkSessionId(sid)
  const tokenId = checkToken({ place: "The upload's token", value: upload?.token })
  await abortUpload({ calls, sid: sessionId, tokenId, endToEnd: false })
}

async function begin(
  calls: TokenizerCalls,
  sid: SessionId,
  { size }: Blob,
  { metadata, ttl, honeytoken }: TokenizeOptions & { readonly honeytoken?: true },
): Promise<NewToken> {
  const asked = {
    ...(honeytoken && { honeytoken }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(ttl === undefined ? {} : { ttl }),
  }
  const body = { contentLength: size, accept: [...ACCEPT, 'parts' as const], ...asked }
  return calls.one('tokenize', body, (data) => readNewToken(data, size), sid)
}

function readNewToken(data: Members, size: number): NewToken | null {
  const tokenId = typeof data['tokenId'] === 'string' ? parseTokenId(data['tokenId']) : null
  const protection = tokenId === null ? null : readProtection(data['e2e'], tokenId)
  if (tokenId === null || protection === null) return null
  const target =
    data['parts'] === undefined
      ? readTarget(data, protection)
      : readPlan(data['parts'], protection.objectLength(size))
  return target && { tokenId, protection, target }
}

/** What is not encrypted here goes only where the store encrypts it. */
function readTarget(data: Members, { endToEnd }: Protection): Presigned | null {
  const presigned = readPresigned(data, 'uploadUrl')
  return presigned !== null && (endToEnd || isEncryptedByStore(presigned)) ? presigned : null
}

async function sendParts(
  sending: Sending,
  protection: Protection,
  { onUpload, signal }: TokenizeOptions,
): Promise<void> {
  const { owner, plan, value } = sending
  const { partSize, partCount } = plan
  const resumable = !protection.endToEnd
  let isKept = false
  try {
    await onUpload?.({ token: owner.tokenId, size: value.size, partSize, partCount, resumable })
    isKept = resumable && onUpload !== undefined
    await sendWhole(sending, protection)
    await completeUpload(owner)
  } catch (error) {
    if (!isKept || signal?.aborted) await giveUp(owner)
    throw error
  }
}

interface SendingAtOnce extends Omit<Sending, 'plan'> {
  readonly target: Presigned
}

async function sendAtOnce(
  { settings, owner, target, value, options }: SendingAtOnce,
  protection: Protection,
): Promise<void> {
  const object = await protection.protect(await readBytes(value))
  const total = object.length
  options.onProgress?.({ uploaded: 0, total })
  try {
    await putObject(settings, target, object, options.signal)
  } catch (error) {
    // It may have arrived all the same.
    if (options.signal?.aborted) await shred(owner)
    throw error
  }
  options.onProgress?.({ uploaded: total, total })
}

function requireGoing(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new LunaDefendClientError('aborted')
}

/** What cannot be given up now, the Tokenizer gives up after a week. */
async function giveUp(owner: Sending['owner']): Promise<void> {
  await abortUpload(owner).catch(() => {})
}

async function shred({ calls, tokenId }: Sending['owner']): Promise<void> {
  await calls.one('deleteToken', { tokenId }, () => true).catch(() => {})
}
