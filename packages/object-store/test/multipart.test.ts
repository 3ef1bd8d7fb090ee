import { createHash, randomBytes } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { call, filesOf, NOW, presigned, sse, startTestStore, type TestStore } from './harness.ts'
import {
  begin,
  complete,
  copyTo,
  documentOf,
  PART_BYTES,
  sendPart,
  stored,
  tag,
  tags,
  upload,
} from './multipart-client.ts'

let store: TestStore
beforeAll(async () => {
  store = await startTestStore()
})
afterAll(async () => {
  expect(store.failures).toEqual([])
  await store[Symbol.asyncDispose]()
})

let count = 0
const freshKey = () => `parts/${count++}`
const FIRST = randomBytes(PART_BYTES)
const LAST = randomBytes(70_000)
const WHOLE = Buffer.concat([FIRST, LAST])
const filesIn = async (folder: string) =>
  (await filesOf(store.directory)).filter((path) => path.startsWith(join(store.directory, folder)))

describe.each([
  ['with a customer key', sse()],
  ['without one', {}],
])('an object of parts, %s', (_, headers) => {
  test('is completed without its key, and read in any range', async () => {
    const key = freshKey()
    await stored(store, key, [FIRST, LAST], headers, { 'x-amz-meta-note': 'kept' })
    const got = await call(store, 'GET', key, { headers })
    expect(got.body.equals(WHOLE)).toBe(true)
    expect(got.headers).toMatchObject({
      'content-length': String(WHOLE.length),
      'x-amz-meta-note': 'kept',
      'last-modified': NOW.toUTCString(),
    })
    expect(got.headers.etag).toMatch(/^"[0-9a-f]{32}-2"$/)
    const edges = [0, 1, 65_535, 65_536, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, WHOLE.length - 1]
    for (const from of edges) {
      const to = Math.min(from + 10, WHOLE.length - 1)
      const part = await call(store, 'GET', key, { headers, unsigned: { range: `bytes=${from}-${to}` } })
      expect([part.status, part.body.equals(WHOLE.subarray(from, to + 1))]).toEqual([206, true])
    }
    const second = await call(store, 'GET', key, { headers, query: { partNumber: '2' } })
    expect([second.status, second.body.equals(LAST)]).toEqual([206, true])
    expect(second.headers['x-amz-mp-parts-count']).toBe('2')
    const third = await call(store, 'GET', key, { headers, query: { partNumber: '3' } })
    expect([third.status, third.code]).toEqual([416, 'InvalidPartNumber'])
  })

  test('of one part without bytes is empty', async () => {
    const key = freshKey()
    await stored(store, key, [''], headers)
    const got = await call(store, 'GET', key, { headers })
    expect([got.status, got.headers['content-length'], got.body.length]).toEqual([200, '0', 0])
  })

  test('takes its parts with it when it goes, however it goes', async () => {
    const goes: ((key: string) => Promise<{ status: number }>)[] = [
      (key) => call(store, 'DELETE', key),
      (key) => call(store, 'PUT', key, { body: 'small' }),
      async (key) => {
        const { uploadId, parts } = await upload(store, key, ['another'])
        return await complete(store, key, uploadId, parts)
      },
      async (key) => {
        await call(store, 'PUT', 'source', { body: 'source' })
        return await copyTo(store, key, 'source')
      },
    ]
    for (const go of goes) {
      const key = freshKey()
      const id = await stored(store, key, ['value'], headers)
      expect(await filesIn(`parts/${id}`)).toHaveLength(2)
      expect([200, 204]).toContain((await go(key)).status)
      expect(await filesIn(`parts/${id}`)).toEqual([])
    }
    expect(await filesIn('temporary')).toEqual([])
  })

  test('is read to its end by whoever has begun, though it is deleted meanwhile', async () => {
    const key = freshKey()
    const id = await stored(store, key, [FIRST, LAST], headers)
    const response = await fetch(presigned(store, 'GET', key, { headers }), { headers: { ...headers } })
    const reader = response.body?.getReader()
    const first = await reader?.read()
    expect((await call(store, 'DELETE', key)).status).toBe(204)
    expect((await call(store, 'GET', key, { headers })).code).toBe('NoSuchKey')
    const pieces = [first?.value ?? new Uint8Array()]
    for (;;) {
      const piece = await reader?.read()
      if (piece?.value === undefined) break
      pieces.push(piece.value)
    }
    expect(Buffer.concat(pieces).equals(WHOLE)).toBe(true)
    await expect.poll(() => filesIn(`parts/${id}`)).toEqual([])
  })

  test('that was changed on the disk is refused', async () => {
    const key = freshKey()
    await using other = await startTestStore()
    const id = await stored(other, key, ['one value'], headers)
    const path = join(other.directory, 'parts', id, '00001')
    const bytes = await readFile(path)
    // All but the label, which nobody reads once the parts have been chosen.
    const end = bytes.length - bytes.readUInt32BE(77)
    for (let i = 0; i < end; i += 3) {
      const changed = Buffer.from(bytes)
      changed[i] = (changed[i] ?? 0) ^ (1 << (i % 8))
      await writeFile(path, changed)
      expect((await call(other, 'GET', key, { headers })).status).toBe(500)
    }
    await rm(path)
    expect((await call(other, 'GET', key, { headers })).status).toBe(500)
    await writeFile(path, bytes)
    expect((await call(other, 'GET', key, { headers })).body.toString()).toBe('one value')
  })
})

test('an older part in the place of the one that was chosen is refused', async () => {
  await using other = await startTestStore()
  const headers = sse()
  const id = await begin(other, 'key', headers)
  await sendPart(other, 'key', id, 1, 'older', headers)
  const path = (folder: string) => join(other.directory, folder, id, '00001')
  const older = await readFile(path('uploads'))
  const { headers: answer } = await sendPart(other, 'key', id, 1, 'newer', headers)
  await complete(other, 'key', id, [{ number: 1, etag: answer.etag ?? '' }])
  expect((await call(other, 'GET', 'key', { headers })).body.toString()).toBe('newer')
  await writeFile(path('parts'), older)
  expect((await call(other, 'GET', 'key', { headers })).status).toBe(500)
})

describe('the key of an upload', () => {
  const headers = sse()
  test('is that of each part, and of the object', async () => {
    const key = freshKey()
    const id = await begin(store, key, headers)
    const plain = await begin(store, key)
    const parts = [
      await sendPart(store, key, id, 1, 'x'),
      await sendPart(store, key, id, 1, 'x', sse()),
      await sendPart(store, key, plain, 1, 'x', headers),
      await copyTo(store, key, key, {}, { partNumber: '1', uploadId: id }),
      await copyTo(store, key, key, sse(), { partNumber: '1', uploadId: id }),
    ]
    for (const part of parts) expect([part.status, part.code]).toEqual([400, 'InvalidRequest'])
    const { headers: answer } = await sendPart(store, key, id, 1, 'value', headers)
    const done = [{ number: 1, etag: answer.etag ?? '' }]
    expect((await complete(store, key, id, done, sse())).code).toBe('InvalidRequest')
    expect((await complete(store, key, id, done, headers)).status).toBe(200)
    expect((await call(store, 'GET', key)).code).toBe('InvalidRequest')
    expect((await call(store, 'GET', key, { headers: sse() })).code).toBe('AccessDenied')
    expect((await call(store, 'GET', key, { headers })).body.toString()).toBe('value')
  })

  test('is not on the disk, nor is what it seals', async () => {
    const secret = Buffer.from('078-05-1120 of nobody at all')
    const bytes = randomBytes(32)
    const note = { 'x-amz-meta-note': secret.toString() }
    const checksum = { 'x-amz-checksum-algorithm': 'SHA256' }
    const key = 'names/secret-name'
    const id = await begin(store, key, { ...sse(bytes), ...note, ...checksum })
    const sum = createHash('sha256').update(secret).digest()
    const sums = { 'x-amz-checksum-sha256': sum.toString('base64') }
    const part = await sendPart(store, key, id, 1, secret, { ...sse(bytes), ...sums })
    const more = `<ChecksumSHA256>${sums['x-amz-checksum-sha256']}</ChecksumSHA256>`
    const done = await complete(
      store,
      key,
      id,
      [{ number: 1, etag: part.headers.etag ?? '', more }],
      sse(bytes),
    )
    expect(done.status).toBe(200)
    const md5 = createHash('md5').update(secret).digest()
    for (const path of await filesOf(store.directory)) {
      const content = await readFile(path)
      for (const leak of [secret, bytes, sum, md5, Buffer.from('secret-name')]) {
        expect(content.includes(leak)).toBe(false)
        expect(content.includes(leak.toString('base64').slice(0, -4))).toBe(false)
        expect(content.includes(leak.toString('hex'))).toBe(false)
      }
    }
  })
})

describe('to complete', () => {
  test.each([
    ['nothing', '', 'MalformedXML'],
    ['no part', documentOf([]), 'MalformedXML'],
    ['another root', '<a><Part></Part></a>', 'MalformedXML'],
    [
      'text instead of a part',
      '<CompleteMultipartUpload><Part>1</Part></CompleteMultipartUpload>',
      'MalformedXML',
    ],
    ['a comment', documentOf([{ number: 1, etag: 'ETAG' }]).replace('><', '><!-- --><'), 'MalformedXML'],
    [
      'two numbers',
      documentOf([{ number: 1, etag: 'ETAG', more: '<PartNumber>1</PartNumber>' }]),
      'MalformedXML',
    ],
    ['two roots', documentOf([{ number: 1, etag: 'ETAG' }]).repeat(2), 'MalformedXML'],
    ['number 0', documentOf([{ number: 0, etag: 'ETAG' }]), 'InvalidArgument'],
    ['an etag of another kind', documentOf([{ number: 1, etag: '"abc"' }]), 'InvalidPart'],
    ['another etag', documentOf([{ number: 1, etag: `"${'0'.repeat(32)}"` }]), 'InvalidPart'],
    ['a part that is not there', documentOf([{ number: 3, etag: 'ETAG' }]), 'InvalidPart'],
    ['a part twice', documentOf([1, 1].map((number) => ({ number, etag: 'ETAG' }))), 'InvalidPartOrder'],
    ['parts backwards', documentOf([2, 1].map((number) => ({ number, etag: 'ETAG' }))), 'InvalidPartOrder'],
    [
      'a small part in the middle',
      documentOf([1, 2].map((number) => ({ number, etag: 'ETAG' }))),
      'EntityTooSmall',
    ],
    ['nested deeply', `${'<a>'.repeat(5000)}${'</a>'.repeat(5000)}`, 'MalformedXML'],
    ['what is no UTF-8', Buffer.from([0x3c, 0xff, 0xfe, 0x3e]), 'MalformedXML'],
  ])('%s is refused, and the upload goes on', async (_, document, code) => {
    const key = freshKey()
    const { uploadId, parts } = await upload(store, key, ['a', 'a'])
    const body = typeof document === 'string' ? document.replaceAll('ETAG', parts[0]?.etag ?? '') : document
    const refused = await call(store, 'POST', key, { query: { uploadId }, body })
    expect([refused.status, refused.code]).toEqual([400, code])
    expect((await complete(store, key, uploadId, parts.slice(0, 1))).status).toBe(200)
    expect((await call(store, 'GET', key)).body.toString()).toBe('a')
  })

  test('again is answered again, as long as its object is there, and never differently', async () => {
    const key = freshKey()
    const { uploadId, parts } = await upload(store, key, ['value'])
    const first = await complete(store, key, uploadId, parts, { 'if-none-match': '*' })
    const again = await complete(store, key, uploadId, parts, { 'if-none-match': '*' })
    expect([again.status, tag(again, 'ETag')]).toEqual([200, tag(first, 'ETag')])
    const other = [{ number: 1, etag: '0'.repeat(32) }]
    expect((await complete(store, key, uploadId, other)).code).toBe('NoSuchUpload')
    expect((await sendPart(store, key, uploadId, 2, 'late')).code).toBe('NoSuchUpload')
    await call(store, 'PUT', key, { body: 'other' })
    expect((await complete(store, key, uploadId, parts)).code).toBe('NoSuchUpload')
    expect((await call(store, 'GET', key)).body.toString()).toBe('other')
  })

  test('at once from many sides stores one object', async () => {
    const key = freshKey()
    const uploads = await Promise.all(['a', 'b', 'c', 'd'].map((body) => upload(store, key, [body])))
    const answers = await Promise.all(
      uploads.map(({ uploadId, parts }) => complete(store, key, uploadId, parts, { 'if-none-match': '*' })),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412, 412])
    const winner = 'abcd'[answers.findIndex(({ status }) => status === 200)]
    expect((await call(store, 'GET', key)).body.toString()).toBe(winner)
  })

  test('only a known state, or a known size', async () => {
    const key = freshKey()
    const { headers } = await call(store, 'PUT', key, { body: 'old' })
    const { uploadId, parts } = await upload(store, key, ['new'])
    const attempt = (more: Record<string, string>) => complete(store, key, uploadId, parts, more)
    expect((await attempt({ 'if-match': '"x"' })).code).toBe('PreconditionFailed')
    expect((await attempt({ 'x-amz-mp-object-size': '4' })).code).toBe('InvalidRequest')
    expect((await call(store, 'GET', key)).body.toString()).toBe('old')
    const right = { 'if-match': headers.etag ?? '', 'x-amz-mp-object-size': '3' }
    expect((await attempt(right)).status).toBe(200)
    expect((await call(store, 'GET', key)).body.toString()).toBe('new')
  })
})

describe('an upload', () => {
  test('of another object, or one that there is not, is not found', async () => {
    const key = freshKey()
    const { uploadId, parts } = await upload(store, key, ['value'])
    for (const [name, id] of [
      [freshKey(), uploadId],
      [key, '0'.repeat(32)],
      [key, '../../objects'],
      [key, ''],
    ] as const) {
      const answers = [
        await sendPart(store, name, id, 1, 'x'),
        await complete(store, name, id, parts),
        await call(store, 'DELETE', name, { query: { uploadId: id } }),
        await call(store, 'GET', name, { query: { uploadId: id } }),
      ]
      for (const { status, code } of answers) expect([status, code]).toEqual([404, 'NoSuchUpload'])
    }
  })

  test('that is aborted is gone with its parts, also the part that is on its way', async () => {
    const key = freshKey()
    const { uploadId, parts } = await upload(store, key, ['value'], sse())
    expect(await filesIn(`uploads/${uploadId}`)).toHaveLength(2)
    expect((await call(store, 'DELETE', key, { query: { uploadId } })).status).toBe(204)
    expect(await filesIn(`uploads/${uploadId}`)).toEqual([])
    expect((await complete(store, key, uploadId, parts)).code).toBe('NoSuchUpload')
    expect((await call(store, 'DELETE', key, { query: { uploadId } })).code).toBe('NoSuchUpload')
    expect(await filesIn('temporary')).toEqual([])
  })

  test('lists its parts in pages', async () => {
    const key = freshKey()
    const id = await begin(store, key)
    for (const number of [10_000, 7, 1]) await sendPart(store, key, id, number, `part ${number}`)
    const list = (more: Record<string, string>) =>
      call(store, 'GET', key, { query: { uploadId: id, ...more } })
    const first = await list({ 'max-parts': '2' })
    expect([tags(first, 'PartNumber'), tag(first, 'IsTruncated')]).toEqual([['1', '7'], 'true'])
    const second = await list({ 'part-number-marker': tag(first, 'NextPartNumberMarker') ?? '' })
    expect([tags(second, 'PartNumber'), tag(second, 'IsTruncated')]).toEqual([['10000'], 'false'])
    expect(tags(second, 'Size')).toEqual(['10'])
    for (const bad of [{ 'max-parts': '-1' }, { 'part-number-marker': 'x' }])
      expect((await list(bad)).code).toBe('InvalidArgument')
  })

  test('is listed with others of the bucket in pages, until it is over', async () => {
    await using other = await startTestStore()
    const ids: string[] = []
    for (const key of ['b', 'a/1', 'a/2', 'b', 'c<&>']) ids.push(await begin(other, key))
    const list = (more: Record<string, string>) => call(other, 'GET', '', { query: { uploads: '', ...more } })
    expect(tags(await list({}), 'Key')).toEqual(['a/1', 'a/2', 'b', 'b', 'c&#x3c;&#x26;&#x3e;'])
    const grouped = await list({ delimiter: '/' })
    expect(tags(grouped, 'Key')).toEqual(['b', 'b', 'c&#x3c;&#x26;&#x3e;'])
    expect(tags(grouped, 'Prefix')).toEqual(['', 'a/'])
    const seen: string[] = []
    for (let marker: Record<string, string> | null = {}; marker !== null; ) {
      const page: Awaited<ReturnType<typeof list>> = await list({ ...marker, 'max-uploads': '1' })
      seen.push(...tags(page, 'UploadId'))
      const next = {
        'key-marker': tag(page, 'NextKeyMarker') ?? '',
        'upload-id-marker': tag(page, 'NextUploadIdMarker') ?? '',
      }
      marker = tag(page, 'IsTruncated') === 'true' ? next : null
    }
    expect(seen.toSorted()).toEqual(ids.toSorted())
    await call(other, 'DELETE', 'a/1', { query: { uploadId: ids[1] ?? '' } })
    expect(tags(await list({ prefix: 'a' }), 'Key')).toEqual(['a/2'])
  })
})
