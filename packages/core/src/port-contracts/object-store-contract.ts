import { describe, expect, test } from 'vitest'
import type { Mask } from '../domain/policy.ts'
import type { ObjectStore } from '../ports.ts'
import { copyRules } from './object-copy-rules.ts'
import { uploadInPartsRules } from './object-upload-rules.ts'
import {
  expectContent,
  givenObject,
  newKey,
  newObject,
  type ObjectStoreAbilities,
  type OpenObjectStore as Open,
  SSE,
  send,
} from './sample-objects.ts'
import { bytes } from './sample-rows.ts'

const ALL: ObjectStoreAbilities = { copiesBetweenKeys: true, conditionalJoin: true }

/** What every adapter of the port `ObjectStore` must do; the objects travel over HTTP, as a browser sends them. */
export function objectStoreContract(name: string, open: Open, abilities = ALL): void {
  describe(`${name} is an ObjectStore`, () => {
    describe('uploads', () => uploadRules(open))
    describe('downloads', () => downloadRules(open))
    describe('downloads of a part', () => partRules(open))
    describe('looking and deleting', () => lifeRules(open))
    describe('lists', () => listRules(open))
    describe('uploads in parts', () => uploadInPartsRules(open, abilities))
    describe('copies', () => copyRules(open, abilities))
    describe('failures', () => failureRules(open))
  })
}

function uploadRules(open: Open): void {
  for (const length of [0, 1, 8192, 100_000]) {
    test(`${length} bytes come back as they went in`, async () => {
      await using under = await open()
      const content = bytes(length)
      const { objectKey, sseKey } = await givenObject(under.objectStore, content)
      const answer = await send('GET', await under.objectStore.presignGet(objectKey, sseKey))
      expect(answer.status).toBe(200)
      expect(new Uint8Array(await answer.arrayBuffer())).toEqual(content)
    })
  }

  test('an upload of unknown length is taken, too', async () => {
    await using under = await open()
    const [objectKey, sseKey, content] = [newKey(), bytes(32), bytes(77)]
    const put = await under.objectStore.presignPut(objectKey, sseKey, null)
    expect((await send('PUT', put, content)).status).toBe(200)
    expect(await under.objectStore.head(objectKey, sseKey)).toEqual({ size: 77 })
  })

  test('an upload URL works once: the object that is there stays', async () => {
    await using under = await open()
    const content = bytes(10)
    const { objectKey, sseKey, put } = await givenObject(under.objectStore, content)
    expect((await send('PUT', put, bytes(10))).status).toBe(412)
    expect((await send('PUT', put, bytes(10), { 'if-none-match': null })).status).toBe(403)
    const answer = await send('GET', await under.objectStore.presignGet(objectKey, sseKey))
    expect(new Uint8Array(await answer.arrayBuffer())).toEqual(content)
  })

  test('another length than the declared one is refused', async () => {
    await using under = await open()
    const [objectKey, sseKey] = [newKey(), bytes(32)]
    const put = await under.objectStore.presignPut(objectKey, sseKey, 10)
    expect((await send('PUT', put, bytes(11))).ok).toBe(false)
    expect((await send('PUT', put, bytes(9))).ok).toBe(false)
    expect(await under.objectStore.head(objectKey, sseKey)).toBeNull()
  })

  test('without its key, or with another one, nothing is stored', async () => {
    await using under = await open()
    const [objectKey, sseKey] = [newKey(), bytes(32)]
    const put = await under.objectStore.presignPut(objectKey, sseKey, 3)
    const other = (await under.objectStore.presignPut(objectKey, bytes(32), 3)).headers
    const withoutKey = { [`${SSE}algorithm`]: null, [`${SSE}key`]: null, [`${SSE}key-md5`]: null }
    for (const headers of [withoutKey, other]) {
      expect((await send('PUT', put, bytes(3), headers)).ok).toBe(false)
    }
    expect(await under.objectStore.head(objectKey, sseKey)).toBeNull()
  })

  test('the headers say all that must be sent, and the URL holds no key', async () => {
    await using under = await open()
    const [objectKey, sseKey] = [newKey(), bytes(32)]
    const put = await under.objectStore.presignPut(objectKey, sseKey, 42)
    const get = await under.objectStore.presignGet(objectKey, sseKey)
    const key = Buffer.from(sseKey)
    expect(put.headers).toMatchObject({ 'if-none-match': '*', 'content-length': '42' })
    for (const { url, headers } of [put, get]) {
      expect(headers).toMatchObject({ host: new URL(url).host, [`${SSE}algorithm`]: 'AES256' })
      expect(headers[`${SSE}key`]).toBe(key.toString('base64'))
      for (const encoding of ['base64', 'base64url', 'hex'] as const) {
        expect(decodeURIComponent(url)).not.toContain(key.toString(encoding))
      }
      expect(url).not.toContain(`${SSE}key=`)
    }
  })
}

function downloadRules(open: Open): void {
  test('comes as an attachment of bytes that nobody keeps', async () => {
    await using under = await open()
    const { objectKey, sseKey } = await givenObject(
      under.objectStore,
      Buffer.from('<script>alert(1)</script>'),
    )
    const { headers } = await send('GET', await under.objectStore.presignGet(objectKey, sseKey))
    expect(headers.get('content-type')).toBe('application/octet-stream')
    expect(headers.get('content-disposition')).toBe('attachment')
    expect(headers.get('cache-control')).toBe('no-store')
  })

  test('without the key, or with another one, it is refused', async () => {
    await using under = await open()
    const content = Buffer.from('nobody else reads this')
    const { objectKey, sseKey } = await givenObject(under.objectStore, content)
    const get = await under.objectStore.presignGet(objectKey, sseKey)
    const wrong = await under.objectStore.presignGet(objectKey, bytes(32))
    const answers = [
      await fetch(get.url),
      await send('GET', get, null, { [`${SSE}key`]: null }),
      await send('GET', { url: get.url, headers: wrong.headers }),
      await send('GET', wrong),
    ]
    for (const answer of answers) {
      expect(answer.ok).toBe(false)
      expect(await answer.text()).not.toContain(content.toString())
    }
  })

  test('a download URL neither writes nor deletes, an upload URL does not read', async () => {
    await using under = await open()
    const { objectKey, sseKey, put } = await givenObject(under.objectStore, bytes(5))
    const get = await under.objectStore.presignGet(objectKey, sseKey)
    expect((await send('PUT', get, bytes(5))).status).toBe(403)
    expect((await send('DELETE', get)).status).toBe(403)
    expect((await send('GET', put)).status).toBe(403)
    expect(await under.objectStore.head(objectKey, sseKey)).toEqual({ size: 5 })
  })

  test('a URL is for one object', async () => {
    await using under = await open()
    const [mine, theirs] = [
      await givenObject(under.objectStore, bytes(5)),
      await givenObject(under.objectStore, bytes(5)),
    ]
    const { url, headers } = await under.objectStore.presignGet(mine.objectKey, mine.sseKey)
    const moved = url.replace(mine.objectKey, theirs.objectKey)
    expect(moved).not.toBe(url)
    expect((await send('GET', { url: moved, headers })).status).toBe(403)
  })
}

const SECRET = Buffer.from('4111 1111 1111 6789')

function partRules(open: Open): void {
  for (const [show, count, part] of [
    ['last', 4, '6789'],
    ['first', 4, '4111'],
    ['first', 1, '4'],
    ['last', 18, '111 1111 1111 6789'],
  ] as const) {
    test(`the ${show} ${count} bytes`, async () => {
      await using under = await open()
      const { objectKey, sseKey } = await givenObject(under.objectStore, SECRET)
      const get = await partOf(under.objectStore, objectKey, sseKey, { show, count })
      const answer = await send('GET', get)
      expect(answer.status).toBe(206)
      expect(await answer.text()).toBe(part)
      expect(answer.headers.get('content-disposition')).toBe('attachment')
    })
  }

  test('whoever has URL and key gets no other byte', async () => {
    await using under = await open()
    const { objectKey, sseKey } = await givenObject(under.objectStore, SECRET)
    const get = await partOf(under.objectStore, objectKey, sseKey, { show: 'last', count: 4 })
    const changes: Record<string, string | null>[] = [
      { range: null },
      { 'if-range': null },
      { range: null, 'if-range': null },
      { range: 'bytes=-5' },
      { range: 'bytes=0-' },
      { range: 'bytes=-4,0-9' },
      { range: 'bytes=0-9, bytes=-4' },
      { range: '' },
      { 'if-range': '"another state"' },
      { 'if-range': `${get.headers['if-range']}, "another state"` },
      { 'if-range': 'Thu, 01 Jan 1970 00:00:00 GMT' },
    ]
    for (const change of changes) {
      const answer = await send('GET', get, null, change)
      expect([JSON.stringify(change), answer.status]).toEqual([JSON.stringify(change), 403])
      expect(await answer.text()).not.toContain('1111')
    }
    for (const more of ['&partNumber=1', '&response-content-type=text%2Fplain']) {
      expect((await send('GET', { ...get, url: get.url + more })).ok).toBe(false)
    }
  })

  test('there is no part of what is not there, and none that would be all of it', async () => {
    await using under = await open()
    const { objectKey, sseKey } = await givenObject(under.objectStore, bytes(4))
    const ask = (count: number, show: Mask['show'] = 'last') =>
      under.objectStore.presignPartialGet(objectKey, sseKey, { show, count })
    expect(await ask(4)).toBeNull()
    expect(await ask(64, 'first')).toBeNull()
    expect(await ask(3)).not.toBeNull()
    const missing = under.objectStore.presignPartialGet(newKey(), sseKey, { show: 'last', count: 1 })
    expect(await missing).toBeNull()
  })
}

async function partOf(objectStore: ObjectStore, objectKey: string, sseKey: Uint8Array, shown: Mask) {
  const get = await objectStore.presignPartialGet(objectKey, sseKey, shown)
  if (get === null) throw new Error('There is no such part.')
  return get
}

function lifeRules(open: Open): void {
  test('head tells how long an object is, and that it is not there', async () => {
    await using under = await open()
    const { objectKey, sseKey } = await givenObject(under.objectStore, bytes(4321))
    expect(await under.objectStore.head(objectKey, sseKey)).toEqual({ size: 4321 })
    expect(await under.objectStore.head(newKey(), sseKey)).toBeNull()
  })

  test('head with another key is no answer', async () => {
    await using under = await open()
    const { objectKey } = await givenObject(under.objectStore, bytes(5))
    const look = under.objectStore.head(objectKey, bytes(32))
    await expect(look).rejects.toMatchObject({ code: 'objects_refused' })
  })

  test('delete removes this object, and what is not there is as good as deleted', async () => {
    await using under = await open()
    const { objectKey, sseKey } = await givenObject(under.objectStore, bytes(5))
    const other = await givenObject(under.objectStore, bytes(6))
    await under.objectStore.delete(objectKey)
    await under.objectStore.delete(objectKey)
    await under.objectStore.delete(newKey())
    expect(await under.objectStore.head(objectKey, sseKey)).toBeNull()
    expect(await under.objectStore.head(other.objectKey, other.sseKey)).toEqual({ size: 6 })
    expect((await send('GET', await under.objectStore.presignGet(objectKey, sseKey))).status).toBe(404)
  })

  test('exists needs no key, and knows a name from the beginning of one', async () => {
    await using under = await open()
    const { objectKey } = await givenObject(under.objectStore, bytes(5))
    expect(await under.objectStore.exists(objectKey)).toBe(true)
    expect(await under.objectStore.exists(objectKey.slice(0, -1))).toBe(false)
    expect(await under.objectStore.exists(newKey())).toBe(false)
  })

  test('what the client has encrypted needs no key of the store', async () => {
    await using under = await open()
    const object = { objectKey: newKey(), sseKey: null }
    const content = bytes(99)
    const put = await under.objectStore.presignPut(object.objectKey, null, content.length)
    const get = await under.objectStore.presignGet(object.objectKey, null)
    for (const { headers } of [put, get]) {
      expect(Object.keys(headers).filter((name) => name.startsWith(SSE))).toEqual([])
    }
    expect((await send('PUT', put, content)).status).toBe(200)
    expect((await send('PUT', put, content)).status).toBe(412)
    await expectContent(under.objectStore, object, content)
    expect(await under.objectStore.head(object.objectKey, null)).toEqual({ size: 99 })
  })

  test('ping is content with a store that answers', async () => {
    await using under = await open()
    await expect(under.objectStore.ping()).resolves.toBeUndefined()
  })
}

function listRules(open: Open): void {
  test('objects come in the order of their names, page by page, each once', async () => {
    await using under = await open()
    const { objectStore } = under
    const sizes = new Map<string, number>()
    for (const size of [1, 2, 3]) sizes.set((await givenObject(objectStore, bytes(size))).objectKey, size)
    const gone = await givenObject(objectStore, bytes(4))
    await objectStore.delete(gone.objectKey)
    for (const limit of [1, 2, 3, 5000]) {
      const found = await allObjects(objectStore, limit)
      expect(found.map(({ objectKey }) => objectKey)).toEqual([...sizes.keys()].sort())
      for (const { objectKey, size, modifiedAt } of found) {
        expect(size).toBe(sizes.get(objectKey))
        expect(modifiedAt).toBeGreaterThan(0)
      }
    }
  })

  test('a list goes on after a name, whether it is there or not', async () => {
    await using under = await open()
    const keys = []
    for (const size of [1, 2]) keys.push((await givenObject(under.objectStore, bytes(size))).objectKey)
    const [first = '', second = ''] = keys.sort()
    const after = async (name: string) =>
      (await under.objectStore.list(name, 10)).items.map(({ objectKey }) => objectKey)
    expect(await after(first)).toEqual([second])
    expect(await after(`${first.slice(0, -1)}`)).toEqual([first, second])
    expect(await after(second)).toEqual([])
  })
}

async function allObjects(objectStore: ObjectStore, limit: number) {
  const found = []
  for (let after: string | null = null, more = true; more; more = after !== null) {
    const page: Awaited<ReturnType<ObjectStore['list']>> = await objectStore.list(after, limit)
    expect(page.items.length).toBeLessThanOrEqual(limit)
    found.push(...page.items)
    after = page.next
  }
  return found
}

const UPLOAD = { objectKey: 'v1/00112233445566778899aabbccddeeff', uploadId: 'an-upload' }
const PART = { partNumber: 1, size: 1, etag: '"etag"' }

const CALLS: Record<string, (objectStore: ObjectStore, sseKey: Uint8Array) => Promise<unknown>> = {
  presignPartialGet: (objectStore, sseKey) =>
    objectStore.presignPartialGet(newKey(), sseKey, { show: 'first', count: 1 }),
  head: (objectStore, sseKey) => objectStore.head(newKey(), sseKey),
  exists: (objectStore) => objectStore.exists(newKey()),
  delete: (objectStore) => objectStore.delete(newKey()),
  copy: (objectStore, sseKey) => objectStore.copy({ objectKey: newKey(), sseKey }, newObject()),
  list: (objectStore) => objectStore.list(null, 1),
  beginUpload: (objectStore, sseKey) => objectStore.beginUpload({ objectKey: newKey(), sseKey }),
  listParts: (objectStore) => objectStore.listParts(UPLOAD),
  completeUpload: (objectStore) => objectStore.completeUpload(UPLOAD, [PART]),
  abortUpload: (objectStore) => objectStore.abortUpload(UPLOAD),
  listUploads: (objectStore) => objectStore.listUploads(null, 1),
  ping: (objectStore) => objectStore.ping(),
}

function failureRules(open: Open): void {
  for (const [name, call] of Object.entries(CALLS)) {
    test(`${name} fails with a code, and without a secret, when the store is away or refuses`, async () => {
      await using under = await open()
      const sseKey = bytes(32)
      const failures = [
        ['objects_unreachable', await failureOf(call(under.unreachable, sseKey))],
        ['objects_refused', await failureOf(call(under.unauthorized, sseKey))],
      ] as const
      for (const [code, failure] of failures) {
        expect(failure).toMatchObject({ name: 'PortFailure', code })
        expect(failure.cause).toBeUndefined()
        expect(failure.message).not.toMatch(/\n|v1\/[0-9a-f]{32}|Signature|Credential/)
        expect(failure.message).not.toContain(Buffer.from(sseKey).toString('base64'))
      }
    })
  }
}

async function failureOf(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise
  } catch (error) {
    if (error instanceof Error) return error
  }
  throw new Error('It did not fail.')
}
