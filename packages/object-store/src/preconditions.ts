import type { RequestHeaders } from './s3-request.ts'

export interface Validators {
  /** Without quotation marks. */
  readonly etag: string
  /** Milliseconds since 1970. */
  readonly lastModified: number
}

/** Evaluates the preconditions of a GET or a HEAD in the order of RFC 9110, section 13.2.2. */
export function evaluatePreconditions(
  headers: RequestHeaders,
  validators: Validators,
): 'proceed' | 'not-modified' | 'failed' {
  const ifMatch = headers.get('if-match')
  const changed = modifiedSince(headers.get('if-unmodified-since'), validators)
  if (ifMatch === null ? changed === true : !matches(ifMatch, validators)) return 'failed'
  const ifNoneMatch = headers.get('if-none-match')
  const unchanged = modifiedSince(headers.get('if-modified-since'), validators) === false
  if (ifNoneMatch === null ? unchanged : matches(ifNoneMatch, validators)) return 'not-modified'
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

function matches(list: string, { etag }: Validators): boolean {
  const tags = list.split(',').map((tag) => tag.trim().replace(/^(?:W\/)?"(.*)"$/, '$1'))
  return tags.includes('*') || tags.includes(etag)
}

/** `null` when there is no date to compare with. */
function modifiedSince(date: string | null, { lastModified }: Validators): boolean | null {
  const time = Date.parse(date ?? '')
  return Number.isNaN(time) ? null : Math.floor(lastModified / 1000) * 1000 > time
}
