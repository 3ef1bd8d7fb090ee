import { validateHeaderValue } from 'node:http'
import { checksumHeaders } from './checksums.ts'
import { encryptionHeaders, readCustomerKey } from './customer-key.ts'
import { AMZ_HEADERS, type Answer, type Operation } from './operations.ts'
import { parsePartNumber } from './parameters.ts'
import { evaluatePreconditions, httpDate, rangeApplies } from './preconditions.ts'
import { type ByteRange, parseRange, rangeOfPart } from './range.ts'
import { S3Error } from './s3-error.ts'
import type { S3Request } from './s3-request.ts'
import type { Description } from './sealed-file.ts'
import { openObject, type StoredObject } from './stored-object.ts'

const OVERRIDES = new Map([
  ['response-cache-control', 'cache-control'],
  ['response-content-disposition', 'content-disposition'],
  ['response-content-encoding', 'content-encoding'],
  ['response-content-language', 'content-language'],
  ['response-content-type', 'content-type'],
  ['response-expires', 'expires'],
])

/**
 * GET and HEAD, which differ in nothing but the body.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
 */
export const getObject: Operation = {
  query: [...OVERRIDES.keys(), 'partNumber'],
  amzHeaders: [AMZ_HEADERS.customerKey, AMZ_HEADERS.checksumMode],
  conditions: ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since'],
  hasBody: false,
  async run(call) {
    const { request } = call
    const customerKey = readCustomerKey(request.headers)
    const overrides = readOverrides(request)
    const object = await openObject(call, request, customerKey)
    let handedOn = false
    try {
      const answer = describe(request, object.description, {
        ...overrides,
        ...encryptionHeaders(customerKey),
      })
      if (request.method === 'HEAD' || answer.range === null) return answer
      const body = readAhead(object, answer.range)
      handedOn = true
      // Opens the first chunk: what is damaged there is still answered with a clean error.
      await body.next()
      return { ...answer, body }
    } finally {
      if (!handedOn) await object[Symbol.asyncDispose]()
    }
  },
}

/** `range` is `null` when nothing of the object is to be sent. */
function describe(
  request: S3Request,
  description: Description,
  more: Readonly<Record<string, string>>,
): Answer & { range: ByteRange | null } {
  const { headers } = request
  const { size, lastModified, etag } = description
  const named = { etag: `"${etag}"`, 'last-modified': httpDate(lastModified) }
  const outcome = evaluatePreconditions(headers, description)
  if (outcome === 'failed') throw new S3Error('PreconditionFailed')
  if (outcome === 'not-modified') return { status: 304, headers: named, range: null }
  const part = readRange(request, description)
  const range = part ?? { first: 0, last: size - 1 }
  return {
    status: part === null ? 200 : 206,
    headers: {
      ...description.headers,
      ...named,
      'accept-ranges': 'bytes',
      'content-length': String(range.last - range.first + 1),
      ...(part === null
        ? wholeChecksum(request, description)
        : { 'content-range': contentRange(part, size) }),
      ...partsCount(request, description),
      ...more,
    },
    range,
  }
}

function readRange({ headers, query }: S3Request, description: Description): ByteRange | null {
  const part = query.get('partNumber')
  const range = headers.get('range')
  if (part !== undefined) {
    if (range !== null) throw new S3Error('InvalidRequest', 'Send a Range header or partNumber, not both.')
    return rangeOfPart(parsePartNumber(part), description)
  }
  return rangeApplies(headers, description) ? parseRange(range, description.size) : null
}

function contentRange({ first, last }: ByteRange, size: number): string {
  // Of a part without bytes there is no first one.
  return first > last ? `bytes */${size}` : `bytes ${first}-${last}/${size}`
}

// Of a part of the object it would be the checksum of something else.
function wholeChecksum({ headers }: S3Request, { checksum }: Description): Record<string, string> {
  return headers.get('x-amz-checksum-mode')?.toUpperCase() === 'ENABLED' ? checksumHeaders(checksum) : {}
}

function partsCount({ query }: S3Request, { parts }: Description): Record<string, string> {
  if (!query.has('partNumber') || parts === undefined) return {}
  return { 'x-amz-mp-parts-count': String(parts.length) }
}

/** Yields nothing once, with the first chunk in hand, and then the bytes. Closes the object in any case. */
async function* readAhead(object: StoredObject, { first, last }: ByteRange): AsyncGenerator<Uint8Array> {
  await using _ = object
  const chunks = object.read(first, last)
  const { value } = await chunks.next()
  yield new Uint8Array()
  if (value !== undefined) yield value
  yield* chunks
}

function readOverrides({ query }: S3Request): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [parameter, header] of OVERRIDES) {
    const value = query.get(parameter)
    if (value === undefined) continue
    try {
      validateHeaderValue(header, value)
    } catch {
      throw new S3Error('InvalidArgument', `${parameter} holds a character that no header can hold.`)
    }
    headers[header] = value
  }
  return headers
}
