import { setTimeout as delay } from 'node:timers/promises'

const PAUSE_MS = 25

/** Lets others go first, for a while that differs, so that two processes do not keep meeting. */
export function pause(): Promise<void> {
  return delay(PAUSE_MS * (1 + Math.random()))
}
