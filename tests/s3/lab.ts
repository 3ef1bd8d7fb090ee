import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  Agent,
  type ClientRequest,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http'
import { S3Client } from '@aws-sdk/client-s3'
import { encodePath, presign, type SignRequest, signHeaders, uriEncode } from '@lunadefend/core/sigv4'
import type { Seen, Target } from './target.ts'

type Headers = Readonly<Record<string, string>>
type Bytes = Uint8Array | string

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** What is common to both ways to sign. */
interface Asked {
  /** Signed and sent. */
  readonly headers?: Headers
  /** Sent, and not signed. */
  readonly unsigned?: Headers
  readonly query?: Headers
  readonly body?: Bytes
  readonly now?: Date
  /** What to sign otherwise than it is. */
  readonly sign?: Partial<SignRequest>
}

interface AskedByUrl extends Asked {
  readonly expiresSeconds?: number
  /** Changes the URL after it was signed. */
  readonly edit?: (url: string) => string
}

interface AskedByHeader extends Asked {
  readonly payloadHash?: string
  /** Changes the headers after they were signed. */
  readonly edit?: (headers: Headers) => Headers
}

export type ChecksumMode = 'WHEN_SUPPORTED' | 'WHEN_REQUIRED'

/** What the cases work with. Requests are sent just as they are given, and come back as they are answered. */
export interface Lab {
  readonly target: Target
  /** A folder of the bucket that belongs to one case, with a slash at its end. */
  readonly folder: string
  /** An SDK client that never tries twice. */
  readonly sdk: (mode: ChecksumMode) => S3Client
  /** A new name in the folder. */
  key(): string
  /** Stores a value under a new name, which it returns. */
  stored(body?: Bytes, headers?: Headers): Promise<string>
  /** Signed in the query. `key` `null` means the bucket itself. */
  byUrl(method: string, key: string | null, asked?: AskedByUrl): Promise<Answer>
  /** Signed in the header `Authorization`. */
  byHeader(method: string, key: string | null, asked?: AskedByHeader): Promise<Answer>
  /** Not signed. */
  plain(method: string, key: string | null, headers?: Headers): Promise<Answer>
  presignedUrl(method: string, key: string | null, asked?: AskedByUrl): string
}

const clients = new Map<string, S3Client>()

export function openLab(target: Target, name: string): Lab {
  const folder = `${randomBytes(4).toString('hex')}-${name}/`
  let keys = 0
  const lab: Lab = {
    target,
    folder,
    sdk: (mode) => sdkClient(target, mode),
    key: () => `${folder}${++keys}`,
    stored: async (body = 'value', headers = {}) => {
      const key = lab.key()
      const answer = await lab.byUrl('PUT', key, { headers, body })
      if (answer.status !== 200) throw new Error(`an object could not be prepared: ${said(answer)}`)
      return key
    },
    byUrl: (method, key, asked = {}) =>
      send(method, lab.presignedUrl(method, key, asked), { ...asked.headers, ...asked.unsigned }, asked.body),
    presignedUrl: (method, key, asked = {}) => {
      const { expiresSeconds = 300, edit = (url) => url } = asked
      return edit(presign({ ...toSign(target, method, key, asked), expiresSeconds }))
    },
    byHeader: (method, key, asked = {}) => {
      const { payloadHash = sha256(asked.body ?? ''), edit = (headers) => headers } = asked
      const headers = signHeaders({ ...toSign(target, method, key, asked), payloadHash })
      const url = urlOf(target, key, asked.query)
      return send(method, url, { ...edit(headers), ...asked.unsigned }, asked.body)
    },
    plain: (method, key, headers = {}) => send(method, urlOf(target, key), headers),
  }
  return lab
}

export function closeLabs(): void {
  for (const client of clients.values()) client.destroy()
  clients.clear()
  agent.destroy()
}

function sdkClient({ endpoint, region, credentials }: Target, mode: ChecksumMode): S3Client {
  const name = `${endpoint} ${mode}`
  const client =
    clients.get(name) ??
    new S3Client({
      ...{ endpoint, region, credentials, forcePathStyle: true, maxAttempts: 1 },
      ...{ requestChecksumCalculation: mode, responseChecksumValidation: mode },
    })
  clients.set(name, client)
  return client
}

function toSign(target: Target, method: string, key: string | null, asked: Asked): SignRequest {
  const { endpoint, credentials, region } = target
  const { headers = {}, query = {}, now = new Date(), sign = {} } = asked
  return { method, endpoint, path: pathOf(target, key), query, headers, credentials, region, now, ...sign }
}

function pathOf({ bucket }: Target, key: string | null): string {
  return key === null ? `/${bucket}` : `/${bucket}/${key}`
}

function urlOf(target: Target, key: string | null, query: Headers = {}): string {
  const pairs = Object.entries(query).map(([name, value]) => `${uriEncode(name)}=${uriEncode(value)}`)
  const search = pairs.length === 0 ? '' : `?${pairs.join('&')}`
  return `${target.endpoint}${encodePath(pathOf(target, key))}${search}`
}

const agent = new Agent({ keepAlive: true })

/**
 * One request, sent as it is given; `content-length` is added to a body unless the headers say how long it is. With a
 * body of `null` nothing is said about a body. A kept connection that the store closes at the very moment of its next
 * use has carried nothing, so the request goes again over another.
 */
export async function send(
  method: string,
  url: string,
  headers: Headers,
  body?: Bytes | null,
): Promise<Answer> {
  const { hostname, port, origin } = new URL(url)
  const names = Object.keys(headers).map((name) => name.toLowerCase())
  const isSized = names.includes('content-length') || names.includes('transfer-encoding')
  const hasBody = body !== null && (body !== undefined || method === 'PUT' || method === 'POST')
  const length = hasBody && !isSized ? { 'content-length': String(Buffer.byteLength(body ?? '')) } : {}
  // Not URL.pathname: it would resolve dots.
  const path = url.slice(origin.length)
  const outgoing = httpRequest({ hostname, port, path, method, headers: { ...headers, ...length }, agent })
  outgoing.useChunkedEncodingByDefault = false
  // A refusal can end the connection before all is written. Without an answer, `once` rejects.
  outgoing.on('error', () => {})
  outgoing.end(body)
  const incoming = await firstAnswer(outgoing)
  if (incoming === 'closed') return send(method, url, headers, body)
  const pieces: Buffer[] = []
  for await (const piece of incoming) pieces.push(piece)
  return { status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(pieces) }
}

async function firstAnswer(outgoing: ClientRequest): Promise<IncomingMessage | 'closed'> {
  try {
    const [incoming] = await once(outgoing, 'response')
    return incoming
  } catch (error) {
    if (outgoing.reusedSocket) return 'closed'
    throw error
  }
}

/** `200`, or `403 AccessDenied`. */
export function said({ status, body }: Answer): string {
  const [code] = status < 300 ? [] : tags(body, 'Code')
  return code === undefined ? String(status) : `${status} ${code}`
}

/** The text of an answer of 200 or 206, the refusal of any other. */
export function textOf(answer: Answer): string {
  return answer.status === 200 || answer.status === 206 ? answer.body.toString() : said(answer)
}

/** Some headers of an answer; `null` for one that is not there. */
export function headersOf(answer: Answer, ...names: string[]): Seen[] {
  return names.map((name) => answer.headers[name]?.toString() ?? null)
}

/** What stands between each `<name>` and its end. */
export function tags(xml: Bytes, name: string): string[] {
  const text = typeof xml === 'string' ? xml : Buffer.from(xml).toString()
  return [...text.matchAll(new RegExp(`<${name}>(.*?)</${name}>`, 'gs'))].map(([, inner = '']) =>
    unescapeXml(inner),
  )
}

function unescapeXml(text: string): string {
  return text
    .replace(/&#x([0-9a-f]+);/gi, (_, hex) => String.fromCodePoint(Number.parseInt(hex, 16)))
    .replace(/&#(\d+);/g, (_, digits) => String.fromCodePoint(Number(digits)))
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
}

/** The three headers of a customer key. `what` is `''`, or `copy-source-` for the key of a copy's source. */
export function sse(key: Uint8Array, what: '' | 'copy-source-' = ''): Headers {
  const prefix = `x-amz-${what}server-side-encryption-customer-`
  return {
    [`${prefix}algorithm`]: 'AES256',
    [`${prefix}key`]: Buffer.from(key).toString('base64'),
    [`${prefix}key-md5`]: md5(key),
  }
}

export function md5(bytes: Bytes): string {
  return createHash('md5').update(bytes).digest('base64')
}

export function sha256(bytes: Bytes): string {
  return createHash('sha256').update(bytes).digest('hex')
}
