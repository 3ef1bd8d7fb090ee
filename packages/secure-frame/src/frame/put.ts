import { FrameError } from './failure.ts'
import { ownHeaders, type Target } from './object-store.ts'

export interface PutOptions {
  /** Ends it; the promise is then rejected with the signal's reason. */
  readonly signal: AbortSignal
  /** An upload on which nothing moves for so long is given up, in milliseconds. */
  readonly stallMs: number
  /** How many bytes have been sent so far. */
  readonly sent: (bytes: number) => void
}

/**
 * Sends a blob, of any size: the browser reads it while it sends. `fetch` does not tell how far it has come, so this is an
 * XMLHttpRequest. Throws `store-unreachable`, `timed-out`, or `store-refused` for any answer but 200.
 */
export function put(target: Target, body: Blob, { signal, stallMs, sent }: PutOptions): Promise<void> {
  const over = new AbortController()
  const request = new XMLHttpRequest()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const fail = (code: 'store-unreachable' | 'store-refused' | 'timed-out') => () =>
    reject(new FrameError(code))
  let timer: ReturnType<typeof setTimeout> | undefined
  const moved = (): void => {
    clearTimeout(timer)
    timer = setTimeout(fail('timed-out'), stallMs)
  }
  const on = { signal: over.signal }
  signal.addEventListener('abort', () => reject(signal.reason), on)
  request.upload.addEventListener('progress', ({ loaded }) => sent(loaded), on)
  request.upload.addEventListener('progress', moved, on)
  request.addEventListener('error', fail('store-unreachable'), on)
  request.addEventListener('load', () => (request.status === 200 ? resolve() : fail('store-refused')()), on)
  request.open('PUT', target.url)
  for (const [name, value] of ownHeaders(target)) request.setRequestHeader(name, value)
  moved()
  if (signal.aborted) reject(signal.reason)
  else request.send(body)
  return promise.finally(() => {
    over.abort()
    clearTimeout(timer)
    request.abort()
  })
}
