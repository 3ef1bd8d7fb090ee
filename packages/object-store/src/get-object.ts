import type { FileHandle } from 'node:fs/promises'
import { validateHeaderValue } from 'node:http'
import { type CustomerKey, encryptionHeaders, readCustomerKey } from './customer-key.ts'
import {
  type Answer,
  type Call,
  checkNoBody,
  checkVocabulary,
  lockOf,
  type Vocabulary,
} from './operations.ts'
import { evaluatePreconditions, httpDate, rangeApplies } from './preconditions.ts'
import { type ByteRange, parseRange } from './range.ts'
import { S3Error } from './s3-error.ts'
import type { S3Request } from './s3-request.ts'
import { DamagedFile, openSealedFile, readProtection, type SealedFile } from './sealed-file.ts'

const OVERRIDES = new Map([
  ['response-cache-control', 'cache-control'],
  ['response-content-disposition', 'content-disposition'],
  ['response-content-encoding', 'content-encoding'],
  ['response-content-language', 'content-language'],
  ['response-content-type', 'content-type'],
  ['response-expires', 'expires'],
])

const GET_VOCABULARY: Vocabulary = {
  query: new Set(OVERRIDES.keys()),
  // Objects here have no checksums, and S3 answers without one, too, where there is none.
  amzHeaders: /^x-amz-(server-side-encryption-customer-(algorithm|key|key-md5)|checksum-mode)$/,
  refusedHeaders: [],
}

/**
 * GET and HEAD, which differ in nothing but the body.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
 */
export async function getObject(call: Call): Promise<Answer> {
  const { request, directory } = call
  checkVocabulary(request, GET_VOCABULARY)
  checkNoBody(call)
  const customerKey = readCustomerKey(request.headers)
  const overrides = readOverrides(request)
  const handle = await directory.open(request)
  if (handle === null) throw new S3Error('NoSuchKey')
  let handedOn = false
  try {
    const file = await unlock(call, handle, customerKey)
    const answer = describe(request, file, { ...overrides, ...encryptionHeaders(customerKey) })
    if (request.method === 'HEAD' || answer.range === null) return answer
    const body = readAhead(handle, file, answer.range)
    handedOn = true
    // Opens the first chunk: what is damaged there is still answered with a clean error.
    await body.next()
    return { ...answer, body }
  } finally {
    if (!handedOn) await handle.close()
  }
}

async function unlock(call: Call, handle: FileHandle, customerKey: CustomerKey | null): Promise<SealedFile> {
  const protection = await readProtection(handle)
  if (protection === 'customer' && customerKey === null) {
    throw new S3Error('InvalidRequest', 'The object is encrypted with a customer key. Send that key.')
  }
  if (protection === 'store' && customerKey !== null) {
    throw new S3Error('InvalidRequest', 'The object is not encrypted with a customer key. Send none.')
  }
  const file = await openSealedFile(handle, lockOf(call, customerKey))
  if (file !== null) return file
  if (protection === 'customer') throw new S3Error('AccessDenied')
  throw new DamagedFile('its header')
}

/** `range` is `null` when nothing of the object is to be sent. */
function describe(
  { headers }: S3Request,
  { description, etag }: SealedFile,
  more: Readonly<Record<string, string>>,
): Answer & { range: ByteRange | null } {
  const { size, lastModified } = description
  const validators = { etag: etag.toString('hex'), lastModified }
  const named = { etag: `"${validators.etag}"`, 'last-modified': httpDate(lastModified) }
  const outcome = evaluatePreconditions(headers, validators)
  if (outcome === 'failed') throw new S3Error('PreconditionFailed')
  if (outcome === 'not-modified') return { status: 304, headers: named, range: null }
  const part = rangeApplies(headers, validators) ? parseRange(headers.get('range'), size) : null
  const range = part ?? { first: 0, last: size - 1 }
  return {
    status: part === null ? 200 : 206,
    headers: {
      ...description.headers,
      ...named,
      'accept-ranges': 'bytes',
      'content-length': String(range.last - range.first + 1),
      ...(part === null ? {} : { 'content-range': `bytes ${part.first}-${part.last}/${size}` }),
      ...more,
    },
    range,
  }
}

/** Yields nothing once, with the first chunk in hand, and then the bytes. Closes the file in any case. */
async function* readAhead(
  handle: FileHandle,
  file: SealedFile,
  { first, last }: ByteRange,
): AsyncGenerator<Uint8Array> {
  try {
    const chunks = file.read(first, last)
    const { value } = await chunks.next()
    yield new Uint8Array()
    if (value !== undefined) yield value
    yield* chunks
  } finally {
    await handle.close()
  }
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
