import { parseConnect } from '@lunadefend/contract/frame-messages'

/** The one line to the page. */
export interface Connection {
  readonly port: MessagePort
  /** Random id of the page load. */
  readonly page: string
  /** Origin of the page, as the browser vouches for it. The proof of the session carries it. */
  readonly origin: string
}

/** A frame without an origin has no storage and no cookies of its own; one at the top has no page around it. */
export function mayStart(frame: Window): boolean {
  return frame.origin !== 'null' && frame.parent !== frame
}

/** Waits for the first message that is a connect, from this window's parent, from an origin of the list. Then it is deaf. */
export function awaitConnection(
  frame: Window,
  origins: readonly string[],
  connected: (connection: Connection) => void,
): void {
  frame.addEventListener('message', function listen(event) {
    const connection = connectionOf(event, frame.parent, origins)
    if (connection === null) return
    frame.removeEventListener('message', listen)
    connected(connection)
  })
}

function connectionOf(event: MessageEvent, parent: Window, origins: readonly string[]): Connection | null {
  if (event.source !== parent) return null
  if (!origins.includes(event.origin)) return null
  const connect = parseConnect(event.data)
  const [port, ...more] = event.ports
  if (connect === null || port === undefined || more.length > 0) return null
  return { port, page: connect.page, origin: event.origin }
}
