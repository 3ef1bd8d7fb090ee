/**
 * Bodies in chunks that are signed one by one, and trailers.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
 */
import { amzDate, type Scope, scopeString, signature, signHeaders, signingKey } from '@lunadefend/core/sigv4'
import { type Answer, type Lab, send, sha256 } from './lab.ts'

type Kind =
  | 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'
  | 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER'
  | 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'

export interface Chunked {
  readonly kind: Kind
  readonly chunks: readonly Buffer[]
  /** Announced, and sent at the end. */
  readonly trailers?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  /** What to send otherwise than it should be. */
  readonly flaw?: {
    readonly decodedLength?: string | null
    readonly announced?: string
    readonly edit?: (body: Buffer) => Buffer
  }
}

export function putChunked(lab: Lab, key: string, chunked: Chunked): Promise<Answer> {
  const { endpoint, bucket, region, credentials } = lab.target
  const { kind, chunks, trailers = {}, flaw = {} } = chunked
  const now = new Date()
  const path = `/${bucket}/${key}`
  const headers = { ...headersOf(chunked), ...chunked.headers }
  const signed = signHeaders({
    ...{ method: 'PUT', endpoint, path, headers, credentials, region, now, payloadHash: kind },
  })
  const seed = /Signature=(\w+)/.exec(signed['authorization'] ?? '')?.[1] ?? ''
  const scope = { date: amzDate(now).slice(0, 8), region, service: 's3' }
  const sign = signer(seed, scope, amzDate(now), credentials.secretAccessKey)
  const pieces = kind.startsWith('STREAMING-UNSIGNED')
    ? unsignedPieces(chunks, trailers)
    : signedPieces(chunks, trailers, sign)
  const { edit = (body) => body } = flaw
  return send('PUT', `${endpoint}${path}`, signed, edit(Buffer.concat(pieces)))
}

function headersOf({ chunks, trailers = {}, flaw = {} }: Chunked): Record<string, string> {
  const total = chunks.reduce((sum, { length }) => sum + length, 0)
  const { decodedLength = String(total), announced = Object.keys(trailers).join(',') } = flaw
  return {
    'content-encoding': 'aws-chunked',
    ...(decodedLength === null ? {} : { 'x-amz-decoded-content-length': decodedLength }),
    ...(announced === '' ? {} : { 'x-amz-trailer': announced }),
  }
}

type Sign = (what: 'PAYLOAD' | 'TRAILER', bytes: Buffer) => string

/** Each signature covers the one before it. */
function signer(seed: string, scope: Scope, timestamp: string, secret: string): Sign {
  let last = seed
  return (what, bytes) => {
    const hashes = what === 'PAYLOAD' ? [sha256(''), sha256(bytes)] : [sha256(bytes)]
    const lines = [`AWS4-HMAC-SHA256-${what}`, timestamp, scopeString(scope), last, ...hashes]
    last = signature(signingKey(secret, scope), lines.join('\n'))
    return last
  }
}

function signedPieces(chunks: readonly Buffer[], trailers: object, sign: Sign): Buffer[] {
  const signed = (chunk: Buffer) =>
    `${chunk.length.toString(16)};chunk-signature=${sign('PAYLOAD', chunk)}\r\n`
  const pieces = chunks.flatMap((chunk) => [Buffer.from(signed(chunk)), chunk, Buffer.from('\r\n')])
  const lines = Object.entries(trailers).map(([name, value]) => `${name}:${value}`)
  const end = signed(Buffer.alloc(0))
  if (lines.length === 0) return [...pieces, Buffer.from(`${end}\r\n`)]
  const proof = sign('TRAILER', Buffer.from(lines.map((line) => `${line}\n`).join('')))
  const tail = [...lines, `x-amz-trailer-signature:${proof}`].map((line) => `${line}\r\n`)
  return [...pieces, Buffer.from(`${end}${tail.join('')}\r\n`)]
}

function unsignedPieces(chunks: readonly Buffer[], trailers: object): Buffer[] {
  const pieces = chunks.flatMap((chunk) => [
    Buffer.from(`${chunk.length.toString(16)}\r\n`),
    chunk,
    Buffer.from('\r\n'),
  ])
  const lines = Object.entries(trailers).map(([name, value]) => `${name}:${value}\r\n`)
  return [...pieces, Buffer.from(`0\r\n${lines.join('')}\r\n`)]
}
