/**
 * Copies that never leave the store, between customer keys above all.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html
 */
import { randomBytes } from 'node:crypto'
import { encodePath } from '@lunadefend/core/sigv4'
import type { Case } from '../case.ts'
import { type Answer, headersOf, type Lab, said, sse, tags, textOf } from '../lab.ts'
import { beginUpload, FIRST_PART, LAST_PART, PART_BYTES } from '../multipart-upload.ts'

type Headers = Readonly<Record<string, string>>

function sourceOf({ target }: Lab, key: string): Headers {
  return { 'x-amz-copy-source': encodePath(`/${target.bucket}/${key}`) }
}

/** A copy to a new key, which comes with the answer. */
async function copy(
  lab: Lab,
  from: string,
  headers: Headers = {},
  to = lab.key(),
): Promise<Answer & { to: string }> {
  return { ...(await lab.byUrl('PUT', to, { headers: { ...sourceOf(lab, from), ...headers } })), to }
}

/** A copy under a condition: the answer, and what is in the new place. */
function copyIf(condition: (etag: string) => Headers): Case[2] {
  return async (lab) => {
    const key = await lab.stored()
    const { etag = '' } = (await lab.byUrl('HEAD', key)).headers
    const copied = await copy(lab, key, condition(etag))
    return [said(copied), textOf(await lab.byUrl('GET', copied.to))]
  }
}

/** A copy of an object with a customer key, asked for with other headers about the source. */
function fromWith(headers: (key: Buffer) => Headers): Case[2] {
  return async (lab) => {
    const key = randomBytes(32)
    const copied = await copy(lab, await lab.stored('value', sse(key)), {
      ...headers(key),
      ...sse(randomBytes(32)),
    })
    return [said(copied), said(await lab.byUrl('HEAD', copied.to))]
  }
}

const COPIED = ['200', 'value']
const ABSENT = '404 NoSuchKey'
const FAILED = '412 PreconditionFailed'

/** A part that is a copy of ten bytes in this range. */
function partRange(range: string): Case[2] {
  return async (lab) => {
    const from = await lab.stored('0123456789')
    const upload = await beginUpload(lab)
    const headers = { ...sourceOf(lab, from), 'x-amz-copy-source-range': range }
    const answer = await upload.send('PUT', { partNumber: '1' }, headers)
    if (answer.status !== 200) return said(answer)
    await upload.complete([[1, tags(answer.body, 'ETag')[0] ?? '']])
    return textOf(await lab.byUrl('GET', upload.key))
  }
}

export const copyCases: readonly Case[] = [
  [
    'copies: from one customer key to another',
    ['200', 'value', '403 AccessDenied', 'value'],
    async (lab) => {
      const [old, fresh] = [randomBytes(32), randomBytes(32)]
      const from = await lab.stored('value', sse(old))
      const copied = await copy(lab, from, { ...sse(old, 'copy-source-'), ...sse(fresh) })
      const get = async (key: string, bytes: Buffer) =>
        textOf(await lab.byUrl('GET', key, { headers: sse(bytes) }))
      return [said(copied), await get(copied.to, fresh), await get(copied.to, old), await get(from, old)]
    },
  ],
  [
    'copies: to itself, from one customer key to another',
    ['200', 'value', '403 AccessDenied'],
    async (lab) => {
      const [old, fresh] = [randomBytes(32), randomBytes(32)]
      const key = await lab.stored('value', sse(old))
      const copied = await copy(lab, key, { ...sse(old, 'copy-source-'), ...sse(fresh) }, key)
      const get = async (bytes: Buffer) => textOf(await lab.byUrl('GET', key, { headers: sse(bytes) }))
      return [said(copied), await get(fresh), await get(old)]
    },
  ],
  [
    'copies: of 5 MiB and a byte between customer keys',
    true,
    async (lab) => {
      const [old, fresh] = [randomBytes(32), randomBytes(32)]
      const bytes = Buffer.concat([FIRST_PART, Buffer.from([1])])
      const from = await lab.stored(bytes, sse(old))
      const copied = await copy(lab, from, { ...sse(old, 'copy-source-'), ...sse(fresh) })
      return (await lab.byUrl('GET', copied.to, { headers: sse(fresh) })).body.equals(bytes)
    },
  ],
  [
    'copies: from no customer key to one',
    ['200', 'value', '400 InvalidRequest'],
    async (lab) => {
      const headers = sse(randomBytes(32))
      const copied = await copy(lab, await lab.stored(), headers)
      return [
        said(copied),
        textOf(await lab.byUrl('GET', copied.to, { headers })),
        said(await lab.byUrl('GET', copied.to)),
      ]
    },
  ],
  [
    'copies: from a customer key to none',
    COPIED,
    async (lab) => {
      const key = randomBytes(32)
      const copied = await copy(lab, await lab.stored('value', sse(key)), sse(key, 'copy-source-'))
      return [said(copied), textOf(await lab.byUrl('GET', copied.to))]
    },
  ],
  [
    'copies: with another key for the source',
    ['403 AccessDenied', '404'],
    fromWith(() => sse(randomBytes(32), 'copy-source-')),
  ],
  ['copies: with no key for the source', ['400 InvalidRequest', '404'], fromWith(() => ({}))],
  [
    'copies: with the MD5 of another key for the source',
    ['400 InvalidArgument', '404'],
    fromWith((key) => ({
      ...sse(key, 'copy-source-'),
      'x-amz-copy-source-server-side-encryption-customer-key-md5': Buffer.alloc(16).toString('base64'),
    })),
  ],
  [
    'copies: with a key for a source that has none',
    '400 InvalidRequest',
    async (lab) => said(await copy(lab, await lab.stored(), sse(randomBytes(32), 'copy-source-'))),
  ],
  [
    'copies: with a key for the source that was not signed',
    ['403 AccessDenied', '404'],
    async (lab) => {
      const [old, to] = [randomBytes(32), lab.key()]
      const headers = sourceOf(lab, await lab.stored('value', sse(old)))
      const unsigned = sse(old, 'copy-source-')
      return [said(await lab.byUrl('PUT', to, { headers, unsigned })), said(await lab.byUrl('HEAD', to))]
    },
  ],
  [
    'copies: without customer keys',
    COPIED,
    async (lab) => {
      const copied = await copy(lab, await lab.stored())
      return [said(copied), textOf(await lab.byUrl('GET', copied.to))]
    },
  ],
  [
    'copies: the answer is a document with the ETag of the copy',
    true,
    async (lab) => {
      const copied = await copy(lab, await lab.stored())
      return tags(copied.body, 'ETag')[0] === (await lab.byUrl('HEAD', copied.to)).headers.etag
    },
  ],
  [
    'copies: of an unusual name',
    COPIED,
    async (lab) => {
      const from = `${lab.folder}a b+c%d?é`
      await lab.byUrl('PUT', from, { body: 'value' })
      const copied = await copy(lab, from)
      return [said(copied), textOf(await lab.byUrl('GET', copied.to))]
    },
  ],
  [
    'copies: metadata goes along',
    ['text/csv', 'blue'],
    async (lab) => {
      const copied = await copy(
        lab,
        await lab.stored('value', { 'content-type': 'text/csv', 'x-amz-meta-colour': 'blue' }),
      )
      return headersOf(await lab.byUrl('HEAD', copied.to), 'content-type', 'x-amz-meta-colour')
    },
  ],
  [
    'copies: metadata is replaced',
    ['text/plain', null, 'new'],
    async (lab) => {
      const from = await lab.stored('value', { 'content-type': 'text/csv', 'x-amz-meta-colour': 'blue' })
      const headers = {
        'x-amz-metadata-directive': 'REPLACE',
        'content-type': 'text/plain',
        'x-amz-meta-age': 'new',
      }
      const copied = await copy(lab, from, headers)
      return headersOf(
        await lab.byUrl('HEAD', copied.to),
        'content-type',
        'x-amz-meta-colour',
        'x-amz-meta-age',
      )
    },
  ],
  [
    'copies: to itself with nothing changed',
    '400 InvalidRequest',
    async (lab) => {
      const key = await lab.stored()
      return said(await copy(lab, key, {}, key))
    },
  ],
  ['copies: of what is not there', ABSENT, async (lab) => said(await copy(lab, lab.key()))],
  [
    'copies: from a bucket that there is not',
    '404 NoSuchBucket',
    async (lab) => said(await copy(lab, 'key', { 'x-amz-copy-source': '/no-such-bucket-anywhere/key' })),
  ],
  [
    'copies: from a source that is no name',
    '400 InvalidArgument',
    async (lab) => said(await copy(lab, 'key', { 'x-amz-copy-source': 'nothing' })),
  ],
  [
    'copies: if-match of the source, and it is this one',
    COPIED,
    copyIf((etag) => ({ 'x-amz-copy-source-if-match': etag })),
  ],
  [
    'copies: if-match of the source, and it is another',
    [FAILED, ABSENT],
    copyIf(() => ({ 'x-amz-copy-source-if-match': '"another"' })),
  ],
  [
    'copies: if-none-match of the source, and it is this one',
    [FAILED, ABSENT],
    copyIf((etag) => ({ 'x-amz-copy-source-if-none-match': etag })),
  ],
  [
    'copies: if-unmodified-since of the source, and it was modified',
    [FAILED, ABSENT],
    copyIf(() => ({
      'x-amz-copy-source-if-unmodified-since': 'Sat, 01 Jan 2000 00:00:00 GMT',
    })),
  ],
  [
    'copies: if there is none in the new place, and there is one',
    [FAILED, 'old'],
    async (lab) => {
      const copied = await copy(
        lab,
        await lab.stored('new'),
        { 'if-none-match': '*' },
        await lab.stored('old'),
      )
      return [said(copied), textOf(await lab.byUrl('GET', copied.to))]
    },
  ],
  [
    'copies: if there is none in the new place, and there is none',
    COPIED,
    async (lab) => {
      const copied = await copy(lab, await lab.stored(), { 'if-none-match': '*' })
      return [said(copied), textOf(await lab.byUrl('GET', copied.to))]
    },
  ],
  [
    'copies: a part from one customer key to another',
    ['200', 'value'],
    async (lab) => {
      const [old, fresh] = [randomBytes(32), randomBytes(32)]
      const from = await lab.stored('value', sse(old))
      const upload = await beginUpload(lab, sse(fresh))
      const headers = { ...sourceOf(lab, from), ...sse(old, 'copy-source-'), ...sse(fresh) }
      const part = await upload.send('PUT', { partNumber: '1' }, headers)
      await upload.complete([[1, tags(part.body, 'ETag')[0] ?? '']])
      return [said(part), textOf(await lab.byUrl('GET', upload.key, { headers: sse(fresh) }))]
    },
  ],
  [
    'copies: a copied and an uploaded part make one object, between customer keys',
    [['200', '200', '200'], true],
    async (lab) => {
      const [old, fresh] = [randomBytes(32), randomBytes(32)]
      const from = await lab.stored(Buffer.concat([Buffer.alloc(100), FIRST_PART]), sse(old))
      const upload = await beginUpload(lab, sse(fresh))
      const range = { 'x-amz-copy-source-range': `bytes=100-${PART_BYTES + 99}` }
      const headers = { ...sourceOf(lab, from), ...range, ...sse(old, 'copy-source-'), ...sse(fresh) }
      const first = await upload.send('PUT', { partNumber: '1' }, headers)
      const second = await upload.part(2, LAST_PART, sse(fresh))
      const done = await upload.complete([
        [1, tags(first.body, 'ETag')[0] ?? ''],
        [2, second.headers.etag ?? ''],
      ])
      const get = await lab.byUrl('GET', upload.key, { headers: sse(fresh) })
      return [[first, second, done].map(said), get.body.equals(Buffer.concat([FIRST_PART, LAST_PART]))]
    },
  ],
  [
    'copies: a part with another key for the source',
    '403 AccessDenied',
    async (lab) => {
      const fresh = sse(randomBytes(32))
      const from = await lab.stored('value', sse(randomBytes(32)))
      const upload = await beginUpload(lab, fresh)
      const headers = { ...sourceOf(lab, from), ...sse(randomBytes(32), 'copy-source-'), ...fresh }
      return said(await upload.send('PUT', { partNumber: '1' }, headers))
    },
  ],
  [
    'copies: a part of what is not there',
    ABSENT,
    async (lab) =>
      said(await (await beginUpload(lab)).send('PUT', { partNumber: '1' }, sourceOf(lab, lab.key()))),
  ],
  ['copies: a part from a range', '345', partRange('bytes=3-5')],
  ['copies: a part from a range without an end', '400 InvalidArgument', partRange('bytes=3-')],
  ['copies: a part from what is no range', '400 InvalidArgument', partRange('3-5')],
  [
    'copies: a part from a range beyond the end',
    '400',
    async (lab) => String(await partRange('bytes=3-10')(lab)).slice(0, 3),
  ],
]
