/**
 * Whole objects: names, bytes, metadata.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Case } from '../case.ts'
import { headersOf, type Lab, md5, said, send, sse, textOf } from '../lab.ts'

/** Stores bytes with a customer key, reads them back, and says whether they are the same. */
async function roundTrip(lab: Lab, key: string, bytes: Uint8Array): Promise<boolean> {
  const headers = sse(randomBytes(32))
  const put = await lab.byUrl('PUT', key, { headers, body: bytes })
  const get = await lab.byUrl('GET', key, { headers })
  return put.status === 200 && get.status === 200 && get.body.equals(bytes)
}

const NAMES = {
  spaces: ' a  b ',
  'characters with a meaning in a URL': 'a?b#c%d&e=f+g;h',
  'percent signs that look encoded': '%41%2F%00%',
  punctuation: "!'()*,:@$-_.~",
  'quotes, brackets and backslashes': '"<>[]{}|\\^`',
  'characters of many languages': 'é ü ß Ω ж 中文 العربية',
  emoji: '🌙🔐👩‍🔬',
  dots: 'a/../b/./..c',
  'slashes at the end and in a row': 'a//b///',
  'control characters': 'a\tb\nc\u007f',
}

const DESCRIBED = {
  'content-type': 'text/csv; charset=utf-8',
  'cache-control': 'max-age=60',
  'content-disposition': 'attachment; filename="a.csv"',
  'content-encoding': 'identity',
  'content-language': 'de-AT',
  expires: 'Thu, 01 Dec 2094 16:00:00 GMT',
} as const

/** One of the six parameters that change a header of the answer. */
function override(name: string, value: string): Case {
  const wanted = name.replace('response-', '')
  return [
    `overrides: ${name}`,
    value,
    async (lab) =>
      headersOf(
        await lab.byUrl('GET', await lab.stored('value', DESCRIBED), { query: { [name]: value } }),
        wanted,
      )[0] ?? null,
  ]
}

export const objectCases: readonly Case[] = [
  [
    'objects: PUT, GET, HEAD, DELETE',
    ['200', 'value', '200', '204', '404 NoSuchKey'],
    async (lab) => {
      const key = lab.key()
      const put = await lab.byUrl('PUT', key, { body: 'value' })
      const get = await lab.byUrl('GET', key)
      const head = await lab.byUrl('HEAD', key)
      const deleted = await lab.byUrl('DELETE', key)
      return [said(put), textOf(get), said(head), said(deleted), said(await lab.byUrl('GET', key))]
    },
  ],
  [
    'objects: GET of what is not there',
    '404 NoSuchKey',
    async (lab) => said(await lab.byUrl('GET', lab.key())),
  ],
  [
    'objects: HEAD of what is not there has no words',
    ['404', 0],
    async (lab) => {
      const head = await lab.byUrl('HEAD', lab.key())
      return [said(head), head.body.length]
    },
  ],
  ['objects: DELETE of what is not there', '204', async (lab) => said(await lab.byUrl('DELETE', lab.key()))],
  [
    'objects: DELETE twice',
    ['204', '204'],
    async (lab) => {
      const key = await lab.stored()
      return [said(await lab.byUrl('DELETE', key)), said(await lab.byUrl('DELETE', key))]
    },
  ],
  ...(['GET', 'PUT', 'DELETE'] as const).map(
    (method): Case => [
      `objects: ${method} in a bucket that there is not`,
      '404 NoSuchBucket',
      async (lab) => {
        const sign = { path: '/no-such-bucket-anywhere/key' }
        const edit = (url: string) => url.replace(/\/no-such-bucket-anywhere\/key/, sign.path)
        return said(
          await lab.byUrl(method, 'key', { sign, edit, ...(method === 'PUT' ? { body: 'value' } : {}) }),
        )
      },
    ],
  ),
  [
    'objects: an empty one',
    ['200', '0', 0],
    async (lab) => {
      const headers = sse(randomBytes(32))
      const get = await lab.byUrl('GET', await lab.stored('', headers), { headers })
      return [said(get), get.headers['content-length'] ?? null, get.body.length]
    },
  ],
  ['objects: 5 MiB and a byte', true, (lab) => roundTrip(lab, lab.key(), randomBytes(5 * 1024 ** 2 + 1))],
  ...[1, 15, 16, 17, 4095, 4096, 65_535, 65_536, 65_537].map(
    (length): Case => [
      `objects: ${length} bytes come back as they went in`,
      true,
      (lab) => roundTrip(lab, lab.key(), randomBytes(length)),
    ],
  ),
  ...Object.entries(NAMES).map(
    ([what, name]): Case => [
      `names: ${what}`,
      true,
      (lab) => roundTrip(lab, `${lab.folder}${name}`, Buffer.from(what)),
    ],
  ),
  [
    'names: differ by case alone',
    ['lower', 'upper'],
    async (lab) => {
      await lab.byUrl('PUT', `${lab.folder}a`, { body: 'lower' })
      await lab.byUrl('PUT', `${lab.folder}A`, { body: 'upper' })
      return [
        textOf(await lab.byUrl('GET', `${lab.folder}a`)),
        textOf(await lab.byUrl('GET', `${lab.folder}A`)),
      ]
    },
  ],
  [
    'names: a name can go on where another ends',
    ['file', 'below'],
    async (lab) => {
      await lab.byUrl('PUT', `${lab.folder}a`, { body: 'file' })
      await lab.byUrl('PUT', `${lab.folder}a/b`, { body: 'below' })
      return [
        textOf(await lab.byUrl('GET', `${lab.folder}a`)),
        textOf(await lab.byUrl('GET', `${lab.folder}a/b`)),
      ]
    },
  ],
  [
    'names: 1024 bytes',
    '200',
    async (lab) =>
      said(
        await lab.byUrl('PUT', lab.folder + 'é'.repeat(500) + 'x'.repeat(24 - lab.folder.length), {
          body: 'value',
        }),
      ),
  ],
  [
    'names: 1025 bytes',
    '400 KeyTooLongError',
    async (lab) => said(await lab.byUrl('PUT', lab.folder.padEnd(1025, 'x'), { body: 'value' })),
  ],
  [
    'metadata: what describes the content comes back',
    Object.values(DESCRIBED),
    async (lab) => {
      const key = await lab.stored('value', DESCRIBED)
      return headersOf(await lab.byUrl('GET', key), ...Object.keys(DESCRIBED))
    },
  ],
  [
    'metadata: HEAD says what GET says',
    true,
    async (lab) => {
      const key = await lab.stored('value', { ...DESCRIBED, 'x-amz-meta-colour': 'blue' })
      const names = [
        ...Object.keys(DESCRIBED),
        'x-amz-meta-colour',
        'content-length',
        'etag',
        'last-modified',
        'accept-ranges',
      ]
      const [get, head] = [await lab.byUrl('GET', key), await lab.byUrl('HEAD', key)]
      return JSON.stringify(headersOf(get, ...names)) === JSON.stringify(headersOf(head, ...names))
    },
  ],
  [
    'metadata: content-type when none was said',
    'binary/octet-stream',
    async (lab) => (await lab.byUrl('GET', await lab.stored())).headers['content-type'] ?? null,
  ],
  [
    "metadata: the user's, with names in lower case",
    ['blue', 'a b'],
    async (lab) => {
      const key = await lab.stored('value', { 'x-amz-meta-Colour': 'blue', 'x-amz-meta-two-words': 'a b' })
      return headersOf(await lab.byUrl('HEAD', key), 'x-amz-meta-colour', 'x-amz-meta-two-words')
    },
  ],
  [
    "metadata: the user's, of more than 2 KB",
    '400 MetadataTooLarge',
    async (lab) =>
      said(
        await lab.byUrl('PUT', lab.key(), { headers: { 'x-amz-meta-a': 'x'.repeat(2048) }, body: 'value' }),
      ),
  ],
  [
    'metadata: an object that is written again has the new alone',
    ['text/plain', null],
    async (lab) => {
      const key = await lab.stored('value', { 'content-type': 'text/html', 'x-amz-meta-a': 'b' })
      await lab.byUrl('PUT', key, { headers: { 'content-type': 'text/plain' }, body: 'value' })
      return headersOf(await lab.byUrl('HEAD', key), 'content-type', 'x-amz-meta-a')
    },
  ],
  [
    'metadata: the ETag is quoted, the MD5 of the value, and the same in PUT and GET',
    [true, true],
    async (lab) => {
      const key = lab.key()
      const put = await lab.byUrl('PUT', key, { body: 'value' })
      const etag = `"${createHash('md5').update('value').digest('hex')}"`
      return [put.headers.etag === etag, (await lab.byUrl('GET', key)).headers.etag === etag]
    },
  ],
  [
    'metadata: Last-Modified is the time of the PUT',
    true,
    async (lab) => {
      const before = Date.now()
      const time = Date.parse((await lab.byUrl('HEAD', await lab.stored())).headers['last-modified'] ?? '')
      return time > before - 60_000 && time < Date.now() + 60_000
    },
  ],
  [
    'metadata: ranges are offered',
    'bytes',
    async (lab) => (await lab.byUrl('HEAD', await lab.stored())).headers['accept-ranges'] ?? null,
  ],
  [
    'answers: each has an id',
    [true, true],
    async (lab) => {
      const answers = [await lab.byUrl('HEAD', await lab.stored()), await lab.byUrl('HEAD', lab.key())]
      return answers.map(({ headers }) => typeof headers['x-amz-request-id'] === 'string')
    },
  ],
  [
    'answers: a refusal is XML with a code and the id of the answer',
    ['application/xml', true, true],
    async (lab) => {
      const { headers, body } = await lab.byUrl('GET', lab.key())
      const text = body.toString()
      const id = /<RequestId>(.*?)<\/RequestId>/.exec(text)?.[1]
      return [
        headers['content-type']?.split(';')[0] ?? null,
        text.includes('<Error><Code>NoSuchKey</Code>'),
        id === headers['x-amz-request-id'],
      ]
    },
  ],
  override('response-content-type', 'text/html'),
  override('response-content-language', 'en'),
  override('response-expires', 'Thu, 01 Dec 1994 16:00:00 GMT'),
  override('response-cache-control', 'no-store'),
  override('response-content-disposition', 'attachment; filename="a b.txt"'),
  override('response-content-encoding', 'gzip'),
  [
    'overrides: count for HEAD as well',
    'text/html',
    async (lab) =>
      (await lab.byUrl('HEAD', await lab.stored(), { query: { 'response-content-type': 'text/html' } }))
        .headers['content-type'] ?? null,
  ],
  [
    'bodies: the right Content-MD5',
    ['200', 'value'],
    async (lab) => {
      const key = lab.key()
      const put = await lab.byUrl('PUT', key, { headers: { 'content-md5': md5('value') }, body: 'value' })
      return [said(put), textOf(await lab.byUrl('GET', key))]
    },
  ],
  [
    'bodies: a wrong Content-MD5, and nothing is stored',
    ['400 BadDigest', '404'],
    async (lab) => {
      const key = lab.key()
      const put = await lab.byUrl('PUT', key, { headers: { 'content-md5': md5('another') }, body: 'value' })
      return [said(put), said(await lab.byUrl('HEAD', key))]
    },
  ],
  [
    'bodies: a wrong Content-MD5 leaves what was there',
    ['400 BadDigest', 'first'],
    async (lab) => {
      const key = await lab.stored('first')
      const put = await lab.byUrl('PUT', key, { headers: { 'content-md5': md5('another') }, body: 'second' })
      return [said(put), textOf(await lab.byUrl('GET', key))]
    },
  ],
  [
    'bodies: a Content-MD5 that is none',
    '400 InvalidDigest',
    async (lab) =>
      said(await lab.byUrl('PUT', lab.key(), { headers: { 'content-md5': 'digest' }, body: 'value' })),
  ],
  [
    'bodies: of a length that nobody knows yet',
    '501 NotImplemented',
    async (lab) =>
      said(
        await lab.byUrl('PUT', lab.key(), { unsigned: { 'transfer-encoding': 'chunked' }, body: 'value' }),
      ),
  ],
  [
    'bodies: no word about a body',
    '411 MissingContentLength',
    async (lab) => said(await send('PUT', lab.presignedUrl('PUT', lab.key()), {}, null)),
  ],
]
