import { S3Error } from './s3-error.ts'
import type { Description } from './sealed-file.ts'

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

/**
 * Where a part lies in its object; an object that was not made of parts is its own first part.
 *
 * @throws {S3Error} `InvalidPartNumber`
 */
export function rangeOfPart(number: number, { size, parts }: Pick<Description, 'size' | 'parts'>): ByteRange {
  const sizes = parts?.map((part) => part.size) ?? [size]
  const length = sizes[number - 1]
  if (length === undefined) throw new S3Error('InvalidPartNumber')
  const first = sizes.slice(0, number - 1).reduce((sum, each) => sum + each, 0)
  return { first, last: first + length - 1 }
}

/** One range with both ends, within the object, as a copy takes it. @throws {S3Error} `InvalidArgument` */
export function parseCopyRange(header: string, size: number): ByteRange {
  const [, first, last] = /^bytes=(\d{1,15})-(\d{1,15})$/.exec(header) ?? []
  if (first === undefined || last === undefined || Number(last) < Number(first))
    throw new S3Error('InvalidArgument', 'x-amz-copy-source-range must be bytes=first-last.')
  if (Number(last) >= size)
    throw new S3Error('InvalidArgument', 'x-amz-copy-source-range is not valid for the source object.')
  return { first: Number(first), last: Number(last) }
}
