/**
 * Checksums, in headers and in trailers, and bodies in chunks.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
 */
import { createHash, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { type Chunked, putChunked } from '../aws-chunked.ts'
import type { Case } from '../case.ts'
import { headersOf, said, sse, textOf } from '../lab.ts'

/** The text whose check values the catalogues of checksums give. */
const TEXT = '123456789'
const CHECKSUMS = {
  crc32: base64('cbf43926'),
  crc32c: base64('e3069283'),
  crc64nvme: base64('ae8b14860a799888'),
  sha1: createHash('sha1').update(TEXT).digest('base64'),
  sha256: createHash('sha256').update(TEXT).digest('base64'),
}

function base64(hex: string): string {
  return Buffer.from(hex, 'hex').toString('base64')
}

/** As long as a right one, and another. */
function wrong(checksum: string): string {
  return Buffer.from(Buffer.from(checksum, 'base64').map((byte) => byte ^ 1)).toString('base64')
}

/** A PUT of the text: the answer, and what is there then. */
function put(headers: Readonly<Record<string, string>>): Case[2] {
  return async (lab) => {
    const key = lab.key()
    const answer = await lab.byUrl('PUT', key, { headers, body: TEXT })
    return [said(answer), textOf(await lab.byUrl('GET', key))]
  }
}

function casesOf([name, value]: [string, string]): Case[] {
  const header = `x-amz-checksum-${name}`
  return [
    [
      `checksums: the right ${header} is repeated, and comes back when it is asked for`,
      [value, value, null],
      async (lab) => {
        const key = lab.key()
        const headers = sse(randomBytes(32))
        const stored = await lab.byUrl('PUT', key, { headers: { ...headers, [header]: value }, body: TEXT })
        const mode = { 'x-amz-checksum-mode': 'ENABLED' }
        const asked = await lab.byUrl('GET', key, { headers: { ...headers, ...mode } })
        const unasked = await lab.byUrl('GET', key, { headers })
        return [stored, asked, unasked].map((answer) => headersOf(answer, header)[0] ?? null)
      },
    ],
    [
      `checksums: a wrong ${header}, and nothing is stored`,
      ['400 BadDigest', '404 NoSuchKey'],
      put({ [header]: wrong(value) }),
    ],
    [
      `checksums: an ${header} that is none, and nothing is stored`,
      ['400 InvalidRequest', '404 NoSuchKey'],
      put({ [header]: 'sum' }),
    ],
  ]
}

const SIGNED = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'
const SIGNED_TRAILER = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER'
const UNSIGNED_TRAILER = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'

// S3 wants chunks of at least 8 KiB, but for the last.
const CHUNKS = [randomBytes(65_536), randomBytes(65_536), randomBytes(1000)]
const WHOLE = Buffer.concat(CHUNKS)
const CRC32 = { 'x-amz-checksum-crc32': base64(crc32(WHOLE).toString(16).padStart(8, '0')) }
const WRONG_CRC32 = { 'x-amz-checksum-crc32': wrong(CRC32['x-amz-checksum-crc32']) }

/** A PUT in chunks: the answer, and whether the bytes are there then. */
function chunked(what: Omit<Chunked, 'chunks'>): Case[2] {
  return async (lab) => {
    const key = lab.key()
    const headers = sse(randomBytes(32))
    const answer = await putChunked(lab, key, {
      ...what,
      chunks: CHUNKS,
      headers: { ...headers, ...what.headers },
    })
    const get = await lab.byUrl('GET', key, { headers })
    return [said(answer), get.status === 200 ? get.body.equals(WHOLE) : said(get)]
  }
}

function refused(code: string): [string, string] {
  return [code, '404 NoSuchKey']
}

/** Changes the first byte after the head of the first chunk. */
function changeByte(body: Buffer): Buffer {
  const at = body.indexOf('\r\n') + 2
  const changed = Buffer.from(body)
  changed.writeUInt8(changed.readUInt8(at) ^ 1, at)
  return changed
}

/** Changes the last digit before the end of the body. */
function changeLast(text: string) {
  return (body: Buffer) => {
    const at = body.lastIndexOf(text) + text.length
    const changed = Buffer.from(body)
    changed.write(changed.toString('latin1', at, at + 1) === '0' ? '1' : '0', at, 'latin1')
    return changed
  }
}

/** Cuts off the last chunk, which is empty, and what comes with it. */
function cutEnd(body: Buffer): Buffer {
  return body.subarray(0, body.lastIndexOf('\r\n0') + 2)
}

export const checksumCases: readonly Case[] = [
  ...Object.entries(CHECKSUMS).flatMap(casesOf),
  [
    'checksums: two at once',
    refused('400 InvalidRequest'),
    put({ 'x-amz-checksum-crc32': CHECKSUMS.crc32, 'x-amz-checksum-sha256': CHECKSUMS.sha256 }),
  ],
  [
    'checksums: an algorithm is announced, and no checksum comes',
    refused('400 InvalidRequest'),
    put({ 'x-amz-sdk-checksum-algorithm': 'CRC32' }),
  ],
  ['chunks: signed', ['200', true], chunked({ kind: SIGNED })],
  [
    'chunks: signed, with a signed trailer',
    ['200', true],
    chunked({ kind: SIGNED_TRAILER, trailers: CRC32 }),
  ],
  ['chunks: unsigned, with a trailer', ['200', true], chunked({ kind: UNSIGNED_TRAILER, trailers: CRC32 })],
  [
    'chunks: an empty object',
    ['200', '200', 0],
    async (lab) => {
      const key = lab.key()
      const answer = await putChunked(lab, key, { kind: SIGNED, chunks: [] })
      const get = await lab.byUrl('GET', key)
      return [said(answer), said(get), get.status === 200 ? get.body.length : null]
    },
  ],
  [
    'chunks: aws-chunked is not stored as the encoding of the content',
    [null, 'gzip'],
    async (lab) => {
      const [plain, encoded] = [lab.key(), lab.key()]
      await putChunked(lab, plain, { kind: SIGNED, chunks: CHUNKS })
      const headers = { 'content-encoding': 'aws-chunked,gzip' }
      await putChunked(lab, encoded, { kind: SIGNED, chunks: CHUNKS, headers })
      const answers = [await lab.byUrl('HEAD', plain), await lab.byUrl('HEAD', encoded)]
      return answers.map((answer) => headersOf(answer, 'content-encoding')[0] ?? null)
    },
  ],
  [
    'chunks: a byte of a signed chunk changed',
    refused('403 SignatureDoesNotMatch'),
    chunked({ kind: SIGNED, flaw: { edit: changeByte } }),
  ],
  [
    'chunks: the signature of the last chunk changed',
    refused('403 SignatureDoesNotMatch'),
    chunked({ kind: SIGNED, flaw: { edit: changeLast('\r\n0;chunk-signature=') } }),
  ],
  [
    'chunks: the signature of the trailer changed',
    refused('403 SignatureDoesNotMatch'),
    chunked({
      kind: SIGNED_TRAILER,
      trailers: CRC32,
      flaw: { edit: changeLast('x-amz-trailer-signature:') },
    }),
  ],
  [
    'chunks: the signed trailer changed',
    refused('403 SignatureDoesNotMatch'),
    chunked({ kind: SIGNED_TRAILER, trailers: CRC32, flaw: { edit: changeLast('x-amz-checksum-crc32:') } }),
  ],
  [
    'chunks: a signed trailer with a wrong checksum',
    refused('400 BadDigest'),
    chunked({ kind: SIGNED_TRAILER, trailers: WRONG_CRC32 }),
  ],
  [
    'chunks: an unsigned trailer with a wrong checksum',
    refused('400 BadDigest'),
    chunked({ kind: UNSIGNED_TRAILER, trailers: WRONG_CRC32 }),
  ],
  [
    'chunks: a byte of an unsigned chunk changed, so that the trailer is wrong',
    refused('400 BadDigest'),
    chunked({ kind: UNSIGNED_TRAILER, trailers: CRC32, flaw: { edit: changeByte } }),
  ],
  [
    'chunks: one of less than 8 KiB before the last',
    refused('403 InvalidChunkSizeError'),
    async (lab) => {
      const key = lab.key()
      const chunks = [randomBytes(8191), randomBytes(8192)]
      const answer = await putChunked(lab, key, { kind: SIGNED, chunks })
      return [said(answer), said(await lab.byUrl('GET', key))]
    },
  ],
  [
    'chunks: a trailer is announced that does not come',
    refused('400 MalformedTrailerError'),
    chunked({ kind: UNSIGNED_TRAILER, flaw: { announced: 'x-amz-checksum-crc32' } }),
  ],
  [
    'chunks: without the length of the content',
    refused('411 MissingContentLength'),
    chunked({ kind: SIGNED, flaw: { decodedLength: null } }),
  ],
  [
    'chunks: less than the length of the content',
    refused('400 IncompleteBody'),
    chunked({ kind: SIGNED, flaw: { decodedLength: String(WHOLE.length + 1) } }),
  ],
  [
    'chunks: the end is missing',
    refused('400 IncompleteBody'),
    chunked({ kind: SIGNED, flaw: { edit: cutEnd } }),
  ],
  [
    'chunks: the end of an unsigned body is missing',
    refused('400 IncompleteBody'),
    chunked({ kind: UNSIGNED_TRAILER, trailers: CRC32, flaw: { edit: cutEnd } }),
  ],
]
