/** How fast something goes. */
export interface Pace {
  /** Says how far it has come, in bytes; `now` in milliseconds. */
  reached(bytes: number, now: number): void
  /** Bytes a second; 0 = not known yet. */
  speed(): number
  /** Forgets: there was a break. */
  restart(): void
}

/** Speeds further back than this count for less than half, in milliseconds. */
const MEMORY_MS = 5000
/** Shorter steps say nothing of a speed. */
const STEP_MS = 250

export function measurePace(): Pace {
  let last: { readonly bytes: number; readonly at: number } | null = null
  let speed = 0
  return {
    reached(bytes, now) {
      if (last === null || bytes < last.bytes) last = { bytes, at: now }
      const elapsed = now - last.at
      if (elapsed < STEP_MS) return
      const latest = ((bytes - last.bytes) * 1000) / elapsed
      const weight = speed === 0 ? 1 : 1 - 2 ** (-elapsed / MEMORY_MS)
      speed += (latest - speed) * weight
      last = { bytes, at: now }
    },
    speed: () => speed,
    restart() {
      last = null
      speed = 0
    },
  }
}
