import type { World } from './world.ts'

/** How often the line is written, at most, in milliseconds. */
const INTERVAL_MS = 100

/** How far long work is, in one line of a terminal's error output. Elsewhere it says nothing. */
export interface Progress extends Disposable {
  /** `total` `null` = not known. */
  show(done: number, total: number | null): void
}

/** `label` says what is being done: `Verifying`; `unit` what is counted: `rows`. */
export function showProgress({ errors, now }: World, label: string, unit: string): Progress {
  if (errors.isTTY !== true) return { show: () => undefined, [Symbol.dispose]: () => undefined }
  const began = now()
  let shown = began
  return {
    show(done, total) {
      if (now() - shown < INTERVAL_MS) return
      shown = now()
      const rate = Math.round(done / Math.max(0.001, (shown - began) / 1000))
      const share = total === null || total === 0 ? '' : ` ${bar(done / total)} of ${count(total)}`
      errors.write(`\r\x1b[K${label}: ${count(done)}${share} ${unit}, ${count(rate)} a second`)
    },
    [Symbol.dispose]: () => void errors.write('\r\x1b[K'),
  }
}

const WIDTH = 20

function bar(share: number): string {
  const filled = Math.round(Math.min(1, share) * WIDTH)
  return `[${'#'.repeat(filled)}${'.'.repeat(WIDTH - filled)}]`
}

/** 12,345. */
export function count(number: number): string {
  return number.toLocaleString('en-US')
}
