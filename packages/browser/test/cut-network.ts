import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A line to one server that can be cut. It keeps nothing of what goes through. */
export interface Line extends AsyncDisposable {
  /** The port of the server. */
  readonly from: number
  readonly port: number
  /** Bytes that have gone to the server so far. */
  readonly sent: () => number
  /** Everything that is under way breaks off, and nothing gets through until `mend`. */
  cut(): void
  mend(): void
}

export async function startLine(from: number): Promise<Line> {
  const sockets = new Set<Socket>()
  let isCut = false
  let sent = 0
  const server = createServer((near) => {
    if (isCut) return near.destroy()
    const far = connect(from, '127.0.0.1')
    near.on('data', ({ length }) => {
      sent += length
    })
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
    return undefined
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = (): void => {
    isCut = true
    for (const socket of sockets) socket.destroy()
  }
  return {
    from,
    port: (server.address() as AddressInfo).port,
    sent: () => sent,
    cut,
    mend: () => {
      isCut = false
    },
    async [Symbol.asyncDispose]() {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}

/** For Chromium: it takes these lines, and believes that it talks with the servers. */
export function takeLines(lines: readonly Line[]): string {
  return `--host-resolver-rules=${lines.map(({ from, port }) => `MAP localhost:${from} 127.0.0.1:${port}`).join(',')}`
}
