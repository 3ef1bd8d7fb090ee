import {
  type KeyedObject,
  type MultipartUpload,
  type ObjectStore,
  PortFailure,
  type StoredPart,
} from '@lunadefend/core'
import { encryptionHeaders } from './encryption-headers.ts'
import { type Presigner, UPLOAD_SECONDS } from './presigned.ts'
import { type Caller, refusal, type S3Answer } from './signed-calls.ts'
import {
  type Element,
  elementsOf,
  errorCodeOf,
  escaped,
  isErrorDocument,
  isTruncated,
  numberOf,
  optionalTextOf,
  readDocument,
  textOf,
  timeOf,
} from './xml-answer.ts'

export type MultipartCalls = Pick<
  ObjectStore,
  'beginUpload' | 'presignPart' | 'listParts' | 'completeUpload' | 'abortUpload' | 'listUploads'
>

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html */
export function multipartCalls(call: Caller, link: Presigner, prefix: string): MultipartCalls {
  return {
    beginUpload: (object) => beginUpload(call, object),
    presignPart: ({ objectKey, uploadId }, partNumber, sseKey, contentLength) =>
      link({
        method: 'PUT',
        objectKey,
        seconds: UPLOAD_SECONDS,
        headers: { 'content-length': String(contentLength), ...encryptionHeaders(sseKey) },
        query: { partNumber: String(partNumber), uploadId },
      }),
    listParts: (upload) => listParts(call, upload),
    completeUpload: (upload, parts) => completeUpload(call, upload, parts),
    async abortUpload({ objectKey, uploadId }) {
      const request = { method: 'DELETE', objectKey, query: { uploadId }, repeatable: true } as const
      const answer = await call(request)
      if (answer.status !== 204 && answer.status !== 200 && !isNoUpload(answer))
        throw refusal(request, answer)
    },
    listUploads: (after, limit) => listUploads(call, prefix, after, limit),
  }
}

// Sent once: had the answer been lost, a second call would begin a second upload.
async function beginUpload(call: Caller, { objectKey, sseKey }: KeyedObject): Promise<string> {
  const request = {
    method: 'POST',
    objectKey,
    query: { uploads: '' },
    headers: encryptionHeaders(sseKey),
    repeatable: false,
  } as const
  const answer = await call(request)
  if (answer.status !== 200) throw refusal(request, answer)
  return textOf(readDocument(answer.text, 'InitiateMultipartUploadResult'), 'UploadId')
}

/** S3 allows 10,000 parts, a page has up to 1,000; a store that gives fewer is still heard out. */
const MAX_PAGES = 1_000

async function listParts(
  call: Caller,
  { objectKey, uploadId }: MultipartUpload,
): Promise<StoredPart[] | null> {
  const parts: StoredPart[] = []
  let marker = 0
  for (let page = 0; page < MAX_PAGES; page++) {
    const query = { uploadId, 'max-parts': '1000', 'part-number-marker': String(marker) }
    const request = { method: 'GET', objectKey, query, repeatable: true } as const
    const answer = await call(request)
    if (isNoUpload(answer)) return null
    if (answer.status !== 200) throw refusal(request, answer)
    const list = readDocument(answer.text, 'ListPartsResult')
    parts.push(...elementsOf(list, 'Part').map(partOf))
    if (!isTruncated(list)) return parts.sort((a, b) => a.partNumber - b.partNumber)
    const next = parts.at(-1)?.partNumber ?? 0
    if (next <= marker) throw endless()
    marker = next
  }
  throw endless()
}

function partOf(part: Element): StoredPart {
  return {
    partNumber: numberOf(part, 'PartNumber'),
    size: numberOf(part, 'Size'),
    etag: textOf(part, 'ETag'),
  }
}

/** For a list whose pages do not come to an end. */
export function endless(): PortFailure {
  return new PortFailure('objects_refused', 'Its list does not come to an end.')
}

/**
 * Sent once: nobody knows what became of it when its answer is lost. The list of the parts tells whether the upload has
 * ended, in the one way or the other; `missing` then makes the caller look for the object.
 */
async function completeUpload(
  call: Caller,
  upload: MultipartUpload,
  parts: readonly StoredPart[],
): Promise<'completed' | 'exists' | 'missing' | 'refused'> {
  if (parts.length === 0) return 'refused'
  const request = joinRequest(upload, parts)
  try {
    // S3 sends its 200 before it knows: the body decides.
    return outcomeOf(embedded(await call(request), 'CompleteMultipartUploadResult'), request)
  } catch (error) {
    const unsure = error instanceof PortFailure && UNSURE.has(error.code)
    if (unsure && (await hasEnded(call, upload))) return 'missing'
    throw error
  }
}

const UNSURE: ReadonlySet<string> = new Set(['objects_busy', 'objects_unreachable'])

async function hasEnded(call: Caller, upload: MultipartUpload): Promise<boolean> {
  const parts = await listParts(call, upload).catch(() => [])
  return parts === null
}

function joinRequest({ objectKey, uploadId }: MultipartUpload, parts: readonly StoredPart[]) {
  const listed = parts.map(
    ({ partNumber, etag }) =>
      `<Part><PartNumber>${partNumber}</PartNumber><ETag>${escaped(etag)}</ETag></Part>`,
  )
  return {
    method: 'POST',
    objectKey,
    query: { uploadId },
    headers: { 'content-type': 'application/xml', 'if-none-match': '*' },
    body: `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${listed.join('')}</CompleteMultipartUpload>`,
    repeatable: false,
    slow: true,
  } as const
}

function outcomeOf(answer: S3Answer, request: { readonly method: 'POST' }) {
  if (answer.status === 200) return 'completed'
  if (answer.status === 412 || answer.code === 'PreconditionFailed') return 'exists'
  if (isNoUpload(answer)) return 'missing'
  if (answer.code !== null && UNFIT.has(answer.code)) return 'refused'
  if (answer.status === 409) {
    throw new PortFailure('objects_busy', 'Something else is writing this object at the same time.')
  }
  throw refusal(request, answer)
}

const UNFIT: ReadonlySet<string> = new Set(['InvalidPart', 'InvalidPartOrder', 'EntityTooSmall'])

/** A success whose body is an error is that error. Throws PortFailure when the body is neither. */
export function embedded(answer: S3Answer, root: string): S3Answer {
  if (answer.status !== 200) return answer
  if (!isErrorDocument(answer.text)) {
    readDocument(answer.text.trimStart(), root)
    return answer
  }
  const code = errorCodeOf(answer.text)
  if (code === 'InternalError' || code === 'SlowDown' || code === 'ServiceUnavailable') {
    throw new PortFailure('objects_busy', `It began well and ended with ${code}.`)
  }
  return { ...answer, status: code === 'PreconditionFailed' ? 412 : 400, code }
}

/** Not so when the bucket itself is gone, which is a 404 as well. */
function isNoUpload({ status, code }: S3Answer): boolean {
  return code === 'NoSuchUpload' || (status === 404 && code === 'NoSuchKey')
}

async function listUploads(call: Caller, prefix: string, after: string | null, limit: number) {
  const query = { uploads: '', prefix, 'max-uploads': pageSize(limit), ...markers(after) }
  const request = { method: 'GET', objectKey: '', query, repeatable: true } as const
  const answer = await call(request)
  if (answer.status !== 200) throw refusal(request, answer)
  const list = readDocument(answer.text, 'ListMultipartUploadsResult')
  const items = elementsOf(list, 'Upload').map((upload) => ({
    objectKey: textOf(upload, 'Key'),
    uploadId: textOf(upload, 'UploadId'),
    startedAt: timeOf(upload, 'Initiated'),
  }))
  if (!isTruncated(list)) return { items, next: null }
  const last = items.at(-1)
  const key = optionalTextOf(list, 'NextKeyMarker') ?? last?.objectKey
  const upload = optionalTextOf(list, 'NextUploadIdMarker') ?? last?.uploadId
  if (key === undefined || upload === undefined) throw endless()
  return { items, next: `${encodeURIComponent(key)} ${encodeURIComponent(upload)}` }
}

/** Both markers of S3 in one text: a page may end between two uploads of one key. */
function markers(after: string | null): Record<string, string> {
  if (after === null) return {}
  const [key = '', upload = ''] = after.split(' ').map(decodeURIComponent)
  return { 'key-marker': key, 'upload-id-marker': upload }
}

/** S3 gives at most 1,000 at once. */
export function pageSize(limit: number): string {
  return String(Math.min(Math.max(Math.trunc(limit), 1), 1_000))
}
