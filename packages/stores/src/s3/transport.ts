import { readFileSync } from 'node:fs'
import { PortFailure } from '@lunadefend/core'
import { Agent, type Dispatcher, EnvHttpProxyAgent, ProxyAgent } from 'undici'

/** How the store is reached. */
export interface TransportOptions {
  /**
   * A proxy's URL, or `environment` for what HTTP_PROXY, HTTPS_PROXY and NO_PROXY say. Requests to an `http:` store
   * show the proxy everything.
   *
   * @default none
   */
  readonly proxy?: string | undefined
  /** A PEM file. Its certificates are trusted for the store, and no others. @default what Node trusts */
  readonly caFile?: string | undefined
}

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE' | 'OPTIONS'
  readonly origin: string
  /** Path and query, encoded as they are to be sent. */
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array | null
  readonly signal: AbortSignal
}

export interface HttpAnswer {
  readonly status: number
  /** `null` = there is none. */
  header(name: string): string | null
  readonly body: Buffer
}

/** There was no whole answer. `code` says why and holds nothing that was sent or received. */
export class NoAnswer extends Error {
  readonly code: string
  constructor(code: string) {
    super(code)
    this.name = 'NoAnswer'
    this.code = code
  }
}

export interface Transport extends AsyncDisposable {
  /** Sends once and follows nothing. Throws NoAnswer. */
  send(request: HttpRequest): Promise<HttpAnswer>
}

/** The longest answer that is read, in bytes: a page of 1,000 keys is about 400 KB. */
const MAX_ANSWER_BYTES = 4 * 1024 ** 2
/** How long a connection may take to stand, in milliseconds. */
const CONNECT_MS = 3_000
/** Connections to the store at once. */
const CONNECTIONS = 64

/** Throws PortFailure when the file of certificates cannot be read. */
export function openTransport({ proxy, caFile }: TransportOptions): Transport {
  const dispatcher = dispatcherFor(proxy, caFile === undefined ? {} : { ca: readCertificates(caFile) })
  return {
    send: (request) => send(dispatcher, request),
    [Symbol.asyncDispose]: () => dispatcher.destroy(),
  }
}

function dispatcherFor(proxy: string | undefined, tls: { readonly ca?: string }): Dispatcher {
  const connect = { ...tls, timeout: CONNECT_MS }
  const options = {
    allowH2: false,
    connections: CONNECTIONS,
    connect,
    maxResponseSize: MAX_ANSWER_BYTES,
    requestTls: connect,
  }
  switch (proxy) {
    case undefined:
      return new Agent(options)
    case 'environment':
      return new EnvHttpProxyAgent(options)
    default:
      return new ProxyAgent({ ...options, uri: proxy })
  }
}

function readCertificates(file: string): string {
  try {
    const text = readFileSync(file, 'utf8')
    if (text.includes('-----BEGIN CERTIFICATE-----')) return text
  } catch {
    // Below.
  }
  throw new PortFailure('objects_ca_unreadable', `Look at ${file}.`)
}

async function send(dispatcher: Dispatcher, request: HttpRequest): Promise<HttpAnswer> {
  const { method, origin, target, headers, body, signal } = request
  try {
    const answer = await dispatcher.request({ method, origin, path: target, headers, body, signal })
    const received = Buffer.from(await answer.body.arrayBuffer())
    const header = (name: string) => {
      const value = answer.headers[name]
      return typeof value === 'string' ? value : null
    }
    return { status: answer.statusCode, header, body: received }
  } catch (error) {
    throw new NoAnswer(signal.aborted ? 'TIMEOUT' : codeOf(error))
  }
}

// Only a code: the text of an error may hold what was sent.
function codeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const known = cause instanceof Error && 'code' in cause && typeof cause.code === 'string'
  return known && /^[A-Z][A-Z0-9_]{1,60}$/.test(String(cause.code)) ? String(cause.code) : 'FAILED'
}
