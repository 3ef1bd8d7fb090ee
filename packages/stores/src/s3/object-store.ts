import { type Clock, type Mask, type ObjectStore, PortFailure } from '@lunadefend/core'
import { type BucketAddress, ownPlace, publicPlace } from './address.ts'
import { COPY_LIMITS, type CopyLimits, copyObject } from './copy.ts'
import { type CredentialSource, keepCredentials } from './credentials.ts'
import { deleteObject } from './delete-object.ts'
import { encryptionHeaders } from './encryption-headers.ts'
import { multipartCalls, pageSize } from './multipart.ts'
import { DOWNLOAD_SECONDS, openPresigner, UPLOAD_SECONDS } from './presigned.ts'
import { type Caller, openCaller, refusal, type S3Answer } from './signed-calls.ts'
import { openTransport, type TransportOptions } from './transport.ts'
import { elementsOf, isTruncated, numberOf, readDocument, textOf, timeOf } from './xml-answer.ts'

export interface S3Options extends BucketAddress, TransportOptions {
  /** What they must allow is what `bucketPolicy` grants. */
  readonly credentials: CredentialSource
  readonly clock: Clock
  /** How long the store may take for one call with all its tries, in milliseconds. @default 5000 */
  readonly timeoutMs?: number
  /** Above what size objects are copied in pieces. @default the limits of S3 */
  readonly copyLimits?: CopyLimits
}

/** An object store that holds connections until it is let go. */
export interface S3ObjectStore extends ObjectStore, AsyncDisposable {}

/**
 * Any S3-compatible store. Values are encrypted by it with a key that comes with each request (SSE-C), or lie there as
 * their client has encrypted them. Throws PortFailure when `caFile` cannot be read.
 */
export function openS3(options: S3Options): S3ObjectStore {
  const { region, clock, bucket, timeoutMs = 5_000, copyLimits = COPY_LIMITS } = options
  const credentials = keepCredentials(options.credentials, clock)
  const transport = openTransport(options)
  const call = openCaller({ place: ownPlace(options), region, clock, credentials, transport, timeoutMs })
  const link = openPresigner(publicPlace(options), region, credentials, clock)
  const ping = () => lookForNothing(call)
  const store: S3ObjectStore = {
    presignPut: (objectKey, sseKey, contentLength) =>
      link({
        method: 'PUT',
        objectKey,
        seconds: UPLOAD_SECONDS,
        headers: uploadHeaders(sseKey, contentLength),
      }),
    presignGet: (objectKey, sseKey) =>
      link({
        method: 'GET',
        objectKey,
        seconds: DOWNLOAD_SECONDS,
        headers: encryptionHeaders(sseKey),
        query: AS_DOWNLOAD,
      }),
    async presignPartialGet(objectKey, sseKey, shown) {
      const answer = await look(call, objectKey, sseKey)
      if (answer === null || sizeOf(answer) <= shown.count) return null
      return link({
        method: 'GET',
        objectKey,
        seconds: DOWNLOAD_SECONDS,
        headers: { ...partHeaders(shown, answer), ...encryptionHeaders(sseKey) },
        query: AS_DOWNLOAD,
      })
    },
    async head(objectKey, sseKey) {
      const answer = await look(call, objectKey, sseKey)
      return answer && { size: sizeOf(answer) }
    },
    exists: async (objectKey) =>
      (await listPage(call, { prefix: objectKey, 'max-keys': '1' })).items[0]?.objectKey === objectKey,
    delete: (objectKey) => deleteObject(call, objectKey),
    copy: (from, to) => copyObject(call, store, bucket, copyLimits, { from, to }),
    list: (after, limit) =>
      listPage(call, {
        prefix: OBJECTS,
        'max-keys': pageSize(limit),
        ...(after === null ? {} : { 'start-after': after }),
      }),
    ...multipartCalls(call, link, OBJECTS),
    ping,
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  }
  return store
}

/** What the names of all objects begin with. */
const OBJECTS = 'v1/'

/** A browser that follows the URL saves bytes; it never shows them as a page of the store's origin. */
const AS_DOWNLOAD = {
  'response-content-type': 'application/octet-stream',
  'response-content-disposition': 'attachment',
  'response-cache-control': 'no-store',
}

// With `if-none-match: *` an upload URL cannot replace what it, or anybody, has uploaded (RFC 9110, section 13.1.2).
function uploadHeaders(sseKey: Uint8Array | null, contentLength: number | null): Record<string, string> {
  const length = contentLength === null ? {} : { 'content-length': String(contentLength) }
  return { 'if-none-match': '*', ...length, ...encryptionHeaders(sseKey) }
}

/**
 * Which bytes are sent. `Range` alone would not bind them: with an `If-Range` that does not fit, a store sends the whole
 * object (RFC 9110 §13.1.5; S3 does, without documenting it). So that header is signed, too, with what does fit.
 */
function partHeaders({ show, count }: Mask, answer: S3Answer): Record<string, string> {
  const etag = answer.header('etag') ?? ''
  if (!/^"[!-~]+"$/.test(etag))
    throw new PortFailure('objects_refused', 'It did not say which state an object has.')
  return { range: show === 'last' ? `bytes=-${count}` : `bytes=0-${count - 1}`, 'if-range': etag }
}

/** `null` = there is no such object. */
async function look(call: Caller, objectKey: string, sseKey: Uint8Array | null): Promise<S3Answer | null> {
  const headers = encryptionHeaders(sseKey)
  const request = { method: 'HEAD', objectKey, headers, repeatable: true } as const
  const answer = await call(request)
  if (answer.status === 200) return answer
  if (answer.status !== 404) throw refusal(request, answer)
  // The answer to a HEAD has no body: only another question tells whether object or bucket is missing.
  await lookForNothing(call)
  return null
}

/** Asks for an object that is never there: the names of objects are longer. */
async function lookForNothing(call: Caller): Promise<void> {
  const request = { method: 'GET', objectKey: 'v1/ping', repeatable: true } as const
  const answer = await call(request)
  // A missing bucket, and a proxy that knows no way, are a 404, too: only the body tells.
  if (answer.status !== 404 || answer.code !== 'NoSuchKey') throw refusal(request, answer)
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html */
async function listPage(call: Caller, query: Readonly<Record<string, string>>) {
  const request = {
    method: 'GET',
    objectKey: '',
    query: { 'list-type': '2', ...query },
    repeatable: true,
  } as const
  const answer = await call(request)
  if (answer.status !== 200) throw refusal(request, answer)
  const list = readDocument(answer.text, 'ListBucketResult')
  const items = elementsOf(list, 'Contents').map((object) => ({
    objectKey: textOf(object, 'Key'),
    size: numberOf(object, 'Size'),
    modifiedAt: timeOf(object, 'LastModified'),
  }))
  return { items, next: isTruncated(list) ? (items.at(-1)?.objectKey ?? null) : null }
}

function sizeOf(answer: S3Answer): number {
  const text = answer.header('content-length') ?? ''
  if (!/^\d{1,15}$/.test(text))
    throw new PortFailure('objects_refused', 'It did not say how long an object is.')
  return Number(text)
}
