/** How long to try again in all: while the server is restarted, or others hold what is needed. In milliseconds. */
const PATIENCE_MS = 6_000
const PAUSE_MS = 25

/** Whether it is worth another try. `since` is a time of `performance.now()`. */
export function isPatient(since: number): boolean {
  return performance.now() - since < PATIENCE_MS
}

/** How long to wait before it, in milliseconds; differs, so that two processes do not keep meeting. */
export function pause(): number {
  return PAUSE_MS * (1 + Math.random())
}
