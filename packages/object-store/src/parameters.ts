/** Parameters of the query that have one spelling. */
import { S3Error } from './s3-error.ts'
import type { S3Request } from './s3-request.ts'

export const MAX_PART_NUMBER = 10_000
const MAX_ENTRIES = 1000

/** @throws {S3Error} `InvalidArgument` */
export function parsePartNumber(text: string): number {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (number < 1 || number > MAX_PART_NUMBER)
    throw new S3Error('InvalidArgument', 'A part number must be from 1 to 10000.')
  return number
}

/** The upload that a request speaks of. @throws {S3Error} `NoSuchUpload` for what can be no id */
export function readUploadId({ query }: S3Request): string {
  const id = query.get('uploadId') ?? ''
  if (!/^[0-9a-f]{32}$/.test(id)) throw new S3Error('NoSuchUpload')
  return id
}

/** How many entries a list may have: at most 1000, and 1000 unless asked otherwise. @throws {S3Error} `InvalidArgument` */
export function readLimit({ query }: S3Request, name: string): number {
  const text = query.get(name) ?? ''
  if (text === '') return MAX_ENTRIES
  if (!/^\d{1,10}$/.test(text) || Number(text) > 0x7fff_ffff)
    throw new S3Error('InvalidArgument', `${name} must be a whole number from 0 to 2147483647.`)
  return Math.min(Number(text), MAX_ENTRIES)
}
