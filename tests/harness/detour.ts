import { once } from 'node:events'
import { createServer, request as forward, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One request with its answer, as they went through. Bodies grow while they stream. */
export interface Exchange {
  readonly method: string
  readonly path: string
  readonly requestHeaders: readonly string[]
  readonly requestBody: Buffer[]
  /** 0 until there is an answer. */
  status: number
  responseHeaders: readonly string[]
  readonly responseBody: Buffer[]
}

/** What a test puts between the browser and a server. Everything is optional; without anything it only listens. */
export interface Meddling {
  /**
   * An answer in place of the server's, which is not asked then; `cut`: the connection ends without one; `hold`: it
   * stays open without one; `lose`: the server is asked, and its answer does not arrive; `null` lets the request pass.
   */
  answer?: (request: Question) => Answer | 'cut' | 'hold' | 'lose' | null
  /** Other headers than the browser sent: what a server would see that could not trust them. */
  requestHeaders?: (headers: Record<string, string>, request: Question) => Record<string, string>
  /** Response headers that do not arrive. */
  without?: readonly string[]
}
export interface Question {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
}
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array
}

/** A place on the way to one server, where everything is written down. */
export interface Detour extends AsyncDisposable {
  /** The port of the server. */
  readonly from: number
  readonly port: number
  readonly exchanges: Exchange[]
  meddling: Meddling
}

/** Passes on to `localhost:port`, the Host header included: neither side can tell that it is there. */
export async function startDetour(port: number): Promise<Detour> {
  const exchanges: Exchange[] = []
  const detour = { exchanges, meddling: {} as Meddling }
  const server = createServer((request, response) => {
    const exchange = noteRequest(request)
    exchanges.push(exchange)
    const answer = detour.meddling.answer?.(questionOf(request)) ?? null
    if (answer === 'cut') request.on('data', () => request.destroy()).on('end', () => response.destroy())
    else if (answer === 'hold') request.resume()
    else if (answer === null) pass(port, request, response, exchange, detour.meddling)
    else if (answer === 'lose') pass(port, request, response, exchange, detour.meddling, true)
    else replace(response, answer, exchange)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return Object.assign(detour, {
    from: port,
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.close().closeAllConnections()
      await once(server, 'close')
    },
  })
}

function noteRequest(request: IncomingMessage): Exchange {
  const requestBody: Buffer[] = []
  request.on('data', (chunk: Buffer) => requestBody.push(chunk))
  return {
    ...{ method: request.method ?? '', path: request.url ?? '', requestHeaders: request.rawHeaders },
    ...{ requestBody, status: 0, responseHeaders: [], responseBody: [] },
  }
}

function questionOf({ method = '', url = '', headers }: IncomingMessage): Question {
  return { method, path: url.split('?', 1)[0] ?? '', headers }
}

function replace(response: ServerResponse, { status, headers, body }: Answer, exchange: Exchange): void {
  exchange.status = status
  exchange.responseBody.push(Buffer.from(body))
  response.writeHead(status, headers).end(body)
}

function pass(
  port: number,
  request: IncomingMessage,
  response: ServerResponse,
  exchange: Exchange,
  meddling: Meddling,
  lost = false,
): void {
  // What is compressed cannot be looked through.
  const { 'accept-encoding': _, ...sent } = request.headers as Record<string, string>
  const headers = meddling.requestHeaders?.(sent, questionOf(request)) ?? sent
  const { method, url: path } = request
  const onward = forward({ host: '127.0.0.1', port, method, path, headers }, (answer) => {
    const unwanted = meddling.without ?? []
    const kept = Object.entries(answer.headers).filter(([name]) => !unwanted.includes(name))
    exchange.status = answer.statusCode ?? 0
    exchange.responseHeaders = answer.rawHeaders
    if (lost) {
      answer.resume().on('end', () => response.destroy())
      return
    }
    answer.on('data', (chunk: Buffer) => exchange.responseBody.push(chunk))
    response.writeHead(exchange.status, Object.fromEntries(kept))
    response.flushHeaders()
    answer.pipe(response)
    answer.on('error', () => response.destroy())
  })
  onward.on('error', () => response.destroy())
  response.on('close', () => onward.destroy())
  request.pipe(onward)
}

/** For Chromium: it asks the detours, and believes that it asks the servers. */
export function takeDetours(detours: readonly Detour[]): string {
  const rules = detours.map(({ from, port }) => `MAP localhost:${from} 127.0.0.1:${port}`)
  return `--host-resolver-rules=${rules.join(',')}`
}

/** Everything of an exchange in one piece, for a scan. */
export function bytesOf(exchange: Exchange): Buffer {
  const { method, path, requestHeaders, requestBody, status, responseHeaders, responseBody } = exchange
  const head = [method, path, ...requestHeaders, String(status), ...responseHeaders].join('\n')
  return Buffer.concat([Buffer.from(head), ...requestBody, Buffer.from('\n'), ...responseBody])
}
