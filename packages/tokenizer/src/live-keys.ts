import {
  type Clock,
  type Database,
  type KeyRing,
  loadKeyRing,
  PortFailure,
  type RootKeys,
  type SealedKeyRing,
} from '@lunadefend/core'

/** How often a process looks what others did to the key ring, and how soon it looks again when it could not. */
const REFRESH_MS = 30_000
const RETRY_MS = 3_000
/**
 * A ring that was read longer ago is not used. A new version becomes the current one 90 seconds after it was made: a
 * process that cannot have heard of it, because it was stopped or found no database, must neither name nor look for
 * anything until it has.
 */
const STALE_MS = 60_000

/** The key ring as this process knows it. */
export interface LiveKeys extends AsyncDisposable {
  /** Throws `database_unreachable` while the ring was read too long ago. */
  readonly ring: KeyRing
  /** Takes up what other processes did to it. Rejects as `loadKeyRing` does. */
  refresh(): Promise<void>
}

/** Reads the ring now and every 30 seconds. `elapsed` counts milliseconds, and goes on while the process is stopped. */
export async function openLiveKeys(
  needs: { readonly database: Database; readonly clock: Clock; readonly root: RootKeys },
  onFailure: (error: Error) => void,
  elapsed: () => number = () => performance.now(),
): Promise<LiveKeys> {
  const look = () => needs.database.read((reader) => reader.readKeyRing())
  let readAt = elapsed()
  let ring = await loadKeyRing(needs)
  let seen = await look()
  const refresh = async () => {
    const begun = elapsed()
    // What holds the root key may be away: the ring is known to be the present one even if it cannot be opened now.
    if (isSame(seen, await look(), ring.version)) readAt = Math.max(readAt, begun)
    const present = await loadKeyRing(needs, ring)
    if (present.version >= ring.version) ring = present
    seen = await look()
    readAt = Math.max(readAt, begun)
  }
  let timer: NodeJS.Timeout | undefined
  let running: Promise<unknown> = Promise.resolve()
  const lookIn = (ms: number) => {
    timer = setTimeout(() => {
      running = refresh().then(
        () => lookIn(REFRESH_MS),
        (error: Error) => {
          onFailure(error)
          lookIn(RETRY_MS)
        },
      )
    }, ms)
  }
  lookIn(REFRESH_MS)
  return {
    get ring() {
      if (elapsed() - readAt < STALE_MS) return ring
      throw new PortFailure('database_unreachable', 'The key ring was last read more than a minute ago.')
    },
    refresh,
    async [Symbol.asyncDispose]() {
      clearTimeout(timer)
      await running
      clearTimeout(timer)
    },
  }
}

/** Whether a row is the very one that was seen when the ring of this version had been read. */
function isSame(seen: SealedKeyRing | null, row: SealedKeyRing | null, version: number): boolean {
  if (seen === null || row === null || seen.version !== version) return false
  return row.version === version && Buffer.compare(row.sealed, seen.sealed) === 0
}
