import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { Agent, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type PresignRequest, presign, signHeaders } from '@lunadefend/core/sigv4'
import { type ObjectStoreOptions, type RunningObjectStore, startObjectStore } from '@lunadefend/object-store'

export const BUCKET = 'lunadefend'
export const REGION = 'us-east-1'
export const ORIGIN = 'http://localhost:37766'
export const credentials = {
  accessKeyId: 'LDTESTACCESSKEY',
  secretAccessKey: randomBytes(30).toString('base64'),
}
export const masterKey = randomBytes(32)
/** A second without a fraction, so that the age of a request is exact. */
export const NOW = new Date('2026-03-01T12:00:00Z')

export interface TestStore extends AsyncDisposable {
  readonly url: string
  readonly directory: string
  readonly running: RunningObjectStore
  /** What the store reported as its own failures. */
  readonly failures: unknown[]
  /** Moves the store's clock; requests stay signed for `NOW` unless they say otherwise. */
  setNow(now: Date): void
}

/** `removes`: whether the directory goes when the store does. */
export async function startTestStore(
  options: Partial<ObjectStoreOptions> = {},
  removes = options.directory === undefined,
): Promise<TestStore> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'objects-')))
  const remove = () => rm(directory, { recursive: true, force: true })
  const failures: unknown[] = []
  let now = NOW
  const running = await startObjectStore({
    directory,
    port: 0,
    bucket: BUCKET,
    region: REGION,
    credentials,
    corsOrigins: [ORIGIN],
    masterKey,
    now: () => now,
    onFailure: (error) => failures.push(error),
    ...options,
  }).catch(async (error) => {
    if (removes) await remove()
    throw error
  })
  return {
    url: running.url,
    directory,
    running,
    failures,
    setNow: (later) => {
      now = later
    },
    [Symbol.asyncDispose]: async () => {
      await running.close()
      if (removes) await remove()
    },
  }
}

export interface RawAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** S3's error code, or `null` when the answer is no error document. */
  readonly code: string | null
}

export interface RawRequest {
  readonly method: string
  readonly url: string
  readonly headers?: Record<string, string | string[]>
  readonly body?: Uint8Array | string
}

/** One request on a connection of its own, sent just as it is given. */
export async function send({ method, url, headers = {}, body }: RawRequest): Promise<RawAnswer> {
  const { hostname, port, origin } = new URL(url)
  const announced = /^P/.test(method) && headers['transfer-encoding'] === undefined
  const length = announced ? { 'content-length': String(Buffer.byteLength(body ?? '')) } : {}
  // Not URL.pathname: it would resolve dots.
  const path = url.slice(origin.length)
  const outgoing = httpRequest({
    hostname,
    port,
    path,
    method,
    agent: false,
    headers: { ...length, ...headers },
  })
  // A refusal can end the connection before all is written. Without an answer, `once` rejects.
  outgoing.on('error', () => {})
  outgoing.end(body)
  const [incoming] = await once(outgoing, 'response')
  const pieces: Buffer[] = []
  for await (const piece of incoming) pieces.push(piece)
  const bytes = Buffer.concat(pieces)
  const code = /<Error><Code>(\w+)<\/Code>/.exec(bytes.toString('latin1'))?.[1] ?? null
  return { status: incoming.statusCode ?? 0, headers: incoming.headers, body: bytes, code }
}

/** Sends one request after the other on one connection, as long as the store keeps it. */
export function oneConnection() {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  return async (method: string, url: string, body?: Uint8Array) => {
    const { hostname, port, pathname, search } = new URL(url)
    const headers = body === undefined ? {} : { 'content-length': body.length }
    const outgoing = httpRequest({ agent, hostname, port, method, path: pathname + search, headers })
    // A refusal can end the connection before all is written. Without an answer, `once` rejects.
    outgoing.on('error', () => {})
    outgoing.end(body)
    const [incoming]: IncomingMessage[] = await once(outgoing, 'response')
    incoming?.resume()
    return { status: incoming?.statusCode, port: incoming?.socket.localPort }
  }
}

export function presigned(
  store: { url: string },
  method: string,
  key: string,
  change: Partial<PresignRequest> = {},
) {
  return presign({
    method,
    endpoint: store.url,
    path: `/${BUCKET}/${key}`,
    credentials,
    region: REGION,
    now: NOW,
    expiresSeconds: 300,
    ...change,
  })
}

interface Exchange {
  readonly headers?: Record<string, string>
  /** Sent, and not signed. */
  readonly unsigned?: Record<string, string>
  readonly query?: Record<string, string>
  readonly body?: Uint8Array | string
}

/** A presigned request whose signed headers are all sent. */
export function call(
  store: { url: string },
  method: string,
  key: string,
  exchange: Exchange = {},
): Promise<RawAnswer> {
  const { headers = {}, unsigned = {}, query = {}, body } = exchange
  const url = presigned(store, method, key, { headers, query })
  return send({ method, url, headers: { ...headers, ...unsigned }, ...(body === undefined ? {} : { body }) })
}

/** A request signed in its `Authorization` header. */
export function callSigned(
  store: { url: string },
  method: string,
  key: string,
  exchange: Exchange & { payloadHash?: string; now?: Date } = {},
) {
  const {
    headers = {},
    unsigned = {},
    query = {},
    body,
    payloadHash = sha256(body ?? ''),
    now = NOW,
  } = exchange
  const path = `/${BUCKET}/${key}`
  const signed = signHeaders({
    method,
    endpoint: store.url,
    path,
    query,
    headers,
    credentials,
    region: REGION,
    now,
    payloadHash,
  })
  const search = new URLSearchParams(query).toString()
  const url = `${store.url}${path}${search === '' ? '' : `?${search}`}`
  return send({ method, url, headers: { ...signed, ...unsigned }, ...(body === undefined ? {} : { body }) })
}

export interface SseHeaders extends Record<string, string> {
  'x-amz-server-side-encryption-customer-algorithm': string
  'x-amz-server-side-encryption-customer-key': string
  'x-amz-server-side-encryption-customer-key-md5': string
}

export function sse(key: Uint8Array = randomBytes(32)): SseHeaders {
  return {
    'x-amz-server-side-encryption-customer-algorithm': 'AES256',
    'x-amz-server-side-encryption-customer-key': Buffer.from(key).toString('base64'),
    'x-amz-server-side-encryption-customer-key-md5': createHash('md5').update(key).digest('base64'),
  }
}

export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Writes bytes to the store's port as they are, and returns all that comes back. */
export async function sendBytes(store: TestStore, bytes: Uint8Array | string): Promise<string> {
  const socket = connect(store.running.port, '127.0.0.1')
  const pieces: Buffer[] = []
  socket.on('data', (piece) => pieces.push(piece))
  socket.on('error', () => {})
  socket.end(bytes)
  await once(socket, 'close')
  return Buffer.concat(pieces).toString('latin1')
}

/** Paths of all files under the store's directory, of which the objects are those under `objects/`. */
export async function filesOf(
  directory: string,
  folder: 'objects' | 'temporary' | '' = '',
): Promise<string[]> {
  const entries = await readdir(join(directory, folder), { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

export async function onlyObject(store: TestStore): Promise<{ path: string; bytes: Buffer }> {
  const [path, ...more] = await filesOf(store.directory, 'objects')
  if (path === undefined || more.length > 0) throw new Error('there is not exactly one object')
  return { path, bytes: await readFile(path) }
}
