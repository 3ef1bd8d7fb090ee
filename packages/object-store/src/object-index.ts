/**
 * The names of all objects, sorted as S3 lists them: by the bytes of their UTF-8. Made when somebody first asks, kept up
 * to date from then on; about 100 bytes of memory a name.
 */
import type { ObjectName } from './sealed-file.ts'

export interface ObjectIndex {
  /** The keys in a bucket, as {@link toBytes} spells them, sorted. Good until the next change. */
  keys(bucket: string): Promise<readonly string[]>
  add(name: ObjectName): void
  remove(name: ObjectName): void
}

/** One character for each byte of the UTF-8, so that comparing characters is comparing bytes. */
export function toBytes(text: string): string {
  return Buffer.from(text).toString('latin1')
}

export function fromBytes(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString()
}

/** The place of the first entry for which `isAfter` holds; it must hold for all that follow. */
export function placeOf(sorted: readonly string[], isAfter: (entry: string) => boolean): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isAfter(sorted[middle] ?? '')) high = middle
    else low = middle + 1
  }
  return low
}

export function openObjectIndex(scan: () => AsyncIterable<ObjectName>): ObjectIndex {
  let buckets: Promise<Map<string, string[]>> | null = null
  // What changes while the names are being read: the last word on each name.
  let changes: (() => void)[] | null = null
  let known = new Map<string, string[]>()

  const build = async () => {
    changes = []
    const found = new Map<string, string[]>()
    for await (const { bucket, key } of scan()) bucketOf(found, bucket).push(toBytes(key))
    for (const keys of found.values()) keys.sort(compare)
    known = found
    const late = changes
    changes = null
    for (const change of late) change()
    return found
  }
  const change = (apply: () => void) => {
    if (changes !== null) changes.push(apply)
    else if (buckets !== null) apply()
  }
  return {
    keys: async (bucket) => {
      buckets ??= build()
      try {
        return (await buckets).get(bucket) ?? []
      } catch (error) {
        // A list must not leave out what could not be read. The next one tries again.
        buckets = null
        changes = null
        throw error
      }
    },
    add: ({ bucket, key }) => change(() => insert(bucketOf(known, bucket), toBytes(key))),
    remove: ({ bucket, key }) => change(() => withdraw(bucketOf(known, bucket), toBytes(key))),
  }
}

function bucketOf(buckets: Map<string, string[]>, bucket: string): string[] {
  const keys = buckets.get(bucket) ?? []
  buckets.set(bucket, keys)
  return keys
}

function insert(keys: string[], key: string): void {
  const place = placeOf(keys, (entry) => entry >= key)
  if (keys[place] !== key) keys.splice(place, 0, key)
}

function withdraw(keys: string[], key: string): void {
  const place = placeOf(keys, (entry) => entry >= key)
  if (keys[place] === key) keys.splice(place, 1)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
