/** Counts attempts in a sliding window, in memory. */
export interface AttemptLimit {
  /** Counts one attempt. Seconds to wait when there were too many, otherwise `null`. */
  take(key: string): number | null
  /** Forgets the attempts of a key. */
  clear(key: string): void
}

/** Keys that are remembered at most; the oldest go first, so that made-up names do not fill the memory. */
const KEPT = 10_000

export function attemptLimit(
  most: number,
  windowSeconds: number,
  now: () => number = Date.now,
): AttemptLimit {
  const attempts = new Map<string, number[]>()
  return {
    take(key) {
      const start = now() - windowSeconds * 1000
      const recent = (attempts.get(key) ?? []).filter((time) => time > start)
      attempts.delete(key)
      attempts.set(key, recent)
      if (attempts.size > KEPT) attempts.delete(attempts.keys().next().value ?? key)
      const [oldest] = recent
      if (recent.length >= most && oldest !== undefined) return Math.ceil((oldest - start) / 1000)
      recent.push(now())
      return null
    },
    clear(key) {
      attempts.delete(key)
    },
  }
}
