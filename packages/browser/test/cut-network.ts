import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A line to one server that can be cut. It keeps nothing of what goes through. */
export interface Line extends AsyncDisposable {
  /** The port of the server. */
  readonly from: number
  readonly port: number
  /** Bytes that have gone to the server so far. */
  readonly sent: () => number
  /** How often it was cut. */
  readonly cuts: () => number
  /** When so many more bytes have been sent, everything breaks off, and nothing gets through for so long; for ever without `ms`. */
  cutAfter(bytes: number, ms?: number): void
  /** Nothing moves any more, and nothing breaks off. */
  hold(): void
  /** All is well again. */
  mend(): void
}

export async function startLine(from: number): Promise<Line> {
  const sockets = new Set<Socket>()
  let plan: { readonly at: number; readonly ms: number | undefined }[] = []
  let isCut = false
  let isHeld = false
  let sent = 0
  let cuts = 0

  function mend(): void {
    isCut = false
    isHeld = false
    for (const socket of sockets) socket.resume()
  }

  function count(bytes: number): void {
    sent += bytes
    const [next] = plan
    if (next === undefined || sent < next.at) return
    plan = plan.slice(1)
    cuts += 1
    isCut = true
    for (const socket of sockets) socket.destroy()
    if (next.ms !== undefined) setTimeout(mend, next.ms)
  }

  const server = createServer((near) => {
    if (isCut) near.destroy()
    else join(near, connect(from, '127.0.0.1'))
  })

  function join(near: Socket, far: Socket): void {
    near.on('data', ({ length }) => count(length))
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
    if (isHeld) for (const socket of [near, far]) socket.pause()
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    from,
    port: (server.address() as AddressInfo).port,
    sent: () => sent,
    cuts: () => cuts,
    cutAfter(bytes, ms) {
      plan.push({ at: sent + bytes, ms })
    },
    hold() {
      isHeld = true
      for (const socket of sockets) socket.pause()
    },
    mend() {
      plan = []
      mend()
    },
    async [Symbol.asyncDispose]() {
      isCut = true
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** For Chromium: it takes these lines, and believes that it talks with the servers. */
export function takeLines(lines: readonly Line[]): string {
  return `--host-resolver-rules=${lines.map(({ from, port }) => `MAP localhost:${from} 127.0.0.1:${port}`).join(',')}`
}
