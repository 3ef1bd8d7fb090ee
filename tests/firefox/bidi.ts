/** The wire of WebDriver BiDi (W3C): commands with an id over a web socket, answered in any order. */
export interface Bidi {
  /** @throws Error with the browser's own words */
  // biome-ignore lint/suspicious/noExplicitAny: each command has its own answer
  send(method: string, params: object): Promise<any>
  close(): void
}

interface Answer {
  readonly id?: number
  readonly type: string
  readonly result?: unknown
  readonly error?: string
  readonly message?: string
}

export async function connectBidi(url: string): Promise<Bidi> {
  const socket = new WebSocket(url)
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  let last = 0
  await new Promise((resolve, reject) => {
    socket.onopen = resolve
    socket.onerror = reject
  })
  socket.onmessage = ({ data }) => {
    const { id = 0, type, result, error, message }: Answer = JSON.parse(data)
    const asked = waiting.get(id)
    waiting.delete(id)
    if (type === 'success') asked?.resolve(result)
    else asked?.reject(new Error(`${error}: ${message}`))
  }
  socket.onclose = () => {
    for (const asked of waiting.values()) asked.reject(new Error('The browser has gone.'))
  }
  const send: Bidi['send'] = (method, params) => {
    const id = ++last
    const asked = Promise.withResolvers<unknown>()
    waiting.set(id, asked)
    socket.send(JSON.stringify({ id, method, params }))
    return asked.promise
  }
  await send('session.new', { capabilities: {} })
  return { send, close: () => socket.close() }
}
