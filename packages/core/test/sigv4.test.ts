import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import {
  amzDate,
  canonicalQuery,
  canonicalRequest,
  encodePath,
  presign,
  scopeString,
  signature,
  signHeaders,
  signingKey,
  stringToSign,
  uriEncode,
} from '@lunadefend/core/sigv4'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

interface PresignCase {
  method: string
  host: string
  path: string
  expires: number
  query?: Record<string, string>
  headers: Record<string, string>
  signature: string
}

const vectors = JSON.parse(
  readFileSync(new URL('../../../vectors/sigv4-presign.json', import.meta.url), 'utf8'),
)
const cases: PresignCase[] = vectors.cases
const credentials = {
  accessKeyId: vectors.credentials.accessKeyId,
  secretAccessKey: vectors.credentials.secretAccessKey,
}
const now = new Date('2013-05-24T00:00:00Z')
const example = {
  method: 'GET',
  endpoint: 'https://examplebucket.s3.amazonaws.com',
  path: '/test.txt',
  headers: {},
  credentials,
  region: 'us-east-1',
  now,
  expiresSeconds: 60,
}

describe('known answers', () => {
  test.each(cases)('$method $path, $expires s', (known) => {
    const url = new URL(
      presign({
        ...example,
        method: known.method,
        endpoint: `https://${known.host}`,
        path: known.path,
        headers: known.headers,
        expiresSeconds: known.expires,
        ...(known.query === undefined ? {} : { query: known.query }),
      }),
    )
    expect(url.searchParams.get('X-Amz-Signature')).toBe(known.signature)
    expect(url.host).toBe(known.host)
    expect(url.pathname).toBe(known.path)
  })

  // The example "GET Object" of the AWS documentation on header-based authentication.
  test('a request signed in its headers', () => {
    const empty = createHash('sha256').update('').digest('hex')
    const headers = signHeaders({ ...example, headers: { Range: 'bytes=0-9' }, payloadHash: empty })
    expect(headers).toEqual({
      host: 'examplebucket.s3.amazonaws.com',
      range: 'bytes=0-9',
      'x-amz-content-sha256': empty,
      'x-amz-date': '20130524T000000Z',
      authorization:
        'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    })
  })
})

const visible = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 20 })
const odd = fc.constantFrom(
  'a',
  'Z',
  '0',
  ' ',
  '+',
  '%',
  '%2F',
  '/',
  '//',
  '.',
  '..',
  '~',
  '*',
  "'",
  '(',
  ')',
  '!',
  '&',
  '=',
  '?',
  '#',
  ';',
  ':',
  '@',
  '$',
  ',',
  '\\',
  '"',
  '<',
  '[',
  '^',
  '`',
  '|',
  'é',
  '漢',
  '😀',
  '\u0301',
  '\u007f',
  '\t',
)
const key = fc
  .array(fc.oneof({ weight: 4, arbitrary: odd }, visible), { minLength: 1, maxLength: 12 })
  .map((parts) => parts.join(''))
const region = fc.constantFrom('us-east-1', 'eu-central-1', 'ap-southeast-2', 'local')
const host = fc.constantFrom(
  'http://127.0.0.1:37767',
  'http://localhost',
  'https://objects.example.org',
  'https://objects.example.org:8443',
  'http://[::1]:9000',
)
const date = fc.date({ min: new Date('2001-01-01'), max: new Date('2099-12-31'), noInvalidDate: true })
const secrets = fc.record(
  {
    accessKeyId: fc.stringMatching(/^[A-Z0-9]{16,20}$/),
    secretAccessKey: fc.stringMatching(/^[A-Za-z0-9/+]{1,40}$/),
    sessionToken: fc.stringMatching(/^[A-Za-z0-9/+=]{1,80}$/),
  },
  { requiredKeys: ['accessKeyId', 'secretAccessKey'] },
)
const overrides = fc.record(
  {
    'response-content-type': visible,
    'response-content-disposition': key,
    'response-cache-control': visible,
    'response-content-language': visible,
    'response-content-encoding': visible,
  },
  { requiredKeys: [] },
)
const command = fc.oneof(
  fc.record({ method: fc.constant('PUT' as const), length: fc.option(fc.nat()), once: fc.boolean() }),
  fc.record({ method: fc.constantFrom('GET' as const, 'HEAD' as const), overrides }),
)
const asked = fc.record({
  key,
  region,
  host,
  date,
  secrets,
  command,
  encrypted: fc.boolean(),
  pathStyle: fc.boolean(),
  expiresSeconds: fc.integer({ min: 1, max: 604_800 }),
})
type Asked = typeof asked extends fc.Arbitrary<infer T> ? T : never

function customerKey() {
  const bytes = randomBytes(32)
  return {
    'x-amz-server-side-encryption-customer-algorithm': 'AES256',
    'x-amz-server-side-encryption-customer-key': bytes.toString('base64'),
    'x-amz-server-side-encryption-customer-key-md5': createHash('md5').update(bytes).digest('base64'),
  }
}

const SDK_OVERRIDES = {
  'response-content-type': 'ResponseContentType',
  'response-content-disposition': 'ResponseContentDisposition',
  'response-cache-control': 'ResponseCacheControl',
  'response-content-language': 'ResponseContentLanguage',
  'response-content-encoding': 'ResponseContentEncoding',
} as const

function headersOf(asked: Asked, sse: Record<string, string>): Record<string, string> {
  const { command } = asked
  const headers: Record<string, string> = { ...sse }
  if (command.method !== 'PUT') return headers
  if (command.length !== null) headers['content-length'] = String(command.length)
  if (command.once) headers['if-none-match'] = '*'
  return headers
}

function sdkCommand(asked: Asked, headers: Record<string, string>) {
  const { command } = asked
  const sseKey = headers['x-amz-server-side-encryption-customer-key']
  const input = {
    Bucket: 'bucket',
    Key: asked.key,
    ...(sseKey === undefined ? {} : { SSECustomerAlgorithm: 'AES256', SSECustomerKey: sseKey }),
  }
  if (command.method === 'PUT') {
    return new PutObjectCommand({
      ...input,
      ...(command.length === null ? {} : { ContentLength: command.length }),
      ...(command.once ? { IfNoneMatch: '*' } : {}),
    })
  }
  const given = Object.entries(SDK_OVERRIDES).map(([name, member]) => [
    member,
    command.overrides[name as keyof typeof SDK_OVERRIDES],
  ])
  const Command = command.method === 'GET' ? GetObjectCommand : HeadObjectCommand
  return new Command({ ...input, ...Object.fromEntries(given) })
}

async function sdkUrl(asked: Asked, headers: Record<string, string>): Promise<string> {
  const client = new S3Client({
    endpoint: asked.host,
    region: asked.region,
    credentials: asked.secrets,
    forcePathStyle: asked.pathStyle,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  })
  return await getSignedUrl(client, sdkCommand(asked, headers) as GetObjectCommand, {
    expiresIn: asked.expiresSeconds,
    signingDate: asked.date,
  })
}

function ourUrl(asked: Asked, headers: Record<string, string>): string {
  const { method } = asked.command
  const endpoint = new URL(asked.host)
  if (!asked.pathStyle && !isAddress(asked.host)) endpoint.host = `bucket.${endpoint.host}`
  const bucket = asked.pathStyle || isAddress(asked.host) ? '/bucket' : ''
  return presign({
    method,
    endpoint,
    path: `${bucket}/${asked.key}`,
    query: {
      ...(asked.command.method === 'PUT' ? {} : asked.command.overrides),
      'X-Amz-Content-Sha256': 'UNSIGNED-PAYLOAD',
      ...(method === 'HEAD' ? {} : { 'x-id': { PUT: 'PutObject', GET: 'GetObject' }[method] }),
    },
    headers,
    credentials: asked.secrets,
    region: asked.region,
    now: asked.date,
    expiresSeconds: asked.expiresSeconds,
  })
}

// The SDK puts no bucket in front of an IP address.
function isAddress(host: string): boolean {
  return /127\.0\.0\.1|\[/.test(host)
}

function parts(url: string) {
  const [address, query = ''] = url.split('?')
  return { address, query: query.split('&').sort() }
}

describe('against the AWS SDK', () => {
  test('the same URL on any input', async () => {
    const property = fc.asyncProperty(asked, async (input) => {
      const headers = headersOf(input, input.encrypted ? customerKey() : {})
      const theirs = await sdkUrl(input, headers)
      const ours = ourUrl(input, headers)
      expect(parts(ours)).toEqual(parts(theirs))
      expect(ours).toMatch(/&X-Amz-Signature=[0-9a-f]{64}$/)
    })
    await fc.assert(property, { numRuns: 300 })
  })
})

describe('what is signed', () => {
  const upload = { ...example, method: 'PUT', headers: customerKey() }
  const signed = (request: Parameters<typeof presign>[0]) =>
    new URL(presign(request)).searchParams.get('X-Amz-Signature')

  test.each([
    ['method', { method: 'GET' }],
    ['host', { endpoint: 'https://other.s3.amazonaws.com' }],
    ['port', { endpoint: 'https://examplebucket.s3.amazonaws.com:444' }],
    ['key', { path: '/test.txt/' }],
    ['query', { query: { 'response-content-type': 'text/html' } }],
    ['header value', { headers: customerKey() }],
    ['header', { headers: { ...upload.headers, 'if-none-match': '*' } }],
    ['region', { region: 'us-east-2' }],
    ['second', { now: new Date(now.getTime() + 1000) }],
    ['expiry', { expiresSeconds: 61 }],
    ['secret', { credentials: { ...credentials, secretAccessKey: 'other' } }],
    ['access key', { credentials: { ...credentials, accessKeyId: 'other' } }],
    ['session token', { credentials: { ...credentials, sessionToken: 'token' } }],
    ['service', { service: 'sts' }],
  ])('another %s gives another signature', (_, change) => {
    expect(signed({ ...upload, ...change })).not.toBe(signed(upload))
  })

  test('no value of a header and no secret is in the URL', () => {
    const url = decodeURIComponent(presign(upload))
    for (const value of [
      ...Object.values(upload.headers).filter((v) => v !== 'AES256'),
      credentials.secretAccessKey,
    ]) {
      expect(url).not.toContain(value)
    }
  })

  test('the signing key is kept, and never mistaken for another', () => {
    const scope = { date: '20130524', region: 'us-east-1', service: 's3' }
    const first = signingKey('secret', scope)
    expect(signingKey('secret', scope)).toBe(first)
    for (let i = 0; i < 100; i++) signingKey(`secret${i}`, scope)
    expect(signingKey('secret', scope).equals(first)).toBe(true)
    expect(signingKey('secret', { ...scope, region: 'us-east-2' }).equals(first)).toBe(false)
    expect(signingKey('Secret', scope).equals(first)).toBe(false)
  })

  test('the pieces make the signature of the whole', () => {
    const scope = { date: '20130524', region: 'us-east-1', service: 's3' }
    const url = new URL(presign(example))
    const [given] = url.searchParams.getAll('X-Amz-Signature')
    url.searchParams.delete('X-Amz-Signature')
    const canonical = canonicalRequest({
      method: 'GET',
      path: encodePath(example.path),
      query: canonicalQuery(url.searchParams),
      headers: [['Host', ' examplebucket.s3.amazonaws.com  ']],
      payloadHash: 'UNSIGNED-PAYLOAD',
    })
    const key = signingKey(credentials.secretAccessKey, scope)
    expect(signature(key, stringToSign(amzDate(now), scope, canonical))).toBe(given)
  })
})

describe('spelling', () => {
  test('only unreserved characters stay', () => {
    expect(uriEncode("AZaz09-._~!*'() /+%")).toBe('AZaz09-._~%21%2A%27%28%29%20%2F%2B%25')
    expect(encodePath('/a//../é')).toBe('/a//../%C3%A9')
  })

  test('any text comes back from its encoding, and the encoding is plain', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const encoded = uriEncode(text)
        expect(decodeURIComponent(encoded)).toBe(text)
        expect(encoded).toMatch(/^([A-Za-z0-9._~-]|%[0-9A-F]{2})*$/)
      }),
    )
  })

  test('the query is sorted after encoding, repeated names by value', () => {
    const query = canonicalQuery([
      ['b', '2'],
      ['b', '10'],
      ['é', ''],
      ['a b', '1'],
      ['B', 'x'],
      ['a-b', '1'],
    ])
    expect(query).toBe('%C3%A9=&B=x&a%20b=1&a-b=1&b=10&b=2')
  })
})

describe('refused', () => {
  test.each([0, -1, 1.5, 604_801, Number.NaN, Number.POSITIVE_INFINITY])(
    'an expiry of %s seconds',
    (expiresSeconds) => {
      expect(() => presign({ ...example, expiresSeconds })).toThrow(RangeError)
    },
  )

  test.each([
    ['an endpoint with a path', { endpoint: 'https://example.org/base' }],
    ['an endpoint with a query', { endpoint: 'https://example.org/?a=b' }],
    ['an endpoint with a user', { endpoint: 'https://user@example.org' }],
    ['an endpoint of another scheme', { endpoint: 'ftp://example.org' }],
    ['a path without a slash', { path: 'key' }],
    ['a second host', { headers: { Host: 'evil.example' } }],
    ['a header that is set twice', { headers: { 'x-amz-acl': 'a', 'X-Amz-Acl': 'b' } }],
    ['a header name with a line break', { headers: { 'x\nhost': 'a' } }],
    ['a query that sets the expiry', { query: { 'x-amz-expires': '604800' } }],
    ['a query that sets the signature', { query: { 'X-Amz-Signature': '00' } }],
    ['a region with a slash', { region: 'us-east-1/s3' }],
  ])('%s', (_, change) => {
    expect(() => presign({ ...example, ...change })).toThrow(TypeError)
  })

  test('half of a surrogate pair in a key', () => {
    expect(() => presign({ ...example, path: '/\ud800' })).toThrow(URIError)
  })

  test('a scope with a slash in its service', () => {
    expect(() => scopeString({ date: '20130524', region: 'r', service: 's3/s3' })).toThrow(TypeError)
  })
})
