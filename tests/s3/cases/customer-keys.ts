/**
 * Server-side encryption with customer-provided keys (SSE-C).
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Case } from '../case.ts'
import { headersOf, md5, said, sse, textOf } from '../lab.ts'

const PREFIX = 'x-amz-server-side-encryption-customer-'
const ALGORITHM = `${PREFIX}algorithm`
const KEY = `${PREFIX}key`
const KEY_MD5 = `${PREFIX}key-md5`

/** A PUT with headers that are no customer key: the refusal, and that nothing was stored. */
function refusedPut(change: (headers: Record<string, string>) => Record<string, string>): Case[2] {
  return async (lab) => {
    const key = lab.key()
    const put = await lab.byUrl('PUT', key, { headers: change({ ...sse(randomBytes(32)) }), body: 'value' })
    return [said(put), said(await lab.byUrl('HEAD', key))]
  }
}

/** What a GET or a HEAD says to other headers than those that the object was stored with. */
function otherKey(method: 'GET' | 'HEAD', headers: (key: Buffer) => Record<string, string>): Case[2] {
  return async (lab) => {
    const key = randomBytes(32)
    return said(await lab.byUrl(method, await lab.stored('value', sse(key)), { headers: headers(key) }))
  }
}

function without(name: string) {
  return ({ [name]: _, ...rest }: Record<string, string>) => rest
}

function keyOf(bytes: Buffer): Record<string, string> {
  return { ...sse(bytes) }
}

const NOTHING_STORED = '404'

export const customerKeyCases: readonly Case[] = [
  [
    'SSE-C: PUT, HEAD and GET repeat the algorithm and the MD5 of the key, and nothing more of it',
    [['AES256', true, null], ['AES256', true, null], ['AES256', true, null], 'value'],
    async (lab) => {
      const bytes = randomBytes(32)
      const headers = sse(bytes)
      const key = lab.key()
      const put = await lab.byUrl('PUT', key, { headers, body: 'value' })
      const head = await lab.byUrl('HEAD', key, { headers })
      const get = await lab.byUrl('GET', key, { headers })
      const repeated = [put, head, get].map((answer) => {
        const [algorithm = null, digest = null, secret = null] = headersOf(answer, ALGORITHM, KEY_MD5, KEY)
        return [algorithm, digest === md5(bytes), secret]
      })
      return [...repeated, textOf(get)]
    },
  ],
  [
    'SSE-C: the ETag is not the MD5 of the value',
    false,
    async (lab) => {
      const answer = await lab.byUrl('PUT', lab.key(), { headers: sse(randomBytes(32)), body: 'value' })
      return answer.headers.etag === `"${createHash('md5').update('value').digest('hex')}"`
    },
  ],
  ['SSE-C: GET with another key', '403 AccessDenied', otherKey('GET', () => keyOf(randomBytes(32)))],
  ['SSE-C: HEAD with another key', '403', otherKey('HEAD', () => keyOf(randomBytes(32)))],
  ['SSE-C: GET with no key', '400 InvalidRequest', otherKey('GET', () => ({}))],
  ['SSE-C: HEAD with no key', '400', otherKey('HEAD', () => ({}))],
  [
    'SSE-C: GET with the right key and the MD5 of another',
    '400 InvalidArgument',
    otherKey('GET', (key) => ({ ...sse(key), [KEY_MD5]: md5('another') })),
  ],
  [
    'SSE-C: GET with the right MD5 and another key',
    '400 InvalidArgument',
    otherKey('GET', (key) => ({ ...sse(randomBytes(32)), [KEY_MD5]: md5(key) })),
  ],
  [
    'SSE-C: GET with the algorithm alone',
    '400 InvalidArgument',
    otherKey('GET', () => ({ [ALGORITHM]: 'AES256' })),
  ],
  [
    'SSE-C: GET with a key, of an object that has none',
    '400 InvalidRequest',
    async (lab) => said(await lab.byUrl('GET', await lab.stored(), { headers: sse(randomBytes(32)) })),
  ],
  [
    'SSE-C: HEAD with a key, of an object that has none',
    '400',
    async (lab) => said(await lab.byUrl('HEAD', await lab.stored(), { headers: sse(randomBytes(32)) })),
  ],
  [
    'SSE-C: GET with a key, of an object that is not there',
    '404 NoSuchKey',
    async (lab) => said(await lab.byUrl('GET', lab.key(), { headers: sse(randomBytes(32)) })),
  ],
  [
    'SSE-C: PUT with the MD5 of another key',
    ['400 InvalidArgument', NOTHING_STORED],
    refusedPut((headers) => ({ ...headers, [KEY_MD5]: md5('another') })),
  ],
  [
    'SSE-C: PUT with an MD5 that is no base64',
    ['400 InvalidArgument', NOTHING_STORED],
    refusedPut((headers) => ({ ...headers, [KEY_MD5]: '*' })),
  ],
  ...[16, 31, 33].map(
    (length): Case => [
      `SSE-C: PUT with a key of ${length} bytes`,
      ['400 InvalidArgument', NOTHING_STORED],
      refusedPut(() => ({ ...sse(randomBytes(length)) })),
    ],
  ),
  [
    'SSE-C: PUT with a key that is no base64',
    ['400 InvalidArgument', NOTHING_STORED],
    refusedPut((headers) => ({ ...headers, [KEY]: '*'.repeat(44), [KEY_MD5]: md5('*'.repeat(44)) })),
  ],
  [
    'SSE-C: PUT without the algorithm',
    ['400 InvalidArgument', NOTHING_STORED],
    refusedPut(without(ALGORITHM)),
  ],
  ['SSE-C: PUT without the key', ['400 InvalidArgument', NOTHING_STORED], refusedPut(without(KEY))],
  [
    'SSE-C: PUT without the MD5 of the key',
    ['400 InvalidArgument', NOTHING_STORED],
    refusedPut(without(KEY_MD5)),
  ],
  [
    'SSE-C: PUT with another algorithm',
    ['400 InvalidEncryptionAlgorithmError', NOTHING_STORED],
    refusedPut((headers) => ({ ...headers, [ALGORITHM]: 'AES128' })),
  ],
  [
    'SSE-C: PUT with a key, and encryption by the store as well',
    ['400 InvalidArgument', NOTHING_STORED],
    refusedPut((headers) => ({ ...headers, 'x-amz-server-side-encryption': 'AES256' })),
  ],
  [
    'SSE-C: an object that is written again has the new key alone',
    ['second', '403 AccessDenied'],
    async (lab) => {
      const [first, second] = [sse(randomBytes(32)), sse(randomBytes(32))]
      const key = await lab.stored('first', first)
      await lab.byUrl('PUT', key, { headers: second, body: 'second' })
      const get = async (headers: Readonly<Record<string, string>>) =>
        textOf(await lab.byUrl('GET', key, { headers }))
      return [await get(second), await get(first)]
    },
  ],
  [
    'SSE-C: DELETE needs no key',
    ['204', '404'],
    async (lab) => {
      const headers = sse(randomBytes(32))
      const key = await lab.stored('value', headers)
      return [said(await lab.byUrl('DELETE', key)), said(await lab.byUrl('HEAD', key, { headers }))]
    },
  ],
  [
    'without SSE-C the answer names the encryption of the store',
    'AES256',
    async (lab) =>
      headersOf(await lab.byUrl('GET', await lab.stored()), 'x-amz-server-side-encryption')[0] ?? null,
  ],
]
