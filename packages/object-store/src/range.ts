import { S3Error } from './s3-error.ts'

/** Both ends included, as in RFC 9110, section 14.1.2. */
export interface ByteRange {
  readonly first: number
  readonly last: number
}

/**
 * One range of bytes. `null` means: answer with the whole object. That is for no range, for what is no range, and for
 * several ranges, which S3 does not support.
 *
 * @throws {S3Error} `InvalidRange` when none of the bytes exist
 */
export function parseRange(header: string | null, size: number): ByteRange | null {
  const [, from, to] = /^bytes=(\d{0,16})-(\d{0,16})$/.exec(header ?? '') ?? []
  if (from === undefined || to === undefined || (from === '' && to === '')) return null
  if (from !== '' && to !== '' && Number(to) < Number(from)) return null
  const first = from === '' ? Math.max(size - Number(to), 0) : Number(from)
  const last = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1)
  if (first > last) throw new S3Error('InvalidRange', undefined, { 'content-range': `bytes */${size}` })
  return { first, last }
}
