/**
 * Requests signed in the query.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
 */
import { randomBytes } from 'node:crypto'
import {
  ALGORITHM,
  amzDate,
  canonicalQuery,
  canonicalRequest,
  encodePath,
  scopeString,
  signature,
  signingKey,
  stringToSign,
  UNSIGNED_PAYLOAD,
} from '@lunadefend/core/sigv4'
import type { Case } from '../case.ts'
import { type Lab, said, send, sse, textOf } from '../lab.ts'

const MALFORMED = '400 AuthorizationQueryParametersError'
const MISMATCH = '403 SignatureDoesNotMatch'
const DENIED = '403 AccessDenied'

function minutesFromNow(minutes: number): Date {
  return new Date(Date.now() + minutes * 60_000)
}

type AskedByUrl = NonNullable<Parameters<Lab['byUrl']>[2]>

/** A GET of an object that is there, asked for in this way. */
function get(asked: AskedByUrl | ((lab: Lab) => AskedByUrl)): Case[2] {
  return async (lab) => {
    const key = await lab.stored()
    return textOf(await lab.byUrl('GET', key, typeof asked === 'function' ? asked(lab) : asked))
  }
}

/** A GET whose URL was changed after it was signed. */
function edited(pattern: RegExp, by: string): Case[2] {
  const edit = (url: string) => {
    const changed = url.replace(pattern, by)
    if (changed === url) throw new Error('the URL holds nothing to change')
    return changed
  }
  return get({ query: { 'response-content-type': 'text/plain' }, edit })
}

const PARAMETERS = ['Algorithm', 'Credential', 'Date', 'Expires', 'SignedHeaders', 'Signature']

/** A signature that is right in all, but does not cover the host. */
async function withoutHost(lab: Lab): Promise<string> {
  const { bucket, region, credentials, endpoint } = lab.target
  const path = encodePath(`/${bucket}/${await lab.stored()}`)
  const timestamp = amzDate(new Date())
  const scope = { date: timestamp.slice(0, 8), region, service: 's3' }
  const query = canonicalQuery([
    ['X-Amz-Algorithm', ALGORITHM],
    ['X-Amz-Credential', `${credentials.accessKeyId}/${scopeString(scope)}`],
    ['X-Amz-Date', timestamp],
    ['X-Amz-Expires', '300'],
    ['X-Amz-SignedHeaders', 'x-amz-meta-a'],
  ])
  const headers = [['x-amz-meta-a', 'b']] as const
  const canonical = canonicalRequest({ method: 'GET', path, query, headers, payloadHash: UNSIGNED_PAYLOAD })
  const key = signingKey(credentials.secretAccessKey, scope)
  const signed = signature(key, stringToSign(timestamp, scope, canonical))
  return said(
    await send('GET', `${endpoint}${path}?${query}&X-Amz-Signature=${signed}`, { 'x-amz-meta-a': 'b' }),
  )
}

export const presignedCases: readonly Case[] = [
  ['presigned: within its time', 'value', get({})],
  [
    'presigned: at the end of seven days is still valid',
    'value',
    get({ now: minutesFromNow(-10_079), expiresSeconds: 604_800 }),
  ],
  ['presigned: after its time', DENIED, get({ now: minutesFromNow(-6), expiresSeconds: 300 })],
  [
    'presigned: dated ten minutes ahead is within the tolerated skew',
    'value',
    get({ now: minutesFromNow(10) }),
  ],
  ['presigned: dated twenty minutes ahead', DENIED, get({ now: minutesFromNow(20) })],
  ['presigned: for longer than seven days', MALFORMED, edited(/X-Amz-Expires=300/, 'X-Amz-Expires=604801')],
  ['presigned: for a negative time', MALFORMED, edited(/X-Amz-Expires=300/, 'X-Amz-Expires=-1')],
  ['presigned: for a time that is no number', MALFORMED, edited(/X-Amz-Expires=300/, 'X-Amz-Expires=soon')],
  ...PARAMETERS.map(
    (name): Case => [
      `presigned: without X-Amz-${name}`,
      MALFORMED,
      edited(new RegExp(`(?<=[?&])X-Amz-${name}=[^&]*&?`), ''),
    ],
  ),
  ['presigned: another signature', MISMATCH, edited(/(X-Amz-Signature=).*$/, `$1${'0'.repeat(64)}`)],
  ['presigned: a signature that is no hex', MISMATCH, edited(/(X-Amz-Signature=).*$/, '$1signature')],
  ['presigned: another object', MISMATCH, edited(/\/1\?/, '/2?')],
  ['presigned: another value in the query', MISMATCH, edited(/text%2Fplain/, 'text%2Fhtml')],
  ['presigned: one more parameter', MISMATCH, edited(/$/, '&response-cache-control=no-store')],
  ['presigned: one parameter less', MISMATCH, edited(/&response-content-type=text%2Fplain/, '')],
  ['presigned: a longer time', MISMATCH, edited(/X-Amz-Expires=300/, 'X-Amz-Expires=3000')],
  [
    'presigned: a later date',
    MISMATCH,
    get({
      now: minutesFromNow(-1),
      edit: (url) => url.replace(/(X-Amz-Date=)\w+/, `$1${amzDate(new Date())}`),
    }),
  ],
  ['presigned: a date that is none', MALFORMED, edited(/(X-Amz-Date=)\w+/, '$1yesterday')],
  ['presigned: another algorithm', MALFORMED, edited(/AWS4-HMAC-SHA256/, 'AWS4-HMAC-SHA1')],
  [
    'presigned: an unknown access key',
    '403 InvalidAccessKeyId',
    get(({ target }) => ({
      sign: { credentials: { ...target.credentials, accessKeyId: 'UNKNOWNACCESSKEY0000' } },
    })),
  ],
  [
    'presigned: another secret',
    MISMATCH,
    get(({ target }) => ({
      sign: { credentials: { ...target.credentials, secretAccessKey: 'x'.repeat(40) } },
    })),
  ],
  ['presigned: signed for another region', MALFORMED, get({ sign: { region: 'eu-north-1' } })],
  ['presigned: signed for another service', MALFORMED, get({ sign: { service: 'ec2' } })],
  ['presigned: a scope that ends otherwise', MALFORMED, edited(/aws4_request/, 'aws5_request')],
  ['presigned: a scope of another day', MALFORMED, edited(/(%2F)\d{8}(%2F)/, '$120200101$2')],
  ['presigned: a credential without a scope', MALFORMED, edited(/%2F\d{8}%2F[^&]*/, '')],
  [
    'presigned: signed for a session that there is not',
    '403 InvalidAccessKeyId or 400 InvalidToken',
    async (lab) => {
      const credentials = { ...lab.target.credentials, sessionToken: 'none' }
      const answer = said(await lab.byUrl('GET', await lab.stored(), { sign: { credentials } }))
      return /^(403 InvalidAccessKeyId|400 InvalidToken)$/.test(answer)
        ? '403 InvalidAccessKeyId or 400 InvalidToken'
        : answer
    },
  ],
  ['presigned: a GET is no PUT', MISMATCH, get({ sign: { method: 'PUT' } })],
  [
    'presigned: a PUT is no GET',
    MISMATCH,
    async (lab) => said(await lab.byUrl('PUT', lab.key(), { sign: { method: 'GET' }, body: 'value' })),
  ],
  [
    'presigned: a GET is no DELETE',
    [MISMATCH, '200'],
    async (lab) => {
      const key = await lab.stored()
      const answer = await lab.byUrl('DELETE', key, { sign: { method: 'GET' } })
      return [said(answer), said(await lab.byUrl('GET', key))]
    },
  ],
  [
    'presigned: a header that was signed is not sent',
    MISMATCH,
    get({ sign: { headers: { 'if-match': '*' } } }),
  ],
  [
    'presigned: a header that was signed is sent with another value',
    MISMATCH,
    get({ sign: { headers: { range: 'bytes=0-0' } }, unsigned: { range: 'bytes=0-1' } }),
  ],
  [
    'presigned: a header that was signed is sent with more spaces',
    'va',
    get({ sign: { headers: { range: 'bytes=0-1' } }, unsigned: { range: '  bytes=0-1 ' } }),
  ],
  [
    'presigned: an x-amz- header that was not signed',
    DENIED,
    async (lab) =>
      said(
        await lab.byUrl('PUT', lab.key(), { unsigned: { 'x-amz-meta-added': 'by another' }, body: 'value' }),
      ),
  ],
  [
    'presigned: a customer key that was not signed is refused, and nothing stored',
    [DENIED, '404'],
    async (lab) => {
      const key = lab.key()
      const headers = sse(randomBytes(32))
      const put = await lab.byUrl('PUT', key, { unsigned: headers, body: 'value' })
      return [said(put), said(await lab.byUrl('HEAD', key, { headers }))]
    },
  ],
  [
    'presigned: a header outside of x-amz- need not be signed',
    'va',
    get({ unsigned: { range: 'bytes=0-1' } }),
  ],
  ['presigned: the signature does not cover the host', DENIED, withoutHost],
  [
    'presigned: a body of the length that was signed',
    '200',
    async (lab) =>
      said(await lab.byUrl('PUT', lab.key(), { headers: { 'content-length': '5' }, body: 'value' })),
  ],
  ...['valu', 'value and more'].map(
    (body): Case => [
      `presigned: a body of ${body.length} bytes where 5 were signed is refused, and nothing stored`,
      [MISMATCH, '404'],
      async (lab) => {
        const key = lab.key()
        const put = await lab.byUrl('PUT', key, { sign: { headers: { 'content-length': '5' } }, body })
        return [said(put), said(await lab.byUrl('HEAD', key))]
      },
    ],
  ),
  [
    'presigned: twice, in the query and in a header',
    '400 InvalidArgument',
    get({
      unsigned: {
        authorization: `${ALGORITHM} Credential=a/20200101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0`,
      },
    }),
  ],
  [
    'presigned: an upload URL works once when it holds if-none-match',
    ['200', '412 PreconditionFailed', 'first'],
    async (lab) => {
      const key = lab.key()
      const headers = { 'if-none-match': '*' }
      const url = lab.presignedUrl('PUT', key, { headers })
      const answers = [await send('PUT', url, headers, 'first'), await send('PUT', url, headers, 'second')]
      return [...answers.map(said), textOf(await lab.byUrl('GET', key))]
    },
  ],
]
