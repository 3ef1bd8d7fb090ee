/** Runs `work` when all that was asked for under the same name before has ended. */
export type InTurn = <T>(name: string, work: () => Promise<T>) => Promise<T>

/** One process has a directory for itself, so what must not be done twice at once waits here. */
export function takeTurns(): InTurn {
  const lasts = new Map<string, Promise<void>>()
  return (name, work) => {
    const result = (lasts.get(name) ?? Promise.resolve()).then(work)
    const ended = result.then(
      () => {},
      () => {},
    )
    lasts.set(name, ended)
    void ended.then(() => {
      if (lasts.get(name) === ended) lasts.delete(name)
    })
    return result
  }
}
