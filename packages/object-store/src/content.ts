/** The bytes of an object or a part on their way to the disk, and what is promised about them. */
import { randomBytes } from 'node:crypto'
import { decodeChunks } from './aws-chunked.ts'
import {
  algorithmOfHeader,
  type ChecksumAlgorithm,
  type Digester,
  parseAlgorithm,
  parseChecksum,
  readChecksumHeader,
  startDigest,
  startHash,
} from './checksums.ts'
import type { CustomerKey } from './customer-key.ts'
import type { Call } from './operations.ts'
import { S3Error, type S3ErrorCode } from './s3-error.ts'
import type { RequestHeaders } from './s3-request.ts'

/** The most that S3 takes in one request: 5 GiB. */
export const MAX_CONTENT_BYTES = 5 * 1024 ** 3

export interface Content {
  /** Bytes. */
  readonly size: number
  readonly pieces: AsyncIterable<Uint8Array>
  /** The algorithm of its checksum, known before it comes. */
  readonly algorithm: ChecksumAlgorithm | null
  /**
   * Good after the last piece, once.
   *
   * @throws {S3Error} `BadDigest` or `XAmzContentSHA256Mismatch`: the content is not what was promised
   */
  finish(): Promise<Finished>
}

export interface Finished {
  readonly etag: string
  /** Base64. */
  readonly checksum: { readonly algorithm: ChecksumAlgorithm; readonly value: string } | null
}

/**
 * The body of a request: without the framing of `aws-chunked`, and checked against its signature, `Content-MD5` and
 * checksum.
 *
 * @param algorithm that of a checksum to make where none is promised
 * @throws {S3Error} what is promised about it is no promise, or it is longer than 5 GiB
 */
export function receiveContent(
  call: Call,
  customerKey: CustomerKey | null,
  algorithm: ChecksumAlgorithm | null = null,
): Content {
  const size = readSize(call)
  if (size > MAX_CONTENT_BYTES) throw new S3Error('EntityTooLarge')
  const promised = readPromisedChecksum(call)
  const assertions = readAssertions(call)
  const measures = startMeasures(customerKey, promised?.algorithm ?? algorithm)
  const finish = async () => {
    for (const each of assertions) await each.check()
    const finished = await measures.finish()
    if (promised !== null && promised.value() !== finished.checksum?.value) throw new S3Error('BadDigest')
    return finished
  }
  const digesters = [...assertions.map(({ digester }) => digester), ...measures.digesters]
  const pieces = digested(contentOf(call, size, promised), digesters)
  return { size, pieces, algorithm: measures.algorithm, finish }
}

/** What is read from another object. It has been authenticated as it was opened. */
export function copyContent(
  size: number,
  pieces: AsyncIterable<Uint8Array>,
  customerKey: CustomerKey | null,
  algorithm: ChecksumAlgorithm | null,
): Content {
  const { digesters, finish } = startMeasures(customerKey, algorithm)
  return { size, pieces: digested(pieces, digesters), algorithm, finish }
}

/**
 * A whole body in memory.
 *
 * @throws {S3Error} as {@link receiveContent} and its `finish`, and `EntityTooLarge`; checksum headers are not looked at
 */
export async function receiveDocument(call: Call, maxBytes: number): Promise<Buffer> {
  const size = readSize(call)
  if (size > maxBytes) throw new S3Error('EntityTooLarge', 'The document is too long.')
  const assertions = readAssertions(call)
  const digesters = assertions.map(({ digester }) => digester)
  const pieces: Uint8Array[] = []
  for await (const piece of digested(contentOf(call, size, null), digesters))
    pieces.push(Uint8Array.from(piece))
  for (const each of assertions) await each.check()
  return Buffer.concat(pieces)
}

/** What becomes known of content as it passes: its etag and its checksum. */
function startMeasures(customerKey: CustomerKey | null, algorithm: ChecksumAlgorithm | null) {
  // Under a customer's key S3 does not make the etag from the content either, and ours is random.
  const md5 = customerKey === null ? startHash('md5') : null
  const checksum = algorithm === null ? null : startDigest(algorithm)
  const finish = async (): Promise<Finished> => {
    const etag = (await md5?.digest()) ?? randomBytes(16)
    const value = (await checksum?.digest())?.toString('base64') ?? ''
    return { etag: etag.toString('hex'), checksum: algorithm === null ? null : { algorithm, value } }
  }
  return { algorithm, digesters: [md5, checksum].filter((digester) => digester !== null), finish }
}

async function* digested(pieces: AsyncIterable<Uint8Array>, digesters: readonly Digester[]) {
  for await (const piece of pieces) {
    for (const digester of digesters) digester.update(piece)
    yield piece
  }
}

/** What signature and headers say about a body. */
interface Assertion {
  readonly digester: Digester
  /** After the last byte. */
  check(): Promise<void>
}

function readAssertions({ request, payload }: Call): Assertion[] {
  const md5 = readContentMd5(request.headers)
  const sha256 = payload.kind === 'signed' ? Buffer.from(payload.sha256, 'hex') : null
  return [
    ...(sha256 === null ? [] : [assertion('sha256', sha256, 'XAmzContentSHA256Mismatch')]),
    ...(md5 === null ? [] : [assertion('md5', md5, 'BadDigest')]),
  ]
}

function assertion(hash: string, expected: Buffer, code: S3ErrorCode): Assertion {
  const digester = startHash(hash)
  const check = async () => {
    if (!expected.equals(await digester.digest())) throw new S3Error(code)
  }
  return { digester, check }
}

/** A checksum whose value may come in a trailer, after the content. */
interface PromisedChecksum {
  readonly algorithm: ChecksumAlgorithm
  value(): string
  setTrailer?(value: string): void
}

// A generator, so that nobody is asked to send before all else has been decided.
async function* contentOf(call: Call, size: number, promised: PromisedChecksum | null) {
  const { payload } = call
  if (payload.kind !== 'chunked') {
    yield* call.body()
    return
  }
  const trailers = payload.trailer ? trailerNames(call.request.headers) : null
  const chunked = { size, signing: payload.signing, trailers }
  yield* decodeChunks(call.body(), chunked, (_, value) => promised?.setTrailer?.(value))
}

function trailerNames(headers: RequestHeaders): string[] {
  const names = headers.get('x-amz-trailer')?.split(',') ?? []
  return names.map((name) => name.trim().toLowerCase())
}

function readPromisedChecksum({ request: { headers }, payload }: Call): PromisedChecksum | null {
  const sent = readChecksumHeader(headers)
  const [trailer, ...more] = payload.kind === 'chunked' && payload.trailer ? trailerNames(headers) : []
  const inTrailer = trailer === undefined ? null : algorithmOfHeader(trailer)
  if (more.length > 0 || (trailer !== undefined && inTrailer === null))
    throw new S3Error('InvalidRequest', 'The value of x-amz-trailer must be one x-amz-checksum-* header.')
  if (sent !== null && inTrailer !== null)
    throw new S3Error('InvalidRequest', 'Send the checksum as a header or as a trailer, not both.')
  checkDeclared(headers.get('x-amz-sdk-checksum-algorithm'), sent?.algorithm ?? inTrailer)
  if (sent !== null) {
    const value = parseChecksum(sent.algorithm, sent.value)
    return { algorithm: sent.algorithm, value: () => value }
  }
  return inTrailer === null ? null : checksumInTrailer(inTrailer)
}

function checksumInTrailer(algorithm: ChecksumAlgorithm): PromisedChecksum {
  let trailer = ''
  return {
    algorithm,
    value: () => parseChecksum(algorithm, trailer),
    setTrailer: (value) => {
      trailer = value
    },
  }
}

function checkDeclared(declared: string | null, sent: ChecksumAlgorithm | null): void {
  if (declared === null || parseAlgorithm(declared) === sent) return
  throw new S3Error(
    'InvalidRequest',
    'x-amz-sdk-checksum-algorithm names a checksum that was sent neither as a header nor as a trailer.',
  )
}

function readSize({ request: { headers }, payload }: Call): number {
  const isChunked = payload.kind === 'chunked'
  if (!isChunked && headers.get('transfer-encoding') !== null)
    throw new S3Error('NotImplemented', 'Send a Content-Length header instead of Transfer-Encoding.')
  const length = headers.get(isChunked ? 'x-amz-decoded-content-length' : 'content-length')
  if (length === null || !/^\d{1,15}$/.test(length)) throw new S3Error('MissingContentLength')
  return Number(length)
}

function readContentMd5(headers: RequestHeaders): Buffer | null {
  const text = headers.get('content-md5')
  if (text === null) return null
  const md5 = Buffer.from(text, 'base64')
  if (md5.length !== 16 || md5.toString('base64') !== text) throw new S3Error('InvalidDigest')
  return md5
}
