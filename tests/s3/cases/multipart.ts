/**
 * Uploads in parts.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Case } from '../case.ts'
import { headersOf, said, sse, tags, textOf } from '../lab.ts'
import { beginUpload, completion, FIRST_PART, LAST_PART, PART_BYTES, twoParts } from '../multipart-upload.ts'

const WHOLE = Buffer.concat([FIRST_PART, LAST_PART])
const NO_ETAG = `"${'0'.repeat(32)}"`
const NO_UPLOAD = '404 NoSuchUpload'

/** How an upload of one small part is completed with this document. */
function completedBy(document: (etag: string) => string): Case[2] {
  return async (lab) => {
    const upload = await beginUpload(lab)
    const { etag = '' } = (await upload.part(1, 'value')).headers
    const answer = await upload.send('POST', {}, {}, document(etag))
    return [said(answer), said(await lab.byUrl('HEAD', upload.key))]
  }
}

/** A part of an upload with a customer key, sent with other headers. */
function partWith(headers: () => Readonly<Record<string, string>>): Case[2] {
  return async (lab) => {
    const upload = await beginUpload(lab, sse(randomBytes(32)))
    return said(await upload.part(1, 'value', headers()))
  }
}

function partNumber(number: number): Case[2] {
  return async (lab) => said(await (await beginUpload(lab)).part(number, 'value'))
}

export const multipartCases: readonly Case[] = [
  [
    'multipart: with a customer key, from the beginning to the end',
    ['200', true, true],
    async (lab) => {
      const headers = sse(randomBytes(32))
      const { upload, first, second } = await twoParts(lab, headers)
      const answer = await upload.complete([
        [1, first],
        [2, second],
      ])
      const get = await lab.byUrl('GET', upload.key, { headers })
      return [said(answer), get.body.equals(WHOLE), /^"[0-9a-f]{32}-2"$/.test(get.headers.etag ?? '')]
    },
  ],
  [
    'multipart: the answers say what was begun and what was completed',
    [true, true, true],
    async (lab) => {
      const key = `${lab.folder}a & b`
      const upload = await beginUpload(lab, {}, key)
      const { etag = '' } = (await upload.part(1, 'value')).headers
      const { body } = await upload.complete([[1, etag]])
      const head = await lab.byUrl('HEAD', key)
      return [
        tags(body, 'Key')[0] === key,
        tags(body, 'Bucket')[0] === lab.target.bucket,
        tags(body, 'ETag')[0] === head.headers.etag,
      ]
    },
  ],
  [
    'multipart: begin and part repeat the MD5 of the customer key',
    [true, true],
    async (lab) => {
      const headers = sse(randomBytes(32))
      const name = 'x-amz-server-side-encryption-customer-key-md5'
      const begun = await lab.byUrl('POST', lab.key(), { query: { uploads: '' }, headers })
      const part = await (await beginUpload(lab, headers)).part(1, 'value', headers)
      return [begun, part].map((answer) => answer.headers[name] === headers[name])
    },
  ],
  [
    'multipart: ranges within and across parts',
    [true, true, true],
    async (lab) => {
      const headers = sse(randomBytes(32))
      const { upload, first, second } = await twoParts(lab, headers)
      await upload.complete([
        [1, first],
        [2, second],
      ])
      const ranges = [
        [PART_BYTES - 10, PART_BYTES + 9],
        [PART_BYTES, PART_BYTES + 99],
        [0, 9],
      ] as const
      const areEqual = ranges.map(async ([from, to]) => {
        const get = await lab.byUrl('GET', upload.key, {
          headers: { ...headers, range: `bytes=${from}-${to}` },
        })
        return get.status === 206 && get.body.equals(WHOLE.subarray(from, to + 1))
      })
      return Promise.all(areEqual)
    },
  ],
  [
    'multipart: one part of the object by its number',
    ['206', '2', true],
    async (lab) => {
      const { upload, first, second } = await twoParts(lab)
      await upload.complete([
        [1, first],
        [2, second],
      ])
      const get = await lab.byUrl('GET', upload.key, { query: { partNumber: '2' } })
      return [said(get), headersOf(get, 'x-amz-mp-parts-count')[0] ?? null, get.body.equals(LAST_PART)]
    },
  ],
  [
    'multipart: with another key, or none, the object is not read',
    ['403 AccessDenied', '400 InvalidRequest'],
    async (lab) => {
      const headers = sse(randomBytes(32))
      const upload = await beginUpload(lab, headers)
      const { etag = '' } = (await upload.part(1, 'value', headers)).headers
      await upload.complete([[1, etag]])
      const other = await lab.byUrl('GET', upload.key, { headers: sse(randomBytes(32)) })
      return [said(other), said(await lab.byUrl('GET', upload.key))]
    },
  ],
  ['multipart: a part with another key', '400 InvalidRequest', partWith(() => sse(randomBytes(32)))],
  ['multipart: a part with no key', '400 InvalidRequest', partWith(() => ({}))],
  [
    'multipart: a part with a key, of an upload without one',
    '400 InvalidRequest',
    async (lab) => said(await (await beginUpload(lab)).part(1, 'value', sse(randomBytes(32)))),
  ],
  [
    'multipart: nothing is there before the end',
    '404',
    async (lab) => said(await lab.byUrl('HEAD', (await twoParts(lab)).upload.key)),
  ],
  [
    'multipart: what was there stays until the end',
    ['old', 'new'],
    async (lab) => {
      const key = await lab.stored('old')
      const upload = await beginUpload(lab, {}, key)
      const { etag = '' } = (await upload.part(1, 'new')).headers
      const before = textOf(await lab.byUrl('GET', key))
      await upload.complete([[1, etag]])
      return [before, textOf(await lab.byUrl('GET', key))]
    },
  ],
  [
    'multipart: metadata of the beginning is that of the object',
    ['text/csv', 'blue'],
    async (lab) => {
      const upload = await beginUpload(lab, { 'content-type': 'text/csv', 'x-amz-meta-colour': 'blue' })
      const { etag = '' } = (await upload.part(1, 'value')).headers
      await upload.complete([[1, etag]])
      return headersOf(await lab.byUrl('HEAD', upload.key), 'content-type', 'x-amz-meta-colour')
    },
  ],
  [
    'multipart: a part that is sent again replaces the first',
    'second',
    async (lab) => {
      const upload = await beginUpload(lab)
      await upload.part(1, 'first')
      const { etag = '' } = (await upload.part(1, 'second')).headers
      await upload.complete([[1, etag]])
      return textOf(await lab.byUrl('GET', upload.key))
    },
  ],
  [
    'multipart: the ETag of a part that was replaced',
    ['400 InvalidPart', '404'],
    async (lab) => {
      const upload = await beginUpload(lab)
      const { etag = '' } = (await upload.part(1, 'first')).headers
      await upload.part(1, 'second')
      return [said(await upload.complete([[1, etag]])), said(await lab.byUrl('HEAD', upload.key))]
    },
  ],
  [
    'multipart: parts that are not named are left out',
    'kept',
    async (lab) => {
      const upload = await beginUpload(lab)
      await upload.part(1, 'left out')
      const { etag = '' } = (await upload.part(7, 'kept')).headers
      await upload.complete([[7, etag]])
      return textOf(await lab.byUrl('GET', upload.key))
    },
  ],
  [
    'multipart: a wrong Content-MD5 of a part',
    '400 BadDigest',
    async (lab) =>
      said(
        await (await beginUpload(lab)).part(1, 'value', {
          'content-md5': Buffer.alloc(16).toString('base64'),
        }),
      ),
  ],
  ['multipart: part number 0', '400 InvalidArgument', partNumber(0)],
  ['multipart: part number 1', '200', partNumber(1)],
  ['multipart: part number 10000', '200', partNumber(10_000)],
  ['multipart: part number 10001', '400 InvalidArgument', partNumber(10_001)],
  [
    'multipart: complete with a wrong ETag',
    ['400 InvalidPart', '404'],
    completedBy(() => completion([[1, NO_ETAG]])),
  ],
  [
    'multipart: complete with a part that was not sent',
    ['400 InvalidPart', '404'],
    completedBy((etag) => completion([[2, etag]])),
  ],
  ['multipart: complete with no part', ['400 MalformedXML', '404'], completedBy(() => completion([]))],
  ['multipart: complete with what is no XML', ['400 MalformedXML', '404'], completedBy(() => 'parts')],
  [
    'multipart: complete with another document',
    ['400 MalformedXML', '404'],
    completedBy(() => '<Delete></Delete>'),
  ],
  [
    'multipart: complete with a document that defines entities',
    ['400 MalformedXML', '404'],
    completedBy(
      (etag) => `<!DOCTYPE a [<!ENTITY one "1">]>${completion([[1, etag]]).replace('>1<', '>&one;<')}`,
    ),
  ],
  [
    'multipart: complete with nothing',
    ['400 InvalidRequest or MalformedXML', '404'],
    async (lab) => {
      const upload = await beginUpload(lab)
      await upload.part(1, 'value')
      const answer = said(await upload.send('POST', {}, {}, ''))
      const isRefused = /^400 (InvalidRequest|MalformedXML)$/.test(answer)
      return [
        isRefused ? '400 InvalidRequest or MalformedXML' : answer,
        said(await lab.byUrl('HEAD', upload.key)),
      ]
    },
  ],
  [
    'multipart: complete in the wrong order',
    ['400 InvalidPartOrder', '404'],
    async (lab) => {
      const { upload, first, second } = await twoParts(lab)
      return [
        said(
          await upload.complete([
            [2, second],
            [1, first],
          ]),
        ),
        said(await lab.byUrl('HEAD', upload.key)),
      ]
    },
  ],
  [
    'multipart: complete with one part twice',
    ['400 InvalidPartOrder', '404'],
    async (lab) => {
      const { upload, first } = await twoParts(lab)
      return [
        said(
          await upload.complete([
            [1, first],
            [1, first],
          ]),
        ),
        said(await lab.byUrl('HEAD', upload.key)),
      ]
    },
  ],
  [
    'multipart: complete with a small part before the last',
    ['400 EntityTooSmall', '404'],
    async (lab) => {
      const upload = await beginUpload(lab)
      const [first, second] = [await upload.part(1, 'small'), await upload.part(2, 'last')]
      const parts = [
        [1, first.headers.etag ?? ''],
        [2, second.headers.etag ?? ''],
      ] as const
      return [said(await upload.complete(parts)), said(await lab.byUrl('HEAD', upload.key))]
    },
  ],
  [
    'multipart: complete after it was refused once',
    ['400 InvalidPart', '200', 'value'],
    async (lab) => {
      const upload = await beginUpload(lab)
      const { etag = '' } = (await upload.part(1, 'value')).headers
      const answers = [await upload.complete([[1, NO_ETAG]]), await upload.complete([[1, etag]])]
      return [...answers.map(said), textOf(await lab.byUrl('GET', upload.key))]
    },
  ],
  ...(['with', 'without'] as const).map(
    (way): Case => [
      `multipart: complete ${way} the customer key, where parts have checksums`,
      way === 'with' ? '200' : '400 InvalidRequest',
      async (lab) => {
        const headers = sse(randomBytes(32))
        const upload = await beginUpload(lab, { ...headers, 'x-amz-checksum-algorithm': 'SHA256' })
        const checksum = createHash('sha256').update('value').digest('base64')
        const part = await upload.part(1, 'value', { ...headers, 'x-amz-checksum-sha256': checksum })
        const row = `<ETag>${part.headers.etag}</ETag><ChecksumSHA256>${checksum}</ChecksumSHA256>`
        const document = completion([]).replace('><', `><Part><PartNumber>1</PartNumber>${row}</Part><`)
        return said(await upload.send('POST', {}, way === 'with' ? headers : {}, document))
      },
    ],
  ),
  [
    'multipart: complete with a wrong checksum of a part',
    ['400', '404'],
    async (lab) => {
      const upload = await beginUpload(lab, { 'x-amz-checksum-algorithm': 'SHA256' })
      const { etag = '' } = (await upload.part(1, 'value')).headers
      const other = createHash('sha256').update('another').digest('base64')
      const row = `<PartNumber>1</PartNumber><ETag>${etag}</ETag><ChecksumSHA256>${other}</ChecksumSHA256>`
      const answer = await upload.send('POST', {}, {}, completion([]).replace('><', `><Part>${row}</Part><`))
      return [String(answer.status), said(await lab.byUrl('HEAD', upload.key))]
    },
  ],
  [
    'multipart: complete with another size than the parts have',
    ['400 InvalidRequest', '404'],
    async (lab) => {
      const upload = await beginUpload(lab)
      const { etag = '' } = (await upload.part(1, 'value')).headers
      const answer = await upload.complete([[1, etag]], { 'x-amz-mp-object-size': '6' })
      return [said(answer), said(await lab.byUrl('HEAD', upload.key))]
    },
  ],
  [
    'multipart: complete if there is none, and there is none',
    '200',
    async (lab) => {
      const upload = await beginUpload(lab)
      const { etag = '' } = (await upload.part(1, 'value')).headers
      return said(await upload.complete([[1, etag]], { 'if-none-match': '*' }))
    },
  ],
  [
    'multipart: complete if there is none, and there is one',
    ['412 PreconditionFailed', 'old'],
    async (lab) => {
      const upload = await beginUpload(lab, {}, await lab.stored('old'))
      const { etag = '' } = (await upload.part(1, 'new')).headers
      const answer = await upload.complete([[1, etag]], { 'if-none-match': '*' })
      return [said(answer), textOf(await lab.byUrl('GET', upload.key))]
    },
  ],
  [
    'multipart: complete if-match, and it is another',
    ['412 PreconditionFailed', 'old'],
    async (lab) => {
      const upload = await beginUpload(lab, {}, await lab.stored('old'))
      const { etag = '' } = (await upload.part(1, 'new')).headers
      const answer = await upload.complete([[1, etag]], { 'if-match': NO_ETAG })
      return [said(answer), textOf(await lab.byUrl('GET', upload.key))]
    },
  ],
  [
    'multipart: one of 8 racing completions if there is none wins',
    [1, 7],
    async (lab) => {
      const key = lab.key()
      const racing = Array.from({ length: 8 }, async (_, i) => {
        const upload = await beginUpload(lab, {}, key)
        const { etag = '' } = (await upload.part(1, `value ${i}`)).headers
        return () => upload.complete([[1, etag]], { 'if-none-match': '*' })
      })
      const ready = await Promise.all(racing)
      const statuses = (await Promise.all(ready.map((complete) => complete()))).map(({ status }) => status)
      return [
        statuses.filter((status) => status === 200).length,
        statuses.filter((status) => status === 412 || status === 409).length,
      ]
    },
  ],
  ...(['part', 'list', 'complete', 'abort'] as const).map(
    (what): Case => [
      `multipart: ${what} after it was aborted`,
      NO_UPLOAD,
      async (lab) => {
        const upload = await beginUpload(lab)
        const { etag = '' } = (await upload.part(1, 'value')).headers
        await upload.send('DELETE')
        const after = {
          part: () => upload.part(2, 'value'),
          list: () => upload.send('GET'),
          complete: () => upload.complete([[1, etag]]),
          abort: () => upload.send('DELETE'),
        }
        return said(await after[what]())
      },
    ],
  ),
  [
    'multipart: abort leaves nothing',
    ['204', '404'],
    async (lab) => {
      const { upload } = await twoParts(lab)
      return [said(await upload.send('DELETE')), said(await lab.byUrl('HEAD', upload.key))]
    },
  ],
  [
    'multipart: a part of an upload that there is not',
    NO_UPLOAD,
    async (lab) => {
      const query = { partNumber: '1', uploadId: 'none' }
      return said(await lab.byUrl('PUT', lab.key(), { query, body: 'value' }))
    },
  ],
  [
    'multipart: a part of an upload of another key',
    NO_UPLOAD,
    async (lab) => {
      const { id } = await beginUpload(lab)
      return said(
        await lab.byUrl('PUT', lab.key(), { query: { partNumber: '1', uploadId: id }, body: 'value' }),
      )
    },
  ],
  [
    'multipart: a part once the object is complete',
    NO_UPLOAD,
    async (lab) => {
      const upload = await beginUpload(lab)
      const { etag = '' } = (await upload.part(1, 'value')).headers
      await upload.complete([[1, etag]])
      return said(await upload.part(2, 'more'))
    },
  ],
  [
    'multipart: the list of parts',
    [['1', '3'], ['5', '7'], true, 'false'],
    async (lab) => {
      const upload = await beginUpload(lab)
      const sent = [await upload.part(3, 'seventh'), await upload.part(1, 'first')]
      const { body } = await upload.send('GET')
      const etags = tags(body, 'ETag')
      return [
        tags(body, 'PartNumber'),
        tags(body, 'Size'),
        etags[1] === sent[0]?.headers.etag && etags[0] === sent[1]?.headers.etag,
        tags(body, 'IsTruncated')[0] ?? null,
      ]
    },
  ],
  [
    'multipart: the list of parts in pages',
    [['1', '2'], 'true', '2', ['5'], 'false'],
    async (lab) => {
      const upload = await beginUpload(lab)
      for (const number of [1, 2, 5]) await upload.part(number, 'value')
      const first = await upload.send('GET', { 'max-parts': '2' })
      const [next = ''] = tags(first.body, 'NextPartNumberMarker')
      const second = await upload.send('GET', { 'max-parts': '2', 'part-number-marker': next })
      const truncated = [first, second].map(({ body }) => tags(body, 'IsTruncated')[0] ?? null)
      return [
        tags(first.body, 'PartNumber'),
        truncated[0] ?? null,
        next,
        tags(second.body, 'PartNumber'),
        truncated[1] ?? null,
      ]
    },
  ],
  [
    'multipart: the list of uploads',
    [['a', 'b'], true],
    async (lab) => {
      const uploads = [
        await beginUpload(lab, {}, `${lab.folder}b`),
        await beginUpload(lab, {}, `${lab.folder}a`),
      ]
      const { body } = await lab.byUrl('GET', null, { query: { uploads: '', prefix: lab.folder } })
      const ids = tags(body, 'UploadId')
      return [
        tags(body, 'Upload').map((upload) => (tags(upload, 'Key')[0] ?? '').slice(lab.folder.length)),
        ids[0] === uploads[1]?.id && ids[1] === uploads[0]?.id,
      ]
    },
  ],
  [
    'multipart: the list of uploads in pages',
    [['a', 'b'], 'true', ['c'], 'false'],
    async (lab) => {
      for (const name of ['c', 'a', 'b']) await beginUpload(lab, {}, `${lab.folder}${name}`)
      const page = async (more: Record<string, string>) => {
        const query = { uploads: '', prefix: lab.folder, 'max-uploads': '2', ...more }
        const { body } = await lab.byUrl('GET', null, { query })
        const names = tags(body, 'Upload').map((upload) =>
          (tags(upload, 'Key')[0] ?? '').slice(lab.folder.length),
        )
        const next = {
          'key-marker': tags(body, 'NextKeyMarker')[0] ?? '',
          'upload-id-marker': tags(body, 'NextUploadIdMarker')[0] ?? '',
        }
        return { names, next, isTruncated: tags(body, 'IsTruncated')[0] ?? null }
      }
      const first = await page({})
      const second = await page(first.next)
      return [first.names, first.isTruncated, second.names, second.isTruncated]
    },
  ],
  [
    'multipart: the list of uploads, by folders',
    [['a/', 'b/'], []],
    async (lab) => {
      for (const name of ['a/1', 'a/2', 'b/1']) await beginUpload(lab, {}, `${lab.folder}${name}`)
      const { body } = await lab.byUrl('GET', null, {
        query: { uploads: '', prefix: lab.folder, delimiter: '/' },
      })
      const folders = tags(body, 'CommonPrefixes').map((common) =>
        (tags(common, 'Prefix')[0] ?? '').slice(lab.folder.length),
      )
      return [folders, tags(body, 'UploadId')]
    },
  ],
  [
    'multipart: a completed and an aborted upload are in no list',
    [],
    async (lab) => {
      const [kept, dropped] = [await beginUpload(lab), await beginUpload(lab)]
      const { etag = '' } = (await kept.part(1, 'value')).headers
      await kept.complete([[1, etag]])
      await dropped.send('DELETE')
      const { body } = await lab.byUrl('GET', null, { query: { uploads: '', prefix: lab.folder } })
      return tags(body, 'UploadId')
    },
  ],
]
