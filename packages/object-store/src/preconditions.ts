import type { Permission } from './object-directory.ts'
import { S3Error } from './s3-error.ts'
import type { RequestHeaders } from './s3-request.ts'

export interface Validators {
  /** Without quotation marks. */
  readonly etag: string
  /** Milliseconds since 1970. */
  readonly lastModified: number
}

/**
 * Evaluates the preconditions of a read in the order of RFC 9110, section 13.2.2.
 *
 * @param prefix that of the headers' names: those for the source of a copy have one
 */
export function evaluatePreconditions(
  headers: RequestHeaders,
  validators: Validators,
  prefix = '',
): 'proceed' | 'not-modified' | 'failed' {
  const get = (name: string) => headers.get(prefix + name)
  const ifMatch = get('if-match')
  const changed = modifiedSince(get('if-unmodified-since'), validators)
  if (ifMatch === null ? changed === true : !matches(ifMatch, validators.etag)) return 'failed'
  const ifNoneMatch = get('if-none-match')
  const unchanged = modifiedSince(get('if-modified-since'), validators) === false
  if (ifNoneMatch === null ? unchanged : matches(ifNoneMatch, validators.etag)) return 'not-modified'
  return 'proceed'
}

/** Whether `Range` counts: not when `If-Range` names another state of the object (RFC 9110, section 13.1.5). */
export function rangeApplies(headers: RequestHeaders, validators: Validators): boolean {
  const ifRange = headers.get('if-range')
  if (ifRange === null) return true
  return ifRange === `"${validators.etag}"` || ifRange === httpDate(validators.lastModified)
}

/** An HTTP date has no milliseconds. */
export function httpDate(time: number): string {
  return new Date(time).toUTCString()
}

/**
 * What `If-Match` and `If-None-Match` ask of a write or a removal.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
 *
 * @throws {S3Error} `NotImplemented`; the permission itself `PreconditionFailed`, or `NoSuchKey` when there is nothing
 *   to match
 */
export function readPermission(headers: RequestHeaders): Permission {
  const [ifMatch, ifNoneMatch] = [headers.get('if-match'), headers.get('if-none-match')]
  if (ifNoneMatch !== null && ifNoneMatch !== '*')
    throw new S3Error('NotImplemented', 'if-none-match can only be * here.')
  return (current) => {
    if (ifNoneMatch !== null && current !== null) throw new S3Error('PreconditionFailed')
    if (ifMatch === null) return
    if (current === null) throw new S3Error('NoSuchKey')
    if (!matches(ifMatch, current.etag)) throw new S3Error('PreconditionFailed')
  }
}

/** `etag` is `null` for what is there, and cannot be read. */
function matches(list: string, etag: string | null): boolean {
  const tags = list.split(',').map((tag) => tag.trim().replace(/^(?:W\/)?"(.*)"$/, '$1'))
  return tags.includes('*') || (etag !== null && tags.includes(etag))
}

/** `null` when there is no date to compare with. */
function modifiedSince(date: string | null, { lastModified }: Validators): boolean | null {
  const time = Date.parse(date ?? '')
  return Number.isNaN(time) ? null : Math.floor(lastModified / 1000) * 1000 > time
}
