import { hash } from 'node:crypto'
import { type Clock, type ObjectStore, PortFailure, type Presigned } from '@lunadefend/core'
import { type Credentials, presign, signHeaders } from '@lunadefend/core/sigv4'

/** How long an upload URL works. */
export const UPLOAD_SECONDS = 300
/** How long a download URL works. */
export const DOWNLOAD_SECONDS = 60

export interface S3Options {
  /** Where the Tokenizer reaches the store: scheme, host and port. */
  readonly endpoint: string
  /** Where browsers reach it; goes into the presigned URLs. @default endpoint */
  readonly publicEndpoint?: string
  readonly region: string
  readonly bucket: string
  /** They need GetObject, PutObject, DeleteObject and, so that a missing object is a 404, ListBucket. */
  readonly credentials: Credentials
  /** The bucket is the first part of the path, or of the host. */
  readonly addressing: 'path' | 'virtual-host'
  readonly clock: Clock
  /** How long the store may take for one answer, in milliseconds. @default 5000 */
  readonly timeoutMs?: number
}

/** Any S3-compatible store. Values are encrypted by it with a key that comes with each request (SSE-C). */
export function openS3(options: S3Options): ObjectStore {
  const send = sender(options, addressOf(options, options.endpoint))
  const link = presigner(options, addressOf(options, options.publicEndpoint ?? options.endpoint))
  return {
    presignPut: async (objectKey, sseKey, contentLength) =>
      link('PUT', objectKey, UPLOAD_SECONDS, uploadHeaders(sseKey, contentLength)),
    presignGet: async (objectKey, sseKey) =>
      link('GET', objectKey, DOWNLOAD_SECONDS, sseHeaders(sseKey), AS_DOWNLOAD),
    async head(objectKey, sseKey) {
      const answer = await send('HEAD', objectKey, sseHeaders(sseKey))
      if (answer.status === 404) return null
      if (answer.status !== 200) throw refused('HEAD', answer.status)
      return { size: sizeOf(answer) }
    },
    async delete(objectKey) {
      const { status } = await send('DELETE', objectKey)
      if (status !== 204 && status !== 200 && status !== 404) throw refused('DELETE', status)
    },
    exists: unable,
    copy: unable,
    list: unable,
    beginUpload: unable,
    presignPart: unable,
    listParts: unable,
    completeUpload: unable,
    abortUpload: unable,
    listUploads: unable,
    async ping() {
      const answer = await send('GET', PING_KEY)
      // A missing bucket is a 404, too, and only the body tells.
      if (answer.status !== 404 || answer.body.includes('NoSuchBucket')) throw refused('GET', answer.status)
    },
  }
}

async function unable(): Promise<never> {
  throw new PortFailure('objects_refused', 'This adapter cannot do that.')
}

/** An object that is never there: object keys are "v1/" and 32 hex digits. */
const PING_KEY = 'v1/ping'

/** A browser that follows the URL saves bytes; it never shows them as a page of the store's origin. */
const AS_DOWNLOAD = {
  'response-content-type': 'application/octet-stream',
  'response-content-disposition': 'attachment',
  'response-cache-control': 'no-store',
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html */
function sseHeaders(sseKey: Uint8Array | null): Record<string, string> {
  if (sseKey === null) return {}
  const prefix = 'x-amz-server-side-encryption-customer'
  return {
    [`${prefix}-algorithm`]: 'AES256',
    [`${prefix}-key`]: Buffer.from(sseKey).toString('base64'),
    [`${prefix}-key-md5`]: hash('md5', sseKey, 'base64'),
  }
}

// With `if-none-match: *` an upload URL cannot replace what it, or anybody, has uploaded (RFC 9110, section 13.1.2).
function uploadHeaders(sseKey: Uint8Array | null, contentLength: number | null): Record<string, string> {
  const length = contentLength === null ? {} : { 'content-length': String(contentLength) }
  return { 'if-none-match': '*', ...length, ...sseHeaders(sseKey) }
}

interface Address {
  readonly endpoint: URL
  pathOf(objectKey: string): string
}

function addressOf({ addressing, bucket }: S3Options, text: string): Address {
  const endpoint = new URL(text)
  switch (addressing) {
    case 'path':
      return { endpoint, pathOf: (objectKey) => `/${bucket}/${objectKey}` }
    case 'virtual-host':
      endpoint.hostname = `${bucket}.${endpoint.hostname}`
      return { endpoint, pathOf: (objectKey) => `/${objectKey}` }
  }
}

function presigner({ credentials, region, clock }: S3Options, address: Address) {
  return (
    method: string,
    objectKey: string,
    expiresSeconds: number,
    headers: Record<string, string>,
    query: Record<string, string> = {},
  ): Presigned => {
    const { endpoint } = address
    const now = new Date(clock.now())
    const path = address.pathOf(objectKey)
    const url = presign({ method, endpoint, path, query, headers, credentials, region, now, expiresSeconds })
    return { url, headers: { host: endpoint.host, ...headers } }
  }
}

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: string
}

function sender({ credentials, region, clock, timeoutMs = 5000 }: S3Options, address: Address) {
  const { endpoint } = address
  return async (method: string, objectKey: string, headers: Record<string, string> = {}): Promise<Answer> => {
    const path = address.pathOf(objectKey)
    const now = new Date(clock.now())
    const request = { method, endpoint, path, headers, credentials, region, now, payloadHash: EMPTY_SHA256 }
    const { host: _, ...signed } = signHeaders(request)
    try {
      // A redirect would carry the keys to a place that nobody named.
      const init = {
        method,
        headers: signed,
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
      } as const
      const answer = await fetch(new URL(path, endpoint), init)
      return { status: answer.status, headers: answer.headers, body: await answer.text() }
    } catch (error) {
      throw new PortFailure('objects_unreachable', `${method} ${endpoint.origin}: ${reasonOf(error)}.`)
    }
  }
}

const EMPTY_SHA256 = hash('sha256', '', 'hex')

function sizeOf({ headers }: Answer): number {
  const text = headers.get('content-length') ?? ''
  if (!/^\d{1,15}$/.test(text))
    throw new PortFailure('objects_refused', 'It did not say how long an object is.')
  return Number(text)
}

function refused(method: string, status: number): PortFailure {
  return new PortFailure(
    'objects_refused',
    `It answered ${status} to ${method}: check bucket and credentials.`,
  )
}

// Only a code: the text of an error may hold what was sent.
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  if (cause instanceof Error && 'code' in cause && typeof cause.code === 'string') return cause.code
  return cause instanceof Error ? cause.name : 'failed'
}
