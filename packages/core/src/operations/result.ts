import type { ErrorCode } from '@lunadefend/contract'
import { SealBroken } from '../crypto/aead.ts'
import { PortFailure } from '../port-failure.ts'

/** What became of one item of a batch. */
export type Result<T> =
  | { readonly ok: true; readonly data: T }
  | { readonly ok: false; readonly code: ErrorCode }

/** Whether this one record cannot be opened: its bytes were changed, or the root key that it names is not held. */
export function isDamage(error: unknown): boolean {
  return error instanceof SealBroken || (error instanceof PortFailure && error.code === 'root_key_unknown')
}

export const DENIED = { ok: false, code: 'access_denied' } as const

/** Maps with at most `width` promises under way, in order. */
export async function mapLimited<T, R>(
  items: readonly T[],
  width: number,
  map: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = new Array(items.length)
  const queue = items.entries()
  const work = async () => {
    for (const [index, item] of queue) results[index] = await map(item, index)
  }
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, work))
  return results
}
