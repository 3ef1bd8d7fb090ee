import {
  type KeyedObject,
  type MultipartUpload,
  type ObjectStore,
  PortFailure,
  type StoredPart,
} from '@lunadefend/core'
import { encodePath } from '@lunadefend/core/sigv4'
import { encryptionHeaders, sourceEncryptionHeaders } from './encryption-headers.ts'
import { embedded } from './multipart.ts'
import { type Caller, refusal, type S3Answer } from './signed-calls.ts'
import { readDocument, textOf } from './xml-answer.ts'

export interface CopyLimits {
  /** The largest object that one call may copy, in bytes. */
  readonly whole: number
  /** The size of the pieces of a larger one, in bytes; more when there would be more than 10,000. */
  readonly part: number
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
export const COPY_LIMITS: CopyLimits = { whole: 5 * 1024 ** 3, part: 512 * 1024 ** 2 }
const MAX_PARTS = 10_000
/** Pieces that are copied at once. */
const AT_ONCE = 4

type Outcome = 'copied' | 'missing' | 'unable'
type Store = Pick<ObjectStore, 'head' | 'exists' | 'beginUpload' | 'completeUpload' | 'abortUpload'>

/** Copies inside the store. An object that is there already is never replaced. */
export async function copyObject(
  call: Caller,
  store: Store,
  bucket: string,
  limits: CopyLimits,
  { from, to }: { readonly from: KeyedObject; readonly to: KeyedObject },
): Promise<Outcome> {
  const source = await store.head(from.objectKey, from.sseKey)
  if (source === null) return 'missing'
  const copy: Copy = { call, store, from, to, size: source.size, source: sourceHeaders(bucket, from) }
  return source.size <= limits.whole ? copyWhole(copy) : copyInParts(copy, limits.part)
}

interface Copy {
  readonly call: Caller
  readonly store: Store
  readonly from: KeyedObject
  readonly to: KeyedObject
  /** Bytes. */
  readonly size: number
  readonly source: Readonly<Record<string, string>>
}

function sourceHeaders(bucket: string, { objectKey, sseKey }: KeyedObject): Record<string, string> {
  return {
    'x-amz-copy-source': encodePath(`/${bucket}/${objectKey}`),
    ...sourceEncryptionHeaders(sseKey),
  }
}

async function copyWhole(copy: Copy): Promise<Outcome> {
  const answer = await requestCopy(copy, { 'if-none-match': '*' })
  if (answer.status === 412) return (await isThere(copy)) ? 'copied' : thereAlready()
  if (!isUnable(answer)) return outcomeOf(answer)
  // Some stores copy and know no condition for it; this name was drawn at random for this copy.
  if (await copy.store.exists(copy.to.objectKey)) return (await isThere(copy)) ? 'copied' : thereAlready()
  const unconditional = await requestCopy(copy, {})
  // The policy of the bucket may ask for the condition.
  return unconditional.code === 'AccessDenied' ? 'unable' : outcomeOf(unconditional)
}

// Tried again when the answer is lost: the first copy then makes the second a 412, and it is looked at.
async function requestCopy(
  { call, to, source }: Copy,
  condition: Readonly<Record<string, string>>,
): Promise<S3Answer> {
  const answer = await call({
    method: 'PUT',
    objectKey: to.objectKey,
    headers: { ...source, ...encryptionHeaders(to.sseKey), ...condition },
    repeatable: true,
    slow: true,
  })
  return embedded(answer, 'CopyObjectResult')
}

function outcomeOf(answer: S3Answer): Outcome {
  if (answer.status === 200) return 'copied'
  if (isUnable(answer)) return 'unable'
  if (answer.code === 'NoSuchKey') return 'missing'
  throw refusal({ method: 'PUT' }, answer)
}

function isUnable({ status, code }: S3Answer): boolean {
  return status === 501 || status === 405 || code === 'NotImplemented' || code === 'MethodNotAllowed'
}

/** Under its key and as long as the source: an earlier try of this same copy. */
async function isThere({ store, to, size }: Copy): Promise<boolean> {
  return (await store.head(to.objectKey, to.sseKey))?.size === size
}

function thereAlready(): never {
  throw new PortFailure('objects_refused', 'Another object has the name that a copy was to get.')
}

async function copyInParts(copy: Copy, partBytes: number): Promise<Outcome> {
  const { store, to } = copy
  // An hour's work that was done before is not done again.
  if (await store.exists(to.objectKey)) return (await isThere(copy)) ? 'copied' : thereAlready()
  const upload = { objectKey: to.objectKey, uploadId: await store.beginUpload(to) }
  const outcome = await joinPieces(copy, upload, partBytes).catch(async (error) => {
    await store.abortUpload(upload).catch(() => undefined)
    throw error
  })
  if (outcome === 'completed') return 'copied'
  await store.abortUpload(upload)
  if (outcome === 'unable') return 'unable'
  return (await isThere(copy)) ? 'copied' : thereAlready()
}

async function joinPieces(copy: Copy, upload: MultipartUpload, partBytes: number) {
  const parts = await copyPieces(copy, upload.uploadId, piecesOf(copy.size, partBytes))
  return parts === null ? 'unable' : await copy.store.completeUpload(upload, parts)
}

interface Piece {
  readonly partNumber: number
  /** Both are in it. */
  readonly first: number
  readonly last: number
}

function piecesOf(size: number, partBytes: number): Piece[] {
  const bytes = Math.max(partBytes, Math.ceil(size / MAX_PARTS))
  return Array.from({ length: Math.ceil(size / bytes) }, (_, index) => ({
    partNumber: index + 1,
    first: index * bytes,
    last: Math.min((index + 1) * bytes, size) - 1,
  }))
}

/** `null` = the store cannot. */
async function copyPieces(copy: Copy, uploadId: string, pieces: Piece[]): Promise<StoredPart[] | null> {
  const [first, ...rest] = pieces
  if (first === undefined) return []
  const begun = await copyPiece(copy, uploadId, first)
  if (begun === null) return null
  const done = [begun]
  const work = async () => {
    for (let piece = rest.shift(); piece !== undefined; piece = rest.shift()) {
      const part = await copyPiece(copy, uploadId, piece)
      if (part === null) throw new PortFailure('objects_refused', 'It copied a first piece and no other.')
      done.push(part)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return done.sort((a, b) => a.partNumber - b.partNumber)
}

async function copyPiece(
  { call, to, source }: Copy,
  uploadId: string,
  { partNumber, first, last }: Piece,
): Promise<StoredPart | null> {
  const request = {
    method: 'PUT',
    objectKey: to.objectKey,
    query: { partNumber: String(partNumber), uploadId },
    headers: {
      ...source,
      ...encryptionHeaders(to.sseKey),
      'x-amz-copy-source-range': `bytes=${first}-${last}`,
    },
    repeatable: true,
    slow: true,
  } as const
  const answer = embedded(await call(request), 'CopyPartResult')
  if (isUnable(answer)) return null
  if (answer.status !== 200) throw refusal(request, answer)
  return {
    partNumber,
    size: last - first + 1,
    etag: textOf(readDocument(answer.text, 'CopyPartResult'), 'ETag'),
  }
}
