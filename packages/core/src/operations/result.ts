import type { ErrorCode } from '@lunadefend/contract'
import { SealBroken } from '../crypto/aead.ts'
import { PortFailure } from '../port-failure.ts'

/** What became of one item of a batch. */
export type Result<T> =
  | { readonly ok: true; readonly data: T }
  | { readonly ok: false; readonly code: ErrorCode }

/**
 * Whether this one record cannot be opened: its bytes were changed, the root key that it names is not held, or a number
 * of it is none that can be.
 */
export function isDamage(error: unknown): boolean {
  if (error instanceof SealBroken) return true
  if (error instanceof PortFailure) return error.code === 'root_key_unknown'
  return error instanceof RangeError && 'code' in error && error.code === 'ERR_OUT_OF_RANGE'
}

export const DENIED = { ok: false, code: 'access_denied' } as const

/**
 * Maps with at most `width` promises under way, in order. After one that fails none is begun; it rejects when those
 * under way have ended, so that nothing goes on behind the caller's back.
 */
export async function mapLimited<T, R>(
  items: readonly T[],
  width: number,
  map: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = new Array(items.length)
  const failures: unknown[] = []
  const queue = items.entries()
  const work = async () => {
    for (const [index, item] of queue) {
      if (failures.length > 0) return
      try {
        results[index] = await map(item, index)
      } catch (error) {
        failures.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, work))
  if (failures.length > 0) throw failures[0]
  return results
}
