import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Heard {
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** Who hears of alarms: answers as told, and remembers. */
export async function startListener() {
  const heard: Heard[] = []
  const state = { status: 204, headers: {} as Record<string, string>, hang: false }
  const server: Server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    heard.push({
      url: request.url ?? '',
      headers: request.headers,
      body: Buffer.concat(chunks).toString(),
    })
    if (state.hang) return
    response.writeHead(state.status, state.headers)
    // More than anybody would want to read.
    for (let n = 0; n < 64; n += 1) response.write(Buffer.alloc(16_384))
    response.end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    heard,
    state,
    url: `http://127.0.0.1:${port}/hook`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
