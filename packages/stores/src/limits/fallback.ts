import type { Bucket, Clock, DistinctSet, Limiter, Quota } from '@lunadefend/core'
import { createLocalLimiter } from './local-limiter.ts'

export interface FallbackOptions {
  readonly clock: Clock
  /** How long the store may take, in milliseconds, before this process decides alone. @default 250 */
  readonly timeoutMs?: number
  /** How often a store that was lost is tried again, in milliseconds. @default 1000 */
  readonly probeMs?: number
  /** Hears of each change. `error` = why it is `local`. */
  readonly onChange: (where: Limiter['where'], error: Error | null) => void
}

const TIMEOUT_MS = 250
const PROBE_MS = 1000
/** A bucket that nobody else uses: to try whether the store can be written. */
const PROBE: Bucket = { ref: new Uint8Array(32), burst: 1000, perSecond: 1000, cost: 1 }

/** The store did not answer in time. */
class TooSlow extends Error {
  override readonly name = 'LimiterTooSlow'
}

/**
 * A limiter that never opens: while the shared one throws, or does not answer in time, this process decides alone within
 * half of every quota, and nobody waits for the store. It goes back by itself when the store can be written again.
 */
export function withLocalFallback(shared: Limiter, options: FallbackOptions): Limiter {
  const { clock, timeoutMs = TIMEOUT_MS, probeMs = PROBE_MS, onChange } = options
  const local = createLocalLimiter()
  let where: Limiter['where'] = 'shared'
  let probing: NodeJS.Timeout | undefined
  let closed = false

  function lose(error: Error): void {
    if (where === 'local' || closed) return
    where = 'local'
    onChange(where, error)
    probeLater()
  }

  function probeLater(): void {
    if (!closed) probing = setTimeout(probe, probeMs).unref()
  }

  async function probe(): Promise<void> {
    try {
      await within(shared.take({ buckets: [PROBE], sets: [], now: clock.now() }), timeoutMs)
    } catch {
      return probeLater()
    }
    where = 'shared'
    onChange(where, null)
  }

  return {
    get where() {
      return where
    },
    async take(quota) {
      if (where === 'local') return local.take(halfOf(quota))
      try {
        return await within(shared.take(quota), timeoutMs)
      } catch (error) {
        lose(error as Error)
        return local.take(halfOf(quota))
      }
    },
    async sweep(after, limit, now) {
      await local.sweep(null, limit, now)
      return shared.sweep(after, limit, now)
    },
    async [Symbol.asyncDispose]() {
      closed = true
      clearTimeout(probing)
      await shared[Symbol.asyncDispose]()
    },
  }
}

function halfOf({ buckets, sets, walks, now }: Quota): Quota {
  const half = { buckets: buckets.map(halfOfBucket), sets: sets.map(halfOfSet), now }
  // Of a walk that goes on over several processes each sees a part.
  const halfWay = walks?.map((walk) => ({ ...walk, stride: Math.ceil(walk.stride / 2) }))
  return halfWay === undefined ? half : { ...half, walks: halfWay }
}

/** The burst of a bucket that holds one thing stays one: half of it would let nothing through for ever. */
function halfOfBucket(bucket: Bucket): Bucket {
  return { ...bucket, burst: Math.max(1, Math.floor(bucket.burst / 2)), perSecond: bucket.perSecond / 2 }
}

function halfOfSet(set: DistinctSet): DistinctSet {
  return { ...set, most: Math.floor(set.most / 2) }
}

/** Rejects with TooSlow when it takes too long. An answer that lies there already, behind other work of this process, counts. */
async function within<T>(answer: Promise<T>, ms: number): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => setImmediate(() => setImmediate(() => reject(new TooSlow()))), ms)
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}
