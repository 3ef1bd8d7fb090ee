import { expect, test } from 'vitest'
import type { MultipartUpload, ObjectStore } from '../ports.ts'
import {
  expectContent,
  givenObject,
  givenUpload,
  newKey,
  newObject,
  type ObjectStoreAbilities,
  type OpenObjectStore,
  PART_BYTES,
  SSE,
  send,
  sendPart,
} from './sample-objects.ts'
import { bytes } from './sample-rows.ts'

/** Uploads in parts. */
export function uploadInPartsRules(open: OpenObjectStore, abilities: ObjectStoreAbilities): void {
  partRules(open)
  endRules(open, abilities)
  abortRules(open)
}

function partRules(open: OpenObjectStore): void {
  test('parts that came in any order are one object in theirs', async () => {
    await using under = await open()
    const { objectStore } = under
    const object = newObject()
    const [first, second, third] = [bytes(PART_BYTES), bytes(PART_BYTES), bytes(7)]
    const upload = await givenUpload(objectStore, object, [])
    await sendPart(objectStore, upload, 30, object.sseKey, third)
    await sendPart(objectStore, upload, 2, object.sseKey, first)
    await sendPart(objectStore, upload, 11, object.sseKey, second)
    const parts = (await objectStore.listParts(upload)) ?? []
    const listed = parts.map(({ partNumber, size }) => [partNumber, size])
    expect(listed).toEqual([[2, PART_BYTES], [11, PART_BYTES], [30, 7]]) // biome-ignore format: a table
    expect(await objectStore.exists(object.objectKey)).toBe(false)
    expect(await objectStore.completeUpload(upload, parts)).toBe('completed')
    await expectContent(objectStore, object, Buffer.concat([first, second, third]))
    expect(await objectStore.head(object.objectKey, object.sseKey)).toEqual({ size: 2 * PART_BYTES + 7 })
  })

  test('a part that is sent again replaces itself', async () => {
    await using under = await open()
    const object = newObject()
    const upload = await givenUpload(under.objectStore, object, [bytes(9)])
    await sendPart(under.objectStore, upload, 1, object.sseKey, Buffer.from('again'))
    const parts = await partsOf(under.objectStore, upload)
    expect(await under.objectStore.completeUpload(upload, parts)).toBe('completed')
    await expectContent(under.objectStore, object, Buffer.from('again'))
  })

  test('a part URL is for one part, one upload, one length and one key', async () => {
    await using under = await open()
    const object = newObject()
    const upload = await givenUpload(under.objectStore, object, [])
    const part = await under.objectStore.presignPart(upload, 1, object.sseKey, 5)
    const changed = (pattern: RegExp, text: string) => ({ ...part, url: part.url.replace(pattern, text) })
    expect((await send('PUT', changed(/partNumber=1/, 'partNumber=2'), bytes(5))).status).toBe(403)
    expect((await send('PUT', changed(/uploadId=[^&]+/, 'uploadId=another'), bytes(5))).ok).toBe(false)
    expect((await send('PUT', part, bytes(6))).ok).toBe(false)
    const withoutKey = { [`${SSE}algorithm`]: null, [`${SSE}key`]: null, [`${SSE}key-md5`]: null }
    expect((await send('PUT', part, bytes(5), withoutKey)).ok).toBe(false)
    const other = await under.objectStore.presignPart(upload, 1, bytes(32), 5)
    expect((await send('PUT', other, bytes(5))).ok).toBe(false)
    expect((await send('GET', part)).ok).toBe(false)
    expect(await under.objectStore.listParts(upload)).toEqual([])
  })

  test('the headers of a part say all that must be sent, and the URL holds no key', async () => {
    await using under = await open()
    const object = newObject()
    const upload = await givenUpload(under.objectStore, object, [])
    const { url, headers } = await under.objectStore.presignPart(upload, 7, object.sseKey, 42)
    const key = Buffer.from(object.sseKey ?? [])
    expect(headers).toMatchObject({ 'content-length': '42', [`${SSE}key`]: key.toString('base64') })
    for (const encoding of ['base64', 'base64url', 'hex'] as const) {
      expect(decodeURIComponent(url)).not.toContain(key.toString(encoding))
    }
  })

  test('an object that the client has encrypted goes in parts without any key', async () => {
    await using under = await open()
    const object = { objectKey: newKey(), sseKey: null }
    const upload = await givenUpload(under.objectStore, object, [bytes(8)])
    const { headers } = await under.objectStore.presignPart(upload, 2, null, 1)
    expect(Object.keys(headers).filter((name) => name.startsWith(SSE))).toEqual([])
    expect(await under.objectStore.completeUpload(upload, await partsOf(under.objectStore, upload))).toBe(
      'completed',
    )
    expect(await under.objectStore.head(object.objectKey, null)).toEqual({ size: 8 })
  })
}

async function partsOf(objectStore: ObjectStore, upload: MultipartUpload) {
  const parts = await objectStore.listParts(upload)
  if (parts === null) throw new Error('There is no such upload.')
  return parts
}

function endRules(open: OpenObjectStore, { conditionalJoin }: ObjectStoreAbilities): void {
  test('an upload ends once, and takes no more parts then', async () => {
    await using under = await open()
    const { objectStore } = under
    const object = newObject()
    const upload = await givenUpload(objectStore, object, [bytes(4)])
    const late = await objectStore.presignPart(upload, 2, object.sseKey, 4)
    const parts = await partsOf(objectStore, upload)
    expect(await objectStore.completeUpload(upload, parts)).toBe('completed')
    // To join again what is joined changes nothing, whatever a store says to it.
    expect(['completed', 'missing', 'exists']).toContain(await objectStore.completeUpload(upload, parts))
    expect(await objectStore.listParts(upload)).toBeNull()
    expect((await send('PUT', late, bytes(4))).ok).toBe(false)
    expect(await objectStore.head(object.objectKey, object.sseKey)).toEqual({ size: 4 })
  })

  test.runIf(conditionalJoin)('an object that is there stays', async () => {
    await using under = await open()
    const { objectStore } = under
    const content = bytes(6)
    const there = await givenObject(objectStore, content)
    const upload = await givenUpload(objectStore, there, [bytes(4)])
    expect(await objectStore.completeUpload(upload, await partsOf(objectStore, upload))).toBe('exists')
    await expectContent(objectStore, there, content)
  })

  test('parts that do not fit end nothing', async () => {
    await using under = await open()
    const { objectStore } = under
    const object = newObject()
    const upload = await givenUpload(objectStore, object, [bytes(4), bytes(4)])
    const parts = await partsOf(objectStore, upload)
    const [first] = parts
    if (first === undefined) throw new Error('There are two parts.')
    const unfit = [
      [],
      [{ ...first, etag: `"${'0'.repeat(32)}"` }],
      [{ ...first, partNumber: 9 }],
      // The first of two is smaller than 5 MiB.
      parts,
    ]
    for (const list of unfit) expect(await objectStore.completeUpload(upload, list)).toBe('refused')
    expect(await objectStore.exists(object.objectKey)).toBe(false)
    expect(await objectStore.listParts(upload)).toHaveLength(2)
  })

  test('an upload that was never begun is missing', async () => {
    await using under = await open()
    const object = { objectKey: newKey(), sseKey: null }
    const begun = await givenUpload(under.objectStore, object, [bytes(4)])
    const parts = await partsOf(under.objectStore, begun)
    await under.objectStore.abortUpload(begun)
    expect(await under.objectStore.completeUpload(begun, parts)).toBe('missing')
    expect(await under.objectStore.listParts(begun)).toBeNull()
  })
}

function abortRules(open: OpenObjectStore): void {
  test('abort leaves nothing, and what is not there is as good as aborted', async () => {
    await using under = await open()
    const { objectStore } = under
    const object = newObject()
    const upload = await givenUpload(objectStore, object, [bytes(4)])
    const late = await objectStore.presignPart(upload, 2, object.sseKey, 4)
    await objectStore.abortUpload(upload)
    await objectStore.abortUpload(upload)
    expect(await objectStore.listParts(upload)).toBeNull()
    expect((await send('PUT', late, bytes(4))).ok).toBe(false)
    expect(await objectStore.exists(object.objectKey)).toBe(false)
  })

  test('uploads that have not ended are listed, page by page, and no others', async () => {
    await using under = await open()
    const { objectStore } = under
    const [a, b] = [newObject(), newObject()].sort((x, y) => (x.objectKey < y.objectKey ? -1 : 1))
    if (a === undefined || b === undefined) throw new Error('There are two.')
    const begun = [
      await givenUpload(objectStore, b, []),
      await givenUpload(objectStore, a, []),
      await givenUpload(objectStore, a, [bytes(3)]),
    ]
    const aborted = await givenUpload(objectStore, a, [])
    await objectStore.abortUpload(aborted)
    const ended = newObject()
    const endedUpload = await givenUpload(objectStore, ended, [bytes(3)])
    await objectStore.completeUpload(endedUpload, await partsOf(objectStore, endedUpload))
    for (const limit of [1, 2, 1000]) {
      const found = await allUploads(objectStore, limit)
      expect(found.map(({ objectKey }) => objectKey)).toEqual([a.objectKey, a.objectKey, b.objectKey])
      expect(found.map(({ uploadId }) => uploadId).sort()).toEqual(
        begun.map(({ uploadId }) => uploadId).sort(),
      )
      for (const { startedAt } of found) expect(startedAt).toBeGreaterThan(0)
    }
  })
}

async function allUploads(objectStore: ObjectStore, limit: number) {
  const found = []
  for (let after: string | null = null, more = true; more; more = after !== null) {
    const page: Awaited<ReturnType<ObjectStore['listUploads']>> = await objectStore.listUploads(after, limit)
    expect(page.items.length).toBeLessThanOrEqual(limit)
    found.push(...page.items)
    after = page.next
  }
  return found
}
