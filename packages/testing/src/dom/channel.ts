type Listener = (event: { readonly data: unknown }) => void

/** One end of a channel. Messages are flat objects; each side gets copies of its own. */
export interface LocalPort {
  onmessage: Listener | null
  postMessage(message: object): void
  addEventListener(type: string, listen: Listener, options?: { readonly signal?: AbortSignal }): void
  start(): void
  close(): void
}

/**
 * As `MessageChannel`, where there may be none: it keeps no process alive, and faked timers do not stop it. Messages come
 * one by one, after what runs now.
 */
export class LocalChannel {
  readonly port1: LocalPort
  readonly port2: LocalPort

  constructor() {
    const listeners: [Set<Listener>, Set<Listener>] = [new Set(), new Set()]
    const closed = { now: false }
    const end = (own: 0 | 1): LocalPort => ({
      onmessage: null,
      postMessage: (message) => {
        const data = { ...message }
        queueMicrotask(() => {
          if (!closed.now) for (const listen of [...listeners[own === 0 ? 1 : 0]]) listen({ data })
        })
      },
      addEventListener(type, listen, { signal } = {}) {
        if (type !== 'message') return
        listeners[own].add(listen)
        signal?.addEventListener('abort', () => listeners[own].delete(listen))
      },
      start() {},
      close() {
        closed.now = true
      },
    })
    this.port1 = listening(end(0), listeners[0])
    this.port2 = listening(end(1), listeners[1])
  }
}

function listening(port: LocalPort, listeners: Set<Listener>): LocalPort {
  listeners.add((event) => port.onmessage?.(event))
  return port
}
