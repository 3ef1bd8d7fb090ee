import { randomUUID } from 'node:crypto'
import {
  type HeldKey,
  type Needs,
  type Retired,
  type RingKeyName,
  type Rotated,
  readKeyStatus,
  retireRingKey,
  rotateRingKey,
  type Work,
} from '@lunadefend/core'
import { parseConfig, type TokenizerConfig } from './config.ts'
import { doWork, type WorkName } from './jobs.ts'
import { openNeeds, type Surroundings } from './service.ts'

/** What an operator does beside running Tokenizers. Each call is audited, and safe to repeat after a crash. */
export interface Maintenance extends AsyncDisposable {
  /** Every key with its age and what still names it, and how far each background work is. */
  status(): Promise<{ keys: HeldKey[]; work: Work[] }>
  /** Adds a version to a key of the ring; running Tokenizers take it up by themselves within 90 seconds. */
  rotate(key: RingKeyName): Promise<Rotated>
  /** Removes an old version for good, when nothing names it any more. */
  retire(key: RingKeyName, version: number): Promise<Retired>
  /**
   * Does a background work to its end, whether it is its time or not; `progress` hears of each round. Where a running
   * Tokenizer is at it, it waits for its turn.
   */
  finish(name: WorkName, progress?: (work: Work) => void): Promise<Work>
}

/** How long to wait for another process to give a work back, in milliseconds. */
const TURN_MS = 500

/** Opens the stores of an installation, without any HTTP. Rejects as `startTokenizer` does. */
export async function openMaintenance(
  config: TokenizerConfig,
  surroundings: Surroundings = {},
): Promise<Maintenance> {
  await using stack = new AsyncDisposableStack()
  const { needs, refreshKeys } = await openNeeds(parseConfig(config), surroundings, stack)
  const opened = stack.move()
  // Each call sees the ring as it is, whatever this or another process did to it since the last one.
  const afresh = <T>(call: () => Promise<T>) => refreshKeys().then(call)
  return {
    status: () => afresh(() => readKeyStatus(needs)),
    rotate: (key) => afresh(() => rotateRingKey(needs, randomUUID(), key)),
    retire: (key, version) => afresh(() => retireRingKey(needs, randomUUID(), key, version)),
    finish: (name, progress) => afresh(() => finish(needs, name, progress)),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

async function finish(needs: Needs, name: WorkName, progress?: (work: Work) => void): Promise<Work> {
  for (;;) {
    const work = await doWork(needs, name)
    if (work !== null) progress?.(work)
    if (work?.cursor === null) return work
    if (work === null) await new Promise((resolve) => setTimeout(resolve, TURN_MS))
  }
}
