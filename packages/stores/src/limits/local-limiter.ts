import { type Limiter, namesOf, type QuotaRow, SWEEP_DELAY_MS, takeQuota } from '@lunadefend/core'

/** Rows are some 200 bytes each. */
const MOST_ROWS = 200_000
const RETRY_MS = 1000

/**
 * A limiter in this process' memory, for one process. When there is no room for another name, and sweeping makes none,
 * whoever needs it is refused: what is forgotten would be let through again.
 */
export function createLocalLimiter(mostRows = MOST_ROWS): Limiter {
  const rows = new Map<string, QuotaRow>()
  const sweep = (now: number) => {
    const over = (now - SWEEP_DELAY_MS) * 1000
    const gone = [...rows].filter(([, { until }]) => until <= over)
    for (const [name] of gone) rows.delete(name)
    return gone.length
  }
  const isFull = (added: number) => rows.size + added > mostRows
  return {
    where: 'shared',
    async take(quota) {
      const { locked, members } = namesOf(quota)
      const added = [...locked, ...members].filter((name) => !rows.has(name)).length
      if (isFull(added) && added > 0) sweep(quota.now)
      if (isFull(added) && added > 0) return { kind: 'too-many', retryMs: RETRY_MS }
      const { taken, changed } = takeQuota(rows, quota)
      for (const [name, row] of changed) rows.set(name, row)
      return taken
    },
    async sweep(_after, _limit, now) {
      return { removed: sweep(now), next: null }
    },
    async [Symbol.asyncDispose]() {
      rows.clear()
    },
  }
}
