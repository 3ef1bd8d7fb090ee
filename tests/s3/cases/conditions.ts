/**
 * Conditional requests and ranges.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
 */
import { randomBytes } from 'node:crypto'
import type { Case } from '../case.ts'
import { headersOf, said, sse, textOf } from '../lab.ts'

const FAILED = '412 PreconditionFailed'
const PAST = 'Sat, 01 Jan 2000 00:00:00 GMT'
const FUTURE = 'Fri, 01 Jan 2100 00:00:00 GMT'

type ByEtag = (etag: string) => Record<string, string>

/** A GET of an object under a condition. */
function get(condition: ByEtag, method: 'GET' | 'HEAD' = 'GET'): Case[2] {
  return async (lab) => {
    const key = await lab.stored()
    const { etag = '' } = (await lab.byUrl('HEAD', key)).headers
    return said(await lab.byUrl(method, key, { headers: condition(etag) }))
  }
}

/** A PUT under a condition over what is there: its answer, and what is there then. */
function put(condition: ByEtag): Case[2] {
  return async (lab) => {
    const key = await lab.stored('first')
    const { etag = '' } = (await lab.byUrl('HEAD', key)).headers
    const answer = await lab.byUrl('PUT', key, { headers: condition(etag), body: 'second' })
    return [said(answer), textOf(await lab.byUrl('GET', key))]
  }
}

const TEXT = '0123456789'

/** A range of ten bytes, with a customer key. */
function range(name: string, asked: string, documented: string): Case {
  return [
    `ranges: ${name}`,
    documented,
    async (lab) => {
      const headers = sse(randomBytes(32))
      const key = await lab.stored(TEXT, headers)
      const answer = await lab.byUrl('GET', key, { headers: { ...headers, range: asked } })
      if (answer.status !== 206) return answer.status === 200 ? `200 ${answer.body}` : said(answer)
      return `206 ${answer.headers['content-range']} ${answer.body}`
    },
  ]
}

export const conditionCases: readonly Case[] = [
  [
    'conditions: PUT if there is none, and there is none',
    ['200', 'value'],
    async (lab) => {
      const key = lab.key()
      const answer = await lab.byUrl('PUT', key, { headers: { 'if-none-match': '*' }, body: 'value' })
      return [said(answer), textOf(await lab.byUrl('GET', key))]
    },
  ],
  [
    'conditions: PUT if there is none, and there is one',
    [FAILED, 'first'],
    put(() => ({ 'if-none-match': '*' })),
  ],
  [
    'conditions: PUT if there is none, after it was deleted',
    '200',
    async (lab) => {
      const key = await lab.stored()
      await lab.byUrl('DELETE', key)
      return said(await lab.byUrl('PUT', key, { headers: { 'if-none-match': '*' }, body: 'value' }))
    },
  ],
  [
    'conditions: PUT if there is none, with a customer key over one with another',
    [FAILED, 'first'],
    async (lab) => {
      const headers = sse(randomBytes(32))
      const key = await lab.stored('first', headers)
      const again = { ...sse(randomBytes(32)), 'if-none-match': '*' }
      const answer = await lab.byUrl('PUT', key, { headers: again, body: 'second' })
      return [said(answer), textOf(await lab.byUrl('GET', key, { headers }))]
    },
  ],
  [
    'conditions: PUT if-none-match with an ETag',
    ['501 NotImplemented', 'first'],
    put((etag) => ({ 'if-none-match': etag })),
  ],
  ['conditions: PUT if-match, and it is this one', ['200', 'second'], put((etag) => ({ 'if-match': etag }))],
  [
    'conditions: PUT if-match, and it is another',
    [FAILED, 'first'],
    put(() => ({ 'if-match': `"${'0'.repeat(32)}"` })),
  ],
  [
    'conditions: PUT if-match, and there is none',
    ['404 NoSuchKey', '404'],
    async (lab) => {
      const key = lab.key()
      const answer = await lab.byUrl('PUT', key, {
        headers: { 'if-match': `"${'0'.repeat(32)}"` },
        body: 'value',
      })
      return [said(answer), said(await lab.byUrl('HEAD', key))]
    },
  ],
  ['conditions: GET if-match, and it is this one', '200', get((etag) => ({ 'if-match': etag }))],
  ['conditions: GET if-match, and it is another', FAILED, get(() => ({ 'if-match': '"another"' }))],
  ['conditions: GET if-none-match, and it is this one', '304', get((etag) => ({ 'if-none-match': etag }))],
  ['conditions: GET if-none-match, and it is another', '200', get(() => ({ 'if-none-match': '"another"' }))],
  ['conditions: GET if-modified-since, and it was', '200', get(() => ({ 'if-modified-since': PAST }))],
  [
    'conditions: GET if-unmodified-since, and it was not modified',
    '200',
    get(() => ({ 'if-unmodified-since': FUTURE })),
  ],
  [
    'conditions: GET if-unmodified-since, and it was modified',
    FAILED,
    get(() => ({ 'if-unmodified-since': PAST })),
  ],
  [
    'conditions: GET if-modified-since its own date',
    '304',
    async (lab) => {
      const key = await lab.stored()
      const { 'last-modified': date = '' } = (await lab.byUrl('HEAD', key)).headers
      return said(await lab.byUrl('GET', key, { headers: { 'if-modified-since': date } }))
    },
  ],
  [
    'conditions: GET if-match counts more than if-unmodified-since',
    '200',
    get((etag) => ({ 'if-match': etag, 'if-unmodified-since': PAST })),
  ],
  [
    'conditions: GET if-none-match counts more than if-modified-since',
    '304',
    get((etag) => ({ 'if-none-match': etag, 'if-modified-since': PAST })),
  ],
  ['conditions: HEAD if-match, and it is another', '412', get(() => ({ 'if-match': '"another"' }), 'HEAD')],
  [
    'conditions: HEAD if-none-match, and it is this one',
    '304',
    get((etag) => ({ 'if-none-match': etag }), 'HEAD'),
  ],
  [
    'conditions: GET if-match of what is not there',
    '404 NoSuchKey',
    async (lab) => said(await lab.byUrl('GET', lab.key(), { headers: { 'if-match': '*' } })),
  ],
  [
    'conditions: one of 32 racing PUTs wins, and its value stays',
    ['200', 1, 31, true],
    async (lab) => {
      const key = lab.key()
      const headers = { ...sse(randomBytes(32)), 'if-none-match': '*' }
      const values = Array.from({ length: 32 }, (_, i) => `value ${i}`.padEnd(5000, '.'))
      const answers = await Promise.all(values.map((body) => lab.byUrl('PUT', key, { headers, body })))
      const winners = values.filter((_, i) => answers[i]?.status === 200)
      // S3 may also answer 409 to a PUT that raced with another.
      const losers = answers.filter((answer) =>
        /^(412 PreconditionFailed|409 ConditionalRequestConflict)$/.test(said(answer)),
      )
      const { 'if-none-match': _, ...key256 } = headers
      const get = await lab.byUrl('GET', key, { headers: key256 })
      return [said(get), winners.length, losers.length, get.body.toString() === winners[0]]
    },
  ],
  range('the first byte', 'bytes=0-0', '206 bytes 0-0/10 0'),
  range('some in the middle', 'bytes=3-5', '206 bytes 3-5/10 345'),
  range('all', 'bytes=0-9', '206 bytes 0-9/10 0123456789'),
  range('to the end', 'bytes=7-', '206 bytes 7-9/10 789'),
  range('beyond the end', 'bytes=7-99', '206 bytes 7-9/10 789'),
  range('the last bytes', 'bytes=-3', '206 bytes 7-9/10 789'),
  range('the last bytes, more than there are', 'bytes=-99', '206 bytes 0-9/10 0123456789'),
  range('that starts at the end', 'bytes=10-', '416 InvalidRange'),
  range('that starts beyond the end', 'bytes=11-12', '416 InvalidRange'),
  range('the last none', 'bytes=-0', '416 InvalidRange'),
  range('backwards is no range', 'bytes=5-3', '200 0123456789'),
  range('without numbers is no range', 'bytes=a-b', '200 0123456789'),
  range('of something else than bytes is no range', 'pages=0-1', '200 0123456789'),
  [
    'ranges: of an empty object',
    '416 InvalidRange',
    async (lab) => said(await lab.byUrl('GET', await lab.stored(''), { headers: { range: 'bytes=0-0' } })),
  ],
  [
    'ranges: HEAD says what GET would give',
    ['206', 'bytes 3-5/10', '3'],
    async (lab) => {
      const answer = await lab.byUrl('HEAD', await lab.stored(TEXT), { headers: { range: 'bytes=3-5' } })
      return [said(answer), ...headersOf(answer, 'content-range', 'content-length')]
    },
  ],
  [
    'ranges: around the borders of blocks',
    true,
    async (lab) => {
      const headers = sse(randomBytes(32))
      const bytes = randomBytes(300_000)
      const key = await lab.stored(bytes, headers)
      const borders = [4096, 16_384, 65_536, 131_072, 262_144, 299_990]
      const areEqual = borders.map(async (border) => {
        const asked = { ...headers, range: `bytes=${border - 5}-${border + 4}` }
        const answer = await lab.byUrl('GET', key, { headers: asked })
        return answer.body.equals(bytes.subarray(border - 5, border + 5))
      })
      return !(await Promise.all(areEqual)).includes(false)
    },
  ],
  [
    'ranges: with another key',
    '403 AccessDenied',
    async (lab) => {
      const key = await lab.stored(TEXT, sse(randomBytes(32)))
      return said(await lab.byUrl('GET', key, { headers: { ...sse(randomBytes(32)), range: 'bytes=0-0' } }))
    },
  ],
]
