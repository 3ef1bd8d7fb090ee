/**
 * Checks AWS Signature Version 4, in the query or in the `Authorization` header.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
import { type KeyObject, timingSafeEqual } from 'node:crypto'
import {
  ALGORITHM,
  amzDate,
  type Credentials,
  canonicalQuery,
  canonicalRequest,
  encodePath,
  MAX_EXPIRES_SECONDS,
  SCOPE_TERMINATOR,
  type Scope,
  signature,
  signingKey,
  stringToSign,
  UNSIGNED_PAYLOAD,
} from '@lunadefend/core/sigv4'
import type { ChunkSigning } from './aws-chunked.ts'
import { S3Error } from './s3-error.ts'
import type { S3Request } from './s3-request.ts'

/** S3 allows clocks to differ by 15 minutes. */
const MAX_SKEW_MS = 15 * 60_000

/** Whose signatures count, and for which region. */
export interface Trust {
  readonly credentials: Credentials
  readonly region: string
}

/** What a request says about its own signature. */
interface Claim {
  readonly accessKeyId: string
  readonly scope: Scope
  readonly timestamp: string
  /** Seconds; `null` for a signature in the `Authorization` header. */
  readonly expires: number | null
  readonly signedHeaders: readonly string[]
  readonly payloadHash: string
  readonly signature: string
}

/** What a signature says about the body. */
export type Payload =
  | { readonly kind: 'unsigned' }
  /** `sha256`: what the body must have, in lower-case hex. */
  | { readonly kind: 'signed'; readonly sha256: string }
  /** In chunks; `signing` is `null` where the chunks are not signed. */
  | { readonly kind: 'chunked'; readonly signing: ChunkSigning | null; readonly trailer: boolean }

/** @throws {S3Error} with S3's code, unless the request was signed for this store and is sent as it was signed, in time */
export function authenticate(request: S3Request, trust: Trust, now: Date): Payload {
  const claim = readClaim(request, trust.region)
  if (claim.accessKeyId !== trust.credentials.accessKeyId) throw new S3Error('InvalidAccessKeyId')
  checkTime(claim, now)
  checkSignedHeaders(request, claim)
  const key = signingKey(trust.credentials.secretAccessKey, claim.scope)
  checkSignature(request, claim, key)
  const { timestamp, scope } = claim
  return payloadOf(claim.payloadHash, { key, timestamp, scope, seed: claim.signature })
}

function readClaim(request: S3Request, region: string): Claim {
  const inQuery = [...request.query.keys()].some((name) => /^x-amz-/i.test(name))
  const authorization = request.headers.get('authorization')
  if (inQuery && authorization !== null) {
    throw new S3Error('InvalidArgument', 'Sign in the query or in the Authorization header, not in both.')
  }
  if (request.headers.get('x-amz-security-token') !== null) throw new S3Error('InvalidToken')
  if (inQuery) return claimInQuery(request, region)
  if (authorization !== null) return claimInHeader(request, authorization, region)
  throw new S3Error('AccessDenied', 'Access Denied. The request is not signed.')
}

const QUERY_PARAMETERS = new Set([
  'X-Amz-Algorithm',
  'X-Amz-Credential',
  'X-Amz-Date',
  'X-Amz-Expires',
  'X-Amz-SignedHeaders',
  'X-Amz-Signature',
  'X-Amz-Content-Sha256',
])

// The SDK moves its checksum of the body there, before it has seen the body; S3 does not look at it.
const IGNORED_IN_QUERY = /^x-amz-(checksum-(crc32|crc32c|crc64nvme|sha1|sha256|mode)|sdk-checksum-algorithm)$/

function claimInQuery(request: S3Request, region: string): Claim {
  const { query } = request
  if (query.has('X-Amz-Security-Token')) throw new S3Error('InvalidToken')
  for (const name of query.keys()) {
    // A header that was moved into the query, such as an encryption key, would otherwise be ignored without a word.
    if (/^x-amz-/i.test(name) && !QUERY_PARAMETERS.has(name) && !IGNORED_IN_QUERY.test(name)) {
      throw malformedQuery('There is an X-Amz-* parameter that is not known here.')
    }
  }
  const get = (name: string) => query.get(name) ?? throwMissing(name)
  if (get('X-Amz-Algorithm') !== ALGORITHM) throw malformedQuery(`X-Amz-Algorithm must be ${ALGORITHM}.`)
  const timestamp = get('X-Amz-Date')
  return {
    ...parseCredential(get('X-Amz-Credential'), timestamp, region, malformedQuery),
    timestamp,
    expires: parseExpires(get('X-Amz-Expires')),
    signedHeaders: parseSignedHeaders(get('X-Amz-SignedHeaders'), malformedQuery),
    payloadHash:
      request.headers.get('x-amz-content-sha256') ?? query.get('X-Amz-Content-Sha256') ?? UNSIGNED_PAYLOAD,
    signature: get('X-Amz-Signature'),
  }
}

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 +Credential=([^, ]+) *, *SignedHeaders=([^, ]+) *, *Signature=([^, ]+)$/

function claimInHeader(request: S3Request, authorization: string, region: string): Claim {
  const [, credential, signedHeaders, signed] = AUTHORIZATION.exec(authorization) ?? []
  if (credential === undefined || signedHeaders === undefined || signed === undefined) {
    throw malformedHeader(`It must be ${ALGORITHM} with Credential, SignedHeaders and Signature.`)
  }
  const timestamp = request.headers.get('x-amz-date')
  if (timestamp === null) throw new S3Error('AccessDenied', 'Access Denied. Send the header x-amz-date.')
  const payloadHash = request.headers.get('x-amz-content-sha256')
  if (payloadHash === null) throw new S3Error('InvalidRequest', 'Send the header x-amz-content-sha256.')
  return {
    ...parseCredential(credential, timestamp, region, malformedHeader),
    timestamp,
    expires: null,
    signedHeaders: parseSignedHeaders(signedHeaders, malformedHeader),
    payloadHash,
    signature: signed,
  }
}

type Malformed = (what: string) => S3Error
const malformedQuery: Malformed = (what) => new S3Error('AuthorizationQueryParametersError', what)
const malformedHeader: Malformed = (what) =>
  new S3Error('AuthorizationHeaderMalformed', `The authorization header is malformed. ${what}`)

function throwMissing(name: string): never {
  throw malformedQuery(`The query parameter ${name} is missing.`)
}

function parseCredential(text: string, timestamp: string, expectedRegion: string, malformed: Malformed) {
  const [accessKeyId = '', date, region, service, terminator, ...more] = text.split('/')
  if (terminator !== SCOPE_TERMINATOR || more.length > 0) {
    throw malformed('The credential must be <access key>/YYYYMMDD/<region>/s3/aws4_request.')
  }
  if (region !== expectedRegion) throw malformed(`The region of the credential must be ${expectedRegion}.`)
  if (service !== 's3') throw malformed('The service of the credential must be s3.')
  if (Number.isNaN(parseTimestamp(timestamp))) throw malformed('The date must be YYYYMMDDTHHMMSSZ.')
  if (date !== timestamp.slice(0, 8))
    throw malformed('The date of the credential must be that of the request.')
  return { accessKeyId, scope: { date, region, service } }
}

function parseExpires(text: string): number {
  const seconds = /^\d{1,6}$/.test(text) ? Number(text) : 0
  if (seconds < 1 || seconds > MAX_EXPIRES_SECONDS) {
    throw malformedQuery('X-Amz-Expires must be from 1 to 604800 seconds.')
  }
  return seconds
}

function parseSignedHeaders(text: string, malformed: Malformed): string[] {
  const names = text.split(';')
  const sorted = names.every((name, i) => name !== '' && (i === 0 || name > (names[i - 1] ?? '')))
  if (!sorted || text !== text.toLowerCase()) {
    throw malformed('The signed headers must be in lower case, sorted, each once, with semicolons between.')
  }
  return names
}

/** Milliseconds since 1970, or `NaN` for what is no time (30 February, for one). */
function parseTimestamp(text: string): number {
  const iso = text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z')
  const time = iso === text ? Number.NaN : Date.parse(iso)
  return !Number.isNaN(time) && amzDate(new Date(time)) === text ? time : Number.NaN
}

function checkTime({ timestamp, expires }: Claim, now: Date): void {
  const age = now.getTime() - parseTimestamp(timestamp)
  if (expires === null) {
    if (Math.abs(age) > MAX_SKEW_MS) throw new S3Error('RequestTimeTooSkewed')
    return
  }
  if (age < -MAX_SKEW_MS) throw new S3Error('AccessDenied', 'Access Denied. The request is not yet valid.')
  if (age > expires * 1000) throw new S3Error('AccessDenied', 'Access Denied. The request has expired.')
}

function checkSignedHeaders({ headers }: S3Request, { signedHeaders }: Claim): void {
  const signed = new Set(signedHeaders)
  const mustBeSigned = ['host', ...headers.names.filter((name) => name.startsWith('x-amz-'))]
  const notSigned = mustBeSigned.filter((name) => !signed.has(name))
  if (notSigned.length > 0) {
    throw new S3Error('AccessDenied', `Access Denied. These headers are not signed: ${notSigned.join(', ')}.`)
  }
}

function checkSignature(request: S3Request, claim: Claim, key: KeyObject): void {
  const canonical = canonicalRequest({
    method: request.method,
    path: encodePath(request.path),
    query: canonicalQuery([...request.query].filter(([name]) => name !== 'X-Amz-Signature')),
    headers: claim.signedHeaders.map((name) => [name, signedValue(request, name)]),
    payloadHash: claim.payloadHash,
  })
  const expected = signature(key, stringToSign(claim.timestamp, claim.scope, canonical))
  if (!equalInConstantTime(expected, claim.signature)) throw new S3Error('SignatureDoesNotMatch')
}

// A header that was signed and not sent must not pass as one that was sent empty.
function signedValue({ headers }: S3Request, name: string): string {
  const value = headers.get(name)
  if (value === null) throw new S3Error('SignatureDoesNotMatch')
  return value
}

function equalInConstantTime(expected: string, given: string): boolean {
  return /^[0-9a-f]{64}$/.test(given) && timingSafeEqual(Buffer.from(expected), Buffer.from(given))
}

function payloadOf(payloadHash: string, signing: ChunkSigning): Payload {
  switch (payloadHash) {
    case UNSIGNED_PAYLOAD:
      return { kind: 'unsigned' }
    case 'STREAMING-UNSIGNED-PAYLOAD-TRAILER':
      return { kind: 'chunked', signing: null, trailer: true }
    case 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD':
      return { kind: 'chunked', signing, trailer: false }
    case 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER':
      return { kind: 'chunked', signing, trailer: true }
  }
  if (/^[0-9a-f]{64}$/.test(payloadHash)) return { kind: 'signed', sha256: payloadHash }
  if (payloadHash.startsWith('STREAMING-')) {
    throw new S3Error('NotImplemented', 'Bodies in chunks of that kind are not implemented here.')
  }
  throw new S3Error(
    'InvalidArgument',
    'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-* or a SHA-256 in hex.',
  )
}
