import { createHash, type Hash, randomBytes } from 'node:crypto'
import { type CustomerKey, encryptionHeaders, readCustomerKey } from './customer-key.ts'
import { type Answer, type Call, checkVocabulary, lockOf, type Vocabulary } from './operations.ts'
import { S3Error } from './s3-error.ts'
import type { RequestHeaders } from './s3-request.ts'
import { sealFile } from './sealed-file.ts'

/** The most that S3 takes in one PUT: 5 GiB. */
const MAX_BYTES = 5 * 1024 ** 3
const MAX_USER_METADATA_BYTES = 2048
const USER_METADATA = 'x-amz-meta-'
const STORED_HEADERS = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'expires',
]

const PUT_VOCABULARY: Vocabulary = {
  query: new Set(),
  amzHeaders: /^x-amz-(server-side-encryption(-customer-(algorithm|key|key-md5))?|meta-.+)$/,
  refusedHeaders: ['if-match', 'if-modified-since', 'if-unmodified-since', 'transfer-encoding'],
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html */
export async function putObject(call: Call): Promise<Answer> {
  const { request, directory, now } = call
  const { headers } = request
  checkVocabulary(request, PUT_VOCABULARY)
  const customerKey = readCustomerKey(headers)
  checkStoreEncryption(headers, customerKey)
  const description = {
    size: readContentLength(headers),
    lastModified: now.getTime(),
    headers: storedHeaders(headers),
  }
  const ifAbsent = readIfAbsent(headers)
  const expected = { md5: readContentMd5(headers), sha256: call.bodySha256 }
  // Early, so that nobody sends a body for nothing. The directory decides again, without a race.
  if (ifAbsent && (await directory.has(request))) throw new S3Error('PreconditionFailed')
  const body = measure(call.body(), expected, customerKey)
  const lock = lockOf(call, customerKey)
  const stored = await directory.write(request, ifAbsent, (handle) =>
    sealFile(handle, lock, description, body.pieces, body.etag),
  )
  if (!stored) throw new S3Error('PreconditionFailed')
  const etag = `"${body.etag().toString('hex')}"`
  return { status: 200, headers: { etag, ...encryptionHeaders(customerKey) } }
}

interface ExpectedDigests {
  readonly md5: Buffer | null
  /** Lower-case hex. */
  readonly sha256: string | null
}

interface MeasuredBody {
  readonly pieces: AsyncIterable<Uint8Array>
  /**
   * Good after the last piece. The MD5 of the content, except under a customer's key: there S3 does not make the etag
   * from the content either, and ours is random.
   *
   * @throws {S3Error} `BadDigest` or `XAmzContentSHA256Mismatch`
   */
  readonly etag: () => Buffer
}

function measure(
  body: AsyncIterable<Uint8Array>,
  expected: ExpectedDigests,
  customerKey: CustomerKey | null,
): MeasuredBody {
  const md5 = customerKey === null || expected.md5 !== null ? createHash('md5') : null
  const sha256 = expected.sha256 === null ? null : createHash('sha256')
  let etag: Buffer | null = null
  const finish = () => {
    const contentMd5 = md5?.digest() ?? null
    if (expected.md5 !== null && contentMd5?.equals(expected.md5) !== true) throw new S3Error('BadDigest')
    if (sha256 !== null && sha256.digest('hex') !== expected.sha256)
      throw new S3Error('XAmzContentSHA256Mismatch')
    return customerKey === null && contentMd5 !== null ? contentMd5 : randomBytes(16)
  }
  return {
    pieces: hashed(body, [md5, sha256]),
    etag: () => {
      etag ??= finish()
      return etag
    },
  }
}

async function* hashed(body: AsyncIterable<Uint8Array>, hashes: readonly (Hash | null)[]) {
  for await (const piece of body) {
    for (const hash of hashes) hash?.update(piece)
    yield piece
  }
}

// Everything is encrypted anyway; `AES256` asks for just that.
function checkStoreEncryption(headers: RequestHeaders, customerKey: CustomerKey | null): void {
  const asked = headers.get('x-amz-server-side-encryption')
  if (asked === null) return
  if (customerKey !== null) {
    throw new S3Error(
      'InvalidArgument',
      'Ask for x-amz-server-side-encryption or bring a customer key, not both.',
    )
  }
  if (asked !== 'AES256') {
    throw new S3Error('NotImplemented', 'x-amz-server-side-encryption can only be AES256 here.')
  }
}

function readContentLength(headers: RequestHeaders): number {
  const length = headers.get('content-length')
  if (length === null || !/^\d{1,15}$/.test(length)) throw new S3Error('MissingContentLength')
  if (Number(length) > MAX_BYTES) throw new S3Error('EntityTooLarge')
  return Number(length)
}

function readIfAbsent(headers: RequestHeaders): boolean {
  const condition = headers.get('if-none-match')
  if (condition === null) return false
  if (condition !== '*') throw new S3Error('NotImplemented', 'if-none-match can only be * on a PUT.')
  return true
}

function readContentMd5(headers: RequestHeaders): Buffer | null {
  const text = headers.get('content-md5')
  if (text === null) return null
  const md5 = Buffer.from(text, 'base64')
  if (md5.length !== 16 || md5.toString('base64') !== text) throw new S3Error('InvalidDigest')
  return md5
}

function storedHeaders(headers: RequestHeaders): Record<string, string> {
  const stored: Record<string, string> = { 'content-type': 'binary/octet-stream' }
  let userMetadataBytes = 0
  for (const name of headers.names) {
    const isUserMetadata = name.startsWith(USER_METADATA)
    if (!isUserMetadata && !STORED_HEADERS.includes(name)) continue
    const value = headers.get(name) ?? ''
    stored[name] = value
    if (isUserMetadata) userMetadataBytes += name.length - USER_METADATA.length + Buffer.byteLength(value)
  }
  if (userMetadataBytes > MAX_USER_METADATA_BYTES) throw new S3Error('MetadataTooLarge')
  if (/(^|[, ])aws-chunked($|[, ])/i.test(stored['content-encoding'] ?? '')) {
    throw new S3Error('NotImplemented', 'Bodies in signed chunks (aws-chunked) are not implemented here.')
  }
  return stored
}
