import type { Mounted } from './stage.ts'

/** Timers of a frame that run when the test says so: a machine that is slow is not waited for, nor raced with. */
export interface HeldTimers {
  /** How many have been set, and neither cleared nor run. */
  pending(): Promise<number>
  /** The time is over. */
  run(): Promise<void>
}

/** Holds those that are set from now on for just so many milliseconds. */
export async function holdTimers({ frame }: Mounted, ms: number): Promise<HeldTimers> {
  await frame.evaluate((held) => {
    const { setTimeout, clearTimeout } = window
    const timers = new Map<number, () => void>()
    let last = 1_000_000_000
    Object.assign(window, {
      timers,
      setTimeout(run: () => void, after?: number) {
        if (after !== held) return setTimeout(run, after)
        timers.set(++last, run)
        return last
      },
      clearTimeout: (id: number) => timers.delete(id) || clearTimeout(id),
    })
  }, ms)
  return {
    pending: () => frame.evaluate(() => (Reflect.get(window, 'timers') as Map<number, unknown>).size),
    run: () =>
      frame.evaluate(() => {
        const timers = Reflect.get(window, 'timers') as Map<number, () => void>
        const due = [...timers.values()]
        timers.clear()
        for (const each of due) each()
      }),
  }
}
