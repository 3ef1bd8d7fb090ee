export interface Rounds {
  /** Waits for the round that is being done, not for more. */
  stop(): Promise<void>
}

/**
 * Does a round after so many milliseconds, and the next one as long after its end as it says. A round asks `goOn` whether
 * it is to do more, and does not reject.
 */
export function startRounds(firstMs: number, round: (goOn: () => boolean) => Promise<number>): Rounds {
  let stopped = false
  let running = Promise.resolve()
  let timer: NodeJS.Timeout | undefined
  const next = (afterMs: number) => {
    if (stopped) return
    timer = setTimeout(() => {
      running = round(() => !stopped).then(next)
    }, afterMs)
  }
  next(firstMs)
  return {
    async stop() {
      stopped = true
      clearTimeout(timer)
      await running
    },
  }
}
