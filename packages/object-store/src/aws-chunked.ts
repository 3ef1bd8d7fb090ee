/**
 * Bodies in chunks (`aws-chunked`), each chunk with a signature or without, and trailers behind them.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
 */
import { createHash, type KeyObject, timingSafeEqual } from 'node:crypto'
import { ALGORITHM, type Scope, scopeString, signature } from '@lunadefend/core/sigv4'
import { S3Error } from './s3-error.ts'

const MAX_LINE_BYTES = 1024
const MAX_TRAILERS = 8
/** What S3 asks of all chunks but the last one. */
const MIN_CHUNK_BYTES = 8192
const SHA256_OF_NOTHING = createHash('sha256').digest('hex')

/** What each chunk is signed with, and the signature that the first one follows. */
export interface ChunkSigning {
  readonly key: KeyObject
  readonly timestamp: string
  readonly scope: Scope
  /** That of the request. */
  readonly seed: string
}

export interface ChunkedBody {
  /** Bytes of content, as `x-amz-decoded-content-length` announces them. */
  readonly size: number
  /** `null`: the chunks are not signed. */
  readonly signing: ChunkSigning | null
  /** Names of the trailers that are to come, in lower case; `null` for a body that has none. */
  readonly trailers: readonly string[] | null
}

/**
 * The content of a body in chunks. It is yielded as it comes, and a chunk's signature is checked at its end: nothing of
 * it counts before the last piece was taken.
 *
 * @param onTrailer gets each trailer
 * @throws {S3Error} `IncompleteBody`, `InvalidRequest`, `InvalidChunkSizeError`, `SignatureDoesNotMatch` or
 *   `MalformedTrailerError`
 */
export async function* decodeChunks(
  body: AsyncIterable<Uint8Array>,
  chunked: ChunkedBody,
  onTrailer: (name: string, value: string) => void,
): AsyncGenerator<Uint8Array> {
  const reader = readBytes(body)
  const verify = verifier(chunked.signing)
  try {
    let received = 0
    for (let before = MIN_CHUNK_BYTES; ; ) {
      const { size, signed } = parseChunkHead(await reader.line(), chunked)
      received += size
      if (received > chunked.size) throw new S3Error('InvalidRequest', 'The body is longer than announced.')
      if (size > 0 && before < MIN_CHUNK_BYTES) throw new S3Error('InvalidChunkSizeError')
      const hash = createHash('sha256')
      for await (const piece of reader.bytes(size)) {
        if (chunked.signing !== null) hash.update(piece)
        yield piece
      }
      verify('PAYLOAD', [SHA256_OF_NOTHING, hash], signed)
      if (size === 0) break
      if ((await reader.line()) !== '') throw malformed()
      before = size
    }
    if (received < chunked.size) throw new S3Error('IncompleteBody')
    await readTrailers(reader, chunked, verify, onTrailer)
    await reader.end()
  } finally {
    await reader.close()
  }
}

function malformed(): S3Error {
  return new S3Error('InvalidRequest', 'The chunks of the body are malformed.')
}

function parseChunkHead(line: string, { signing }: ChunkedBody): { size: number; signed: string } {
  const pattern =
    signing === null ? /^([0-9a-f]{1,12})$/i : /^([0-9a-f]{1,12});chunk-signature=([0-9a-f]{64})$/i
  const [, size, signed = ''] = pattern.exec(line) ?? []
  if (size === undefined) throw malformed()
  return { size: Number.parseInt(size, 16), signed }
}

type Verify = (what: 'PAYLOAD' | 'TRAILER', hashes: readonly Hashed[], signed: string) => void
type Hashed = string | ReturnType<typeof createHash>

function verifier(signing: ChunkSigning | null): Verify {
  if (signing === null) return () => {}
  let previous = signing.seed
  return (what, hashes, signed) => {
    const digests = hashes.map((hash) => (typeof hash === 'string' ? hash : hash.digest('hex')))
    const head = [`${ALGORITHM}-${what}`, signing.timestamp, scopeString(signing.scope), previous]
    const expected = signature(signing.key, [...head, ...digests].join('\n'))
    if (!/^[0-9a-f]{64}$/.test(signed) || !timingSafeEqual(Buffer.from(expected), Buffer.from(signed)))
      throw new S3Error('SignatureDoesNotMatch')
    previous = signed
  }
}

const TRAILER_SIGNATURE = 'x-amz-trailer-signature'

async function readTrailers(
  reader: ByteReader,
  { trailers, signing }: ChunkedBody,
  verify: Verify,
  onTrailer: (name: string, value: string) => void,
): Promise<void> {
  const found = new Map<string, string>()
  for (let line = await reader.line(); line !== ''; line = await reader.line()) {
    const [, name = '', text = ''] = /^([!-9;-~]+):([\t -~]*)$/.exec(line) ?? []
    const [lower, value] = [name.toLowerCase(), text.trim()]
    if (name === '' || found.has(lower) || found.size > MAX_TRAILERS)
      throw new S3Error('MalformedTrailerError')
    found.set(lower, value)
  }
  if (signing !== null && trailers !== null) {
    const signed = found.get(TRAILER_SIGNATURE) ?? ''
    found.delete(TRAILER_SIGNATURE)
    const lines = [...found].map(([name, value]) => `${name}:${value}\n`).join('')
    verify('TRAILER', [createHash('sha256').update(lines)], signed)
  }
  const announced = trailers ?? []
  if (found.size !== announced.length || announced.some((name) => !found.has(name)))
    throw new S3Error('MalformedTrailerError')
  for (const [name, value] of found) onTrailer(name, value)
}

interface ByteReader {
  /** Up to the next CRLF, and without it. */
  line(): Promise<string>
  /** So many bytes, as they come. */
  bytes(count: number): AsyncGenerator<Uint8Array>
  /** Throws unless nothing is left. */
  end(): Promise<void>
  close(): Promise<void>
}

function readBytes(body: AsyncIterable<Uint8Array>): ByteReader {
  const source = body[Symbol.asyncIterator]()
  let rest: Buffer = Buffer.alloc(0)
  const more = async () => {
    const { value, done } = await source.next()
    if (done === true) return false
    rest =
      rest.length === 0
        ? Buffer.from(value.buffer, value.byteOffset, value.length)
        : Buffer.concat([rest, value])
    return true
  }
  return {
    line: async () => {
      for (;;) {
        const end = rest.indexOf('\r\n')
        if (end > MAX_LINE_BYTES || (end === -1 && rest.length > MAX_LINE_BYTES)) throw malformed()
        if (end !== -1) {
          const line = rest.toString('latin1', 0, end)
          rest = rest.subarray(end + 2)
          return line
        }
        if (!(await more())) throw new S3Error('IncompleteBody')
      }
    },
    async *bytes(count) {
      for (let missing = count; missing > 0; ) {
        if (rest.length === 0 && !(await more())) throw new S3Error('IncompleteBody')
        const piece = rest.subarray(0, missing)
        rest = rest.subarray(piece.length)
        missing -= piece.length
        yield piece
      }
    },
    end: async () => {
      if (rest.length > 0 || (await more())) throw malformed()
    },
    close: async () => void (await source.return?.()),
  }
}
