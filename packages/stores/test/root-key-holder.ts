import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { RootKeyFault } from '@lunadefend/core/port-contracts'

export interface Asked {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface Answered {
  readonly status: number
  readonly body: unknown
  readonly headers?: Record<string, string>
}

/** A server that stands in for one that holds keys, and what can be done to it. */
export interface StandIn extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** Requests that came, spoiled ones too. */
  readonly asked: Asked[]
  /** The most that were under way at once. */
  readonly mostAtOnce: () => number
  spoil(fault: RootKeyFault, times: number): void
  /** Answers nothing until the answer of this is called. */
  hold(): () => void
}

/** Faults that only the API itself knows how to say; the others happen to bytes. */
type Spoken = Extract<RootKeyFault, 'throttling' | 'server error' | 'a truncated output'>

export async function standIn(
  answer: (asked: Asked, fault: Spoken | null) => Answered | Promise<Answered>,
  tls?: { readonly key: string; readonly cert: string },
): Promise<StandIn> {
  const asked: Asked[] = []
  let fault: { kind: RootKeyFault; times: number } | null = null
  let [now, most] = [0, 0]
  let gate = { promise: Promise.resolve() }
  const take = () => {
    if (fault === null || fault.times <= 0) return null
    fault.times -= 1
    return fault.kind
  }
  const server: Server = tls === undefined ? createServer() : createTlsServer(tls)
  server.on('request', async (request, response) => {
    most = Math.max(most, ++now)
    response.on('close', () => now--)
    const { method = '', url: path = '', headers } = request
    const one = { method, path, headers, body: await text(request) }
    asked.push(one)
    await gate.promise
    const kind = take()
    if (kind === 'silence') return
    const spoken = kind === 'half an answer' || kind === 'a malformed answer' ? null : kind
    const { status, body, headers: extra } = await answer(one, spoken)
    const whole = kind === 'a malformed answer' ? '{"Mac": "vault:v1:' : JSON.stringify(body)
    const length = `${Buffer.byteLength(whole)}`
    response.writeHead(status, { 'content-type': 'application/json', ...extra, 'content-length': length })
    if (kind !== 'half an answer') return void response.end(whole)
    response.write(whole.slice(0, whole.length / 2), () => request.socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    port,
    asked,
    mostAtOnce: () => most,
    spoil: (kind, times) => {
      fault = { kind, times }
    },
    hold: () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      gate = { promise }
      return resolve
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
