import type { Act, Answer } from './oracle.ts'

/** A clock that stands still until it is told to go on. */
export interface StoppedClock {
  now(): number
  set(ms: number): void
}

export function stoppedClock(at: number): StoppedClock {
  let time = at
  return {
    now: () => time,
    set(ms) {
      time = ms
    },
  }
}

/** LunaDefend, seen as the oracle sees it. */
export interface Product extends AsyncDisposable {
  readonly clock: StoppedClock
  /** How many grants a session may have. */
  readonly mostGrants: number
  /** Apps, sessions and tokens that nobody has met yet, and nothing blocked. */
  fresh(): Promise<Round>
}

/** One sequence of acts. */
export interface Round {
  /** Carries it out on this node, and says what came of it. */
  carryOut(act: Act, node: number): Promise<Answer>
}
