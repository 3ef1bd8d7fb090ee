import type { IncomingMessage } from 'node:http'
import { presign } from '@lunadefend/core/sigv4'
import fc from 'fast-check'
import { expect } from 'vitest'
import { authenticate } from '../../packages/object-store/src/authenticate.ts'
import { decodeChunks } from '../../packages/object-store/src/aws-chunked.ts'
import {
  parseAlgorithm,
  parseChecksum,
  readChecksumHeader,
} from '../../packages/object-store/src/checksums.ts'
import { readCopySource } from '../../packages/object-store/src/copy-source.ts'
import { answerPreflight } from '../../packages/object-store/src/cors.ts'
import {
  readCopySourceKey,
  readCustomerKey,
  readEncryption,
} from '../../packages/object-store/src/customer-key.ts'
import type { Call } from '../../packages/object-store/src/operations.ts'
import { parsePartNumber, readLimit, readUploadId } from '../../packages/object-store/src/parameters.ts'
import { readPartWishes } from '../../packages/object-store/src/part-wishes.ts'
import {
  evaluatePreconditions,
  rangeApplies,
  readPermission,
} from '../../packages/object-store/src/preconditions.ts'
import { parseCopyRange, parseRange } from '../../packages/object-store/src/range.ts'
import { S3Error } from '../../packages/object-store/src/s3-error.ts'
import { parseRequest } from '../../packages/object-store/src/s3-request.ts'
import { type Target, target } from './guard.ts'
import { hostileText } from './hostile.ts'

const isS3Error = (error: unknown) => error instanceof S3Error

const REGION = 'us-east-1'
const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' }
const now = new Date('2026-03-01T12:00:00Z')
const signedUrl = new URL(
  presign({
    ...{ method: 'GET', endpoint: 'http://localhost:9', path: '/values/v1/key', region: REGION },
    ...{ credentials, now, expiresSeconds: 60 },
  }),
)
const incoming = (method: string, url: string, headers: readonly string[]) =>
  ({ method, url, rawHeaders: headers }) as unknown as IncomingMessage
const withHeaders = (fields: Readonly<Record<string, string>>) =>
  parseRequest(incoming('GET', '/values/key', Object.entries(fields).flat()))

const authorization =
  `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260301/${REGION}/s3/aws4_request, ` +
  `SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=${'0'.repeat(64)}`
const md5 = 'AQIDBAUGBwgJCgsMDQ4PEA=='
const ofKey = 'server-side-encryption-customer-'
const keyHeaders = { algorithm: 'AES256', key: Buffer.alloc(32, 1).toString('base64'), 'key-md5': md5 }
const values = fc.constantFrom(
  ...['"00000000000000000000000000000000"', '*', 'Sun, 01 Mar 2026 12:00:00 GMT', 'W/"a", "b"', 'AES256'],
  ...['bytes=0-4', 'bytes=-3', '/values/v1/key', 'AAAAAA==', 'CRC32', md5, ...Object.values(keyHeaders)],
)
const NAMES = [
  ...['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range', 'range'],
  ...['x-amz-copy-source', 'x-amz-checksum-crc32', 'x-amz-checksum-sha256', 'x-amz-server-side-encryption'],
  ...Object.keys(keyHeaders).flatMap((name) => [
    `x-amz-${ofKey}${name}`,
    `x-amz-copy-source-${ofKey}${name}`,
  ]),
]
const fields = fc.dictionary(fc.constantFrom(...NAMES), hostileText(values, 8_192), { maxKeys: 6 })

const checksum = '<ChecksumCRC32>AAAAAA==</ChecksumCRC32>'
const wishes = `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Part><PartNumber>1</PartNumber><ETag>"${'0'.repeat(32)}"</ETag>${checksum}</Part><Part><PartNumber>2</PartNumber><ETag>&quot;${'a'.repeat(32)}&quot;</ETag></Part></CompleteMultipartUpload>`

const chunks = '5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n'

/** Requests to the embedded object store, line by line and header by header. */
export const OBJECT_STORE: readonly Target[] = [
  target({
    reads: 'request lines',
    file: 'object-store/s3-request.ts',
    cases: hostileText(fc.constantFrom('/values/v1/a%20b?list-type=2&prefix=%2F', '/values?uploads', '/')),
    check: (url) => {
      const request = parseRequest(incoming('GET', url, []))
      expect(request.path.startsWith('/')).toBe(true)
      readLimit(request, 'max-keys')
      readUploadId(request)
    },
    refuses: isS3Error,
  }),
  target({
    reads: 'signatures in a query',
    file: 'object-store/authenticate.ts',
    cases: hostileText(fc.constant(`${signedUrl.pathname}${signedUrl.search}`)),
    check: (url) => {
      const request = parseRequest(incoming('GET', url, ['host', signedUrl.host]))
      authenticate(request, { credentials, region: REGION }, now)
      expect(request.path).toBe('/values/v1/key')
    },
    refuses: isS3Error,
  }),
  target({
    reads: 'signatures in a header',
    file: 'object-store/authenticate.ts',
    cases: fc.tuple(
      hostileText(fc.constant(authorization)),
      hostileText(fc.constant('20260301T120000Z'), 1_024),
      hostileText(fc.constantFrom('UNSIGNED-PAYLOAD', 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'), 1_024),
    ),
    check: ([signature, date, payload]) => {
      const headers = [
        'host',
        'a',
        'authorization',
        signature,
        'x-amz-date',
        date,
        'x-amz-content-sha256',
        payload,
      ]
      authenticate(
        parseRequest(incoming('GET', '/values/key', headers)),
        { credentials, region: REGION },
        now,
      )
      throw new Error('a signature that nobody made')
    },
    refuses: isS3Error,
  }),
  target({
    reads: 'bodies in chunks',
    file: 'object-store/aws-chunked.ts',
    cases: hostileText(
      fc.constantFrom(chunks, `${chunks.slice(0, -4)}${' '.repeat(980)}\u0001\r\n\r\n`),
      8_192,
    ),
    check: async (text) => {
      const body = (async function* () {
        yield Buffer.from(text, 'latin1')
      })()
      const chunked = { size: 5, signing: null, trailers: ['x-amz-checksum-crc32'] }
      const read: Uint8Array[] = []
      for await (const piece of decodeChunks(body, chunked, () => {})) read.push(piece)
      expect(Buffer.concat(read).length).toBe(5)
    },
    refuses: isS3Error,
  }),
  target({
    reads: 'lists of parts, in XML',
    file: 'object-store/part-wishes.ts',
    cases: hostileText(fc.constant(wishes), 70_000),
    check: (text) => {
      for (const { number, etag } of readPartWishes(Buffer.from(text))) {
        expect(number).toBeGreaterThan(0)
        expect(etag).toMatch(/^[0-9a-f]{32}$/)
      }
    },
    refuses: isS3Error,
  }),
  target({
    reads: 'conditions and ranges',
    file: 'object-store/preconditions.ts',
    cases: fields,
    check: (headers) => {
      const { headers: read } = withHeaders(headers)
      const validators = { etag: '0'.repeat(32), lastModified: now.getTime() }
      rangeApplies(read, validators)
      expect(['proceed', 'not-modified', 'failed']).toContain(evaluatePreconditions(read, validators))
      const range = parseRange(headers['range'] ?? null, 10)
      if (range !== null) expect(range.first >= 0 && range.first <= range.last && range.last < 10).toBe(true)
      readPermission(read)
      parseCopyRange(headers['range'] ?? '', 10)
    },
    refuses: isS3Error,
  }),
  target({
    reads: "customers' keys and what is copied",
    file: 'object-store/customer-key.ts',
    cases: fields,
    check: (headers) => {
      const request = withHeaders(headers)
      readCustomerKey(request.headers)
      readCopySourceKey(request.headers)
      expect(readEncryption(request.headers)?.bytes.length ?? 32).toBe(32)
      expect(readCopySource({ request } as Call).bucket).toBe('values')
    },
    refuses: isS3Error,
  }),
  target({
    reads: 'checksums',
    file: 'object-store/checksums.ts',
    cases: fc.tuple(fields, hostileText(values, 1_024)),
    check: ([headers, text]) => {
      const found = readChecksumHeader(withHeaders(headers).headers)
      if (found !== null) parseChecksum(found.algorithm, found.value)
      parsePartNumber(text)
      parseAlgorithm(text)
    },
    refuses: isS3Error,
  }),
  target({
    reads: 'preflights',
    file: 'object-store/cors.ts',
    cases: fc.tuple(
      hostileText(fc.constant('http://localhost:1'), 512),
      hostileText(fc.constantFrom('PUT', 'GET'), 64),
      hostileText(fc.constant('if-none-match, x-amz-server-side-encryption-customer-key')),
    ),
    check: ([origin, method, names]) => {
      const headers = {
        origin,
        'access-control-request-method': method,
        'access-control-request-headers': names,
      }
      const allowed = answerPreflight(
        { headers } as unknown as IncomingMessage,
        new Set(['http://localhost:1']),
      )
      expect(allowed['access-control-allow-origin']).toBe('http://localhost:1')
    },
    refuses: isS3Error,
  }),
]
