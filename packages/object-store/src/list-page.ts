/** One page of a sorted list of keys, with common prefixes rolled up. Texts are spelled as `toBytes` does. */
import { uriEncode } from '@lunadefend/core/sigv4'
import { fromBytes, placeOf, toBytes } from './object-index.ts'
import { S3Error } from './s3-error.ts'
import type { S3Request } from './s3-request.ts'

/** There is one account. */
export const OWNER = { ID: 'lunadefend', DisplayName: 'lunadefend' }

export interface PageWish {
  readonly prefix: string
  /** Empty: nothing is rolled up. */
  readonly delimiter: string
  readonly limit: number
}

export type Row =
  /** `place`: in the list. */
  { readonly kind: 'entry'; readonly place: number } | { readonly kind: 'prefix'; readonly prefix: string }

export interface Page {
  readonly rows: readonly Row[]
  readonly isTruncated: boolean
}

/** The rows from `start` on. A key can be in the list more than once. */
export function readPage(
  keys: readonly string[],
  start: number,
  { prefix, delimiter, limit }: PageWish,
): Page {
  const rows: Row[] = []
  let place = Math.max(
    start,
    placeOf(keys, (key) => key >= prefix),
  )
  while (place < keys.length && (keys[place] ?? '').startsWith(prefix)) {
    if (rows.length >= limit) return { rows, isTruncated: limit > 0 }
    const key = keys[place] ?? ''
    const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length)
    if (end === -1) {
      rows.push({ kind: 'entry', place })
      place += 1
    } else {
      const common = key.slice(0, end + delimiter.length)
      rows.push({ kind: 'prefix', prefix: common })
      place = placeBehind(keys, common)
    }
  }
  return { rows, isTruncated: false }
}

/** Behind all keys that start so. */
export function placeBehind(keys: readonly string[], prefix: string): number {
  return placeOf(keys, (key) => key > prefix && !key.startsWith(prefix))
}

/** How names are written in an answer: as they are, or URL-encoded. @throws {S3Error} `InvalidArgument` */
export function readSpelling({ query }: S3Request): { spell: (text: string) => string; type: string | null } {
  const type = query.get('encoding-type') ?? null
  if (type !== null && type !== 'url') throw new S3Error('InvalidArgument', 'encoding-type can only be url.')
  return { type, spell: type === null ? (text) => text : (text) => uriEncode(text).replaceAll('%2F', '/') }
}

export function readPageWish(request: S3Request, limit: number): PageWish {
  const { query } = request
  const [prefix, delimiter] = ['prefix', 'delimiter'].map((name) => toBytes(query.get(name) ?? ''))
  return { prefix: prefix ?? '', delimiter: delimiter ?? '', limit }
}

/** The common prefixes among the rows, as they stand in an answer. */
export function commonPrefixes(rows: readonly Row[], spell: (text: string) => string) {
  return rows.flatMap((row) => (row.kind === 'prefix' ? [{ Prefix: spell(fromBytes(row.prefix)) }] : []))
}
