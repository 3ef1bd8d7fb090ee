import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import { type AddressInfo, isIPv6, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Credentials } from '@lunadefend/core/sigv4'
import { authenticate } from './authenticate.ts'
import { answerPreflight, checkOrigins, corsHeaders } from './cors.ts'
import { type ObjectDirectory, openObjectDirectory } from './object-directory.ts'
import { type Answer, perform } from './operations.ts'
import { route } from './routes.ts'
import { errorDocument, S3Error, type S3ErrorCode } from './s3-error.ts'
import { parseRequest } from './s3-request.ts'

const DEFAULT_HOST = '127.0.0.1'

export interface ObjectStoreOptions {
  /** Where the objects lie. Made when it is not there. One process at a time may use it. */
  readonly directory: string
  /** @default '127.0.0.1' */
  readonly host?: string
  /** 0 takes a free port. */
  readonly port: number
  /** The only bucket. */
  readonly bucket: string
  /** The region that requests must be signed for. */
  readonly region: string
  /** The only credentials. A session token is not supported. */
  readonly credentials: Omit<Credentials, 'sessionToken'>
  /** Origins whose pages may talk to the store, each exact: `http://localhost:37766`. None: `[]`. */
  readonly corsOrigins: readonly string[]
  /** 32 random bytes, always the same for one directory. Seals objects that come without a customer key. */
  readonly masterKey: Uint8Array
  /** The clock that signatures are checked against. @default the machine's */
  readonly now?: () => Date
  /**
   * Called with what the client only learns as `InternalError`: a damaged file, a full disk. Holds no key and no value.
   *
   * @default nothing is reported
   */
  readonly onFailure?: (error: unknown, requestId: string) => void
}

export interface RunningObjectStore extends AsyncDisposable {
  /** Without a slash at its end: `http://127.0.0.1:37767`. */
  readonly url: string
  readonly port: number
  /** Takes no more requests, lets those under way finish for up to five seconds, and ends. */
  close(): Promise<void>
}

/**
 * Starts an S3-compatible object store over a directory.
 *
 * @throws {TypeError} an option is not valid
 * @throws {ObjectDirectoryError} the directory holds something else, or belongs to another master key
 * @throws the error of the system, untouched: `EADDRINUSE`, `EACCES`, `EROFS`, …
 */
export async function startObjectStore(options: ObjectStoreOptions): Promise<RunningObjectStore> {
  checkOptions(options)
  const origins = checkOrigins(options.corsOrigins)
  const opened = Promise.withResolvers<ObjectDirectory>()
  // Nobody may be waiting for it when it fails; the caller learns of the failure below.
  opened.promise.catch(() => {})
  const store = { options, origins, directory: opened.promise, underWay: new Set<Promise<void>>() }
  const server = makeServer(store)
  // Listening comes first: where another store has the port, its directory is left alone.
  await listen(server, options)
  try {
    opened.resolve(await openObjectDirectory(options.directory, options.masterKey, options.now?.()))
    return running(server, store)
  } catch (error) {
    opened.reject(error)
    await shutDown(server, store)
    throw error
  }
}

const LIMITS = {
  /** Bytes of target and headers together. */
  maxHeaderSize: 16_384,
  headersTimeout: 20_000,
  /** Milliseconds for a whole request; 5 GiB in an hour are 1.5 MB a second. */
  requestTimeout: 3_600_000,
  keepAliveTimeout: 5_000,
} as const
/** Milliseconds without a byte in either direction. */
const IDLE_MS = 120_000
const CLOSE_GRACE_MS = 5_000
/** How much of a refused body is read, so that the client gets to see the answer. */
const MAX_DRAINED_BYTES = 64 * 1024 ** 2

interface Store {
  readonly options: ObjectStoreOptions
  readonly origins: ReadonlySet<string>
  readonly directory: Promise<ObjectDirectory>
  readonly underWay: Set<Promise<void>>
}

function makeServer(store: Store): Server {
  const server = createServer(LIMITS)
  server.setTimeout(IDLE_MS)
  const listener = (incoming: IncomingMessage, response: ServerResponse) => {
    const sent = new Promise((resolve) => response.once('close', resolve))
    const work = handle(store, incoming, response)
      .then(() => sent)
      .then(() => void store.underWay.delete(work))
    store.underWay.add(work)
  }
  server.on('request', listener)
  // This client waits for permission to send its body, and gets it after authentication.
  server.on('checkContinue', listener)
  server.on('clientError', refuseGarbage)
  return server
}

async function listen(server: Server, { port, host = DEFAULT_HOST }: ObjectStoreOptions): Promise<void> {
  server.listen(port, host)
  await once(server, 'listening')
}

function running(server: Server, store: Store): RunningObjectStore {
  const { port } = server.address() as AddressInfo
  const { host = DEFAULT_HOST } = store.options
  let closed: Promise<void> | null = null
  const close = () => {
    closed ??= shutDown(server, store)
    return closed
  }
  const url = `http://${isIPv6(host) ? `[${host}]` : host}:${port}`
  return { url, port, close, [Symbol.asyncDispose]: close }
}

async function shutDown(server: Server, { underWay }: Store): Promise<void> {
  const ended = once(server, 'close')
  server.close()
  const grace = new AbortController()
  const graceIsOver = sleep(CLOSE_GRACE_MS, undefined, { signal: grace.signal }).catch(() => {})
  await Promise.race([Promise.all(underWay), graceIsOver])
  grace.abort()
  // Browsers hold connections open on which nothing was ever asked.
  server.closeAllConnections()
  await ended
  await Promise.all(underWay)
}

/** Never rejects. */
async function handle(store: Store, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const requestId = randomBytes(8).toString('hex').toUpperCase()
  response.on('error', () => {})
  try {
    setHeaders(response, { ...FIXED_HEADERS, 'x-amz-request-id': requestId })
    setHeaders(response, corsHeaders(incoming, store.origins))
    await send(response, await answer(store, incoming, response))
  } catch (error) {
    if (hasLeft(incoming, error)) return
    if (!(error instanceof S3Error)) store.options.onFailure?.(error, requestId)
    refuse(incoming, response, error instanceof S3Error ? error : new S3Error('InternalError'), requestId)
  }
}

async function answer(store: Store, incoming: IncomingMessage, response: ServerResponse): Promise<Answer> {
  const { options, origins } = store
  if (incoming.method === 'OPTIONS') return { status: 200, headers: answerPreflight(incoming, origins) }
  const request = parseRequest(incoming)
  const now = options.now?.() ?? new Date()
  const payload = authenticate(request, options, now)
  const operation = route(request)
  if (request.bucket !== options.bucket) throw new S3Error('NoSuchBucket')
  const body = () => {
    if (incoming.headers.expect !== undefined) response.writeContinue()
    // A failure of ours must leave the connection open for the answer.
    return incoming.iterator({ destroyOnReturn: false })
  }
  const directory = await store.directory
  // A big copy takes its time, and meanwhile there is nothing for the client to say.
  if (!operation.hasBody) incoming.socket.setTimeout(0)
  try {
    return await perform(operation, { request, directory, region: options.region, now, payload, body })
  } finally {
    incoming.socket.setTimeout(IDLE_MS)
  }
}

// What is stored here is never a page of ours.
const FIXED_HEADERS = {
  'content-security-policy': "default-src 'none'; sandbox",
  'x-content-type-options': 'nosniff',
}

async function send(response: ServerResponse, { status, headers, body }: Answer): Promise<void> {
  if (body === undefined || typeof body === 'string') {
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
    response.writeHead(status, { ...headers, ...length }).end(body)
    return
  }
  response.writeHead(status, { ...headers })
  await pipeline(body, response)
}

function refuse(
  incoming: IncomingMessage,
  response: ServerResponse,
  error: S3Error,
  requestId: string,
): void {
  if (response.headersSent) {
    // Too late for words; an answer that ends too early is the sign.
    response.destroy()
    return
  }
  const document = errorDocument(error, requestId)
  if (!incoming.complete && !canBeDrained(incoming)) response.setHeader('connection', 'close')
  response.writeHead(error.status, {
    'content-type': 'application/xml',
    'content-length': Buffer.byteLength(document),
    ...error.headers,
  })
  response.end(incoming.method === 'HEAD' ? undefined : document)
  incoming.resume()
}

function canBeDrained({ headers }: IncomingMessage): boolean {
  if (headers.expect !== undefined || headers['transfer-encoding'] !== undefined) return false
  return Number(headers['content-length'] ?? 0) <= MAX_DRAINED_BYTES
}

/** The client has gone away before the end, which is no failure of ours. */
function hasLeft(incoming: IncomingMessage, error: unknown): boolean {
  return incoming.errored !== null || hasCode(error, 'ERR_STREAM_PREMATURE_CLOSE')
}

function refuseGarbage(error: Error, socket: Duplex): void {
  // Where an answer has begun, words would end up in the middle of it.
  if (!socket.writable || !(socket instanceof Socket) || socket.bytesWritten > 0) {
    socket.destroy()
    return
  }
  const refusal = new S3Error(garbageCode(error))
  const document = errorDocument(refusal, randomBytes(8).toString('hex').toUpperCase())
  const head = [
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}`,
    'content-type: application/xml',
    `content-length: ${Buffer.byteLength(document)}`,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${document}`, () => socket.destroy())
}

function garbageCode(error: Error): S3ErrorCode {
  if (hasCode(error, 'HPE_HEADER_OVERFLOW')) return 'RequestHeaderSectionTooLarge'
  if (hasCode(error, 'ERR_HTTP_REQUEST_TIMEOUT')) return 'RequestTimeout'
  return 'BadRequest'
}

function setHeaders(response: ServerResponse, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

function checkOptions({ bucket, region, credentials, masterKey }: ObjectStoreOptions): void {
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket))
    throw new TypeError('bucket is no valid bucket name')
  if (!/^[a-z0-9-]+$/.test(region))
    throw new TypeError('region must be of lower-case letters, digits and hyphens')
  if (!/^[\w-]+$/.test(credentials.accessKeyId))
    throw new TypeError('accessKeyId must be of letters, digits, - and _')
  if (credentials.secretAccessKey.length < 16)
    throw new TypeError('secretAccessKey must have at least 16 characters')
  if (masterKey.length !== 32) throw new TypeError('masterKey must have 32 bytes')
}
