import type { TokenRecord } from '../domain/record.ts'
import type { Step } from './work.ts'

/** Records that one step changes; each takes one to four answers of the root key. */
export const WALK_AT_ONCE = 200

/** How to find the records that still name an older key, and what to do with them. */
export interface Walk {
  /** The older keys, in the order in which they are gone through. */
  readonly names: readonly string[]
  find(name: string, after: Uint8Array | null): Promise<TokenRecord[]>
  /** Answers how many were changed. One that cannot be is left as it is, and keeps its key from being retired. */
  change(records: readonly TokenRecord[]): Promise<number>
}

/** One step over the records of older keys, key by key, in the order of their ids. The cursor is a key and an id. */
export async function walkOlder(cursor: string | null, { names, find, change }: Walk): Promise<Step> {
  const [begun = names[0] ?? '', id = ''] = cursor?.split('/') ?? []
  // A key that is no older one, or not held: the cursor of a process with other settings. The next run begins anew.
  if (!names.includes(begun)) return { done: 0, next: null }
  let after = id === '' ? null : Buffer.from(id, 'hex')
  for (const name of names.slice(names.indexOf(begun))) {
    const records = await find(name, after)
    const last = records.at(-1)
    if (last !== undefined) {
      return { done: await change(records), next: `${name}/${Buffer.from(last.recordId).toString('hex')}` }
    }
    after = null
  }
  return { done: 0, next: null }
}
