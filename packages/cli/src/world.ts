import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'

/** What the command sees of the process that it runs in. A test puts its own in place of it. */
export interface World {
  readonly input: Readable & { readonly isTTY?: boolean; setRawMode?(isRaw: boolean): unknown }
  /** Answers and data. */
  readonly output: Writable
  /** Failures, questions and progress: never an answer. */
  readonly errors: Writable & { readonly isTTY?: boolean }
  /** Milliseconds since 1970. */
  now(): number
  /** From now on an interruption ends nothing by itself: whoever asked ends in good order. */
  interruption(): AbortSignal
}

/** The process itself. */
export function processWorld(): World {
  return {
    input: process.stdin,
    output: process.stdout,
    errors: process.stderr,
    now: () => Date.now(),
    interruption() {
      const controller = new AbortController()
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort())
      return controller.signal
    },
  }
}

/** Waits where the reader is slower than we are, so that an output of any size needs no memory. */
export async function write(stream: Writable, text: string | Uint8Array): Promise<void> {
  if (!stream.write(text)) await once(stream, 'drain')
}
