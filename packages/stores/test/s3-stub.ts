import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'vitest'

export const NOW = Date.UTC(2026, 0, 2, 3, 4, 5)
const clock = { now: () => NOW }
export const credentials = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: randomBytes(30).toString('base64'),
}
export const settings = {
  region: 'eu-west-1',
  bucket: 'values',
  credentials,
  addressing: 'path',
  clock,
} as const
export const sseKey = randomBytes(32)

/** Waits until the whole request is there: what is answered before can be lost on the way. */
export async function startServer(listener: RequestListener) {
  const server = createServer((request, answer) => {
    request.resume()
    request.once('end', () => listener(request, answer))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    server,
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** A port at which nobody listens. */
export async function unusedEndpoint(): Promise<string> {
  await using server = await startServer((_, answer) => answer.end())
  return server.endpoint
}

export type Reply = (answer: ServerResponse, request: IncomingMessage) => void

/** Did as it was told, and said nothing. */
export const lost: Reply = (answer) => answer.destroy()
export const status =
  (code: number, body = '', headers: Record<string, string> = {}): Reply =>
  (answer) =>
    answer.writeHead(code, headers).end(body)
export const failure = (code: number, name: string): Reply =>
  status(code, `<?xml version="1.0"?><Error><Code>${name}</Code><Message>m</Message></Error>`)

/** Gives these answers, one after the other, the last one for ever; remembers who asked. */
export async function startScript(...replies: Reply[]) {
  const seen: string[] = []
  const started = await startServer((request, answer) => {
    const reply = replies[Math.min(seen.length, replies.length - 1)]
    seen.push(`${request.method} ${request.url}`)
    reply?.(answer, request)
  })
  return { ...started, seen, methods: () => seen.map((line) => line.split(' ')[0]) }
}

export async function failureOf(promise: Promise<unknown>): Promise<Error> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
  expect(outcome).toHaveProperty('error')
  return (outcome as { error: Error }).error
}
