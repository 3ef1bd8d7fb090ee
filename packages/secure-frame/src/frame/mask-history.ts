import type { Kept } from './mask.ts'

/** Edits that can be taken back, of one field since it was last filled or emptied. */
export interface History {
  add(next: Kept): void
  /** `null` when there is nothing to take back. */
  undo(): Kept | null
  redo(): Kept | null
}

const LONGEST = 200

export function keepHistory(first: Kept): History {
  const steps: Kept[] = [first]
  let now = 0

  function move(by: 1 | -1): Kept | null {
    const found = steps[now + by]
    if (found === undefined) return null
    now += by
    return found
  }

  return {
    add(next) {
      if (steps[now]?.kept === next.kept) return
      steps.splice(now + 1, steps.length, next)
      if (steps.length > LONGEST) steps.shift()
      now = steps.length - 1
    },
    undo: () => move(-1),
    redo: () => move(1),
  }
}
