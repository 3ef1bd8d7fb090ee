import { FrameError, reached } from './failure.ts'

/** A presigned URL, and the headers that were signed with it. Without end-to-end encryption they hold the key. */
export interface Target {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

/** Sends bytes. `false` when the URL has been used before (412): what lies there is not what was sent now. */
export async function upload(
  target: Target,
  bytes: Uint8Array<ArrayBuffer>,
  waitMs: number,
): Promise<boolean> {
  const response = await reached(
    fetch(target.url, { ...request(target, AbortSignal.timeout(waitMs)), method: 'PUT', body: bytes }),
    'store-unreachable',
  )
  // What the answer says besides its status does not matter; but an answer that is left unread counts as cancelled.
  await response.arrayBuffer().catch(() => {})
  if (response.status === 412) return false
  if (!response.ok) throw new FrameError('store-refused')
  return true
}

/** What `take` makes of the bytes while they arrive, unless the signal ends it. */
export async function download<T>(
  target: Target,
  signal: AbortSignal,
  take: (response: Response) => Promise<T>,
): Promise<T> {
  const response = await reached(fetch(target.url, request(target, signal)), 'store-unreachable')
  if (!response.ok) throw new FrameError('store-refused')
  return reached(take(response), 'store-unreachable')
}

/** Throws when the URL leads anywhere but to the store that the Tokenizer named when it rendered the page. */
export function checkTarget(target: Target, objectStoreOrigin: string): Target {
  if (URL.parse(target.url)?.origin !== objectStoreOrigin) throw new FrameError('failed')
  return target
}

/** Set by the browser, and forbidden to scripts (Fetch §2.2.2). */
const OF_THE_BROWSER = ['host', 'content-length']

/** The headers that the frame sends itself. */
export function ownHeaders({ headers }: Target): (readonly [string, string])[] {
  return Object.entries(headers).filter(([name]) => !OF_THE_BROWSER.includes(name.toLowerCase()))
}

function request(target: Target, signal: AbortSignal): RequestInit {
  return {
    headers: Object.fromEntries(ownHeaders(target)),
    credentials: 'omit',
    redirect: 'error',
    referrerPolicy: 'no-referrer',
    cache: 'no-store',
    signal,
  }
}
