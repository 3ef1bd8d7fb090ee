import { setTimeout as delay } from 'node:timers/promises'
import { isBusy } from './sqlite-failure.ts'

/** How long to wait in all for another process to let go of the file, in milliseconds. */
export const BUSY_LIMIT_MS = 5000
const PAUSE_MS = 5

/** Lets other work go on, for a while that differs, so that two processes do not keep meeting. */
export function busyPause(): Promise<void> {
  return delay(PAUSE_MS * (1 + Math.random()))
}

/** Tries again while another process holds the file: recovery after a crash locks readers out for a moment. */
export async function patiently<Result>(look: () => Result): Promise<Result> {
  const started = performance.now()
  for (;;) {
    try {
      return look()
    } catch (error) {
      if (!isBusy(error) || performance.now() - started > BUSY_LIMIT_MS) throw error
    }
    await busyPause()
  }
}
