import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** What becomes of a flight: `lose` cuts the line before the server has it, `silence` when the server has committed. */
export type Fate = 'pass' | 'lose' | 'silence'

/**
 * A line to a server on which the client is let speak to the end: what it sends without waiting for an answer is one
 * flight, and costs one round trip, however many packets that takes.
 */
export interface Line extends AsyncDisposable {
  readonly port: number
  /** What the client has sent so far, flight by flight. */
  readonly flights: Buffer[]
  /** Decides about each flight. */
  fate: (flight: Buffer) => Fate
}

/** Nobody who is silent for so long has more to say, in milliseconds. */
const QUIET_MS = 30

export async function startLine(serverPort: number): Promise<Line> {
  const flights: Buffer[] = []
  const open = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(serverPort, '127.0.0.1')
    for (const socket of [client, upstream]) {
      open.add(socket)
      socket.setNoDelay(true).on('error', () => undefined)
      socket.on('close', () => {
        open.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    relay(client, upstream, line)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const line: Line = {
    port: (server.address() as AddressInfo).port,
    flights,
    fate: () => 'pass',
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
  return line
}

function relay(client: Socket, upstream: Socket, line: Line): void {
  let deaf = false
  let chunks: Buffer[] = []
  let timer: NodeJS.Timeout | undefined
  const fly = () => {
    const flight = Buffer.concat(chunks)
    chunks = []
    line.flights.push(flight)
    const fate = line.fate(flight)
    if (fate === 'lose') {
      client.destroy()
      return
    }
    deaf = fate === 'silence'
    upstream.write(flight)
  }
  client.on('data', (chunk) => {
    chunks.push(chunk)
    clearTimeout(timer)
    timer = setTimeout(fly, QUIET_MS)
  })
  upstream.on('data', (chunk) => {
    if (!deaf) client.write(chunk)
    else if (chunk.includes('COMMIT\0')) client.destroy()
  })
}

/** The same place, at the other end of the line. */
export function through(url: string, line: Line): string {
  const moved = new URL(url)
  moved.port = String(line.port)
  return moved.href
}
