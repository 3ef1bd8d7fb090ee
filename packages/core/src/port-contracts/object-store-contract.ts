import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { ObjectStore, Presigned } from '../ports.ts'
import { bytes } from './sample-rows.ts'

/** An object store, as an adapter's test hands it to the suite. */
export interface ObjectStoreUnderTest extends AsyncDisposable {
  readonly objectStore: ObjectStore
  /** The same store, of which nobody is at home. */
  readonly unreachable: ObjectStore
  /** The same store, reached with credentials that it does not know. */
  readonly unauthorized: ObjectStore
}

type Open = () => Promise<ObjectStoreUnderTest>

/** What every adapter of the port `ObjectStore` must do; the objects travel over HTTP, as a browser sends them. */
export function objectStoreContract(name: string, open: Open): void {
  describe(`${name} is an ObjectStore`, () => {
    describe('uploads', () => uploadRules(open))
    describe('downloads', () => downloadRules(open))
    describe('looking and deleting', () => lifeRules(open))
    describe('failures', () => failureRules(open))
  })
}

const newKey = () => `v1/${randomBytes(16).toString('hex')}`

/** Sends what the presigned request asks for. `host` and `content-length` are set by the client itself. */
function send(
  method: string,
  { url, headers }: Presigned,
  body: Uint8Array | null = null,
  changes: Record<string, string | null> = {},
): Promise<Response> {
  const { host: _, 'content-length': __, ...rest } = headers
  const sent = Object.entries({ ...rest, ...changes }).filter(
    (pair): pair is [string, string] => pair[1] !== null,
  )
  return fetch(url, { method, headers: sent, ...(body === null ? {} : { body: new Uint8Array(body) }) })
}

/** An object that is there. */
async function givenObject(objectStore: ObjectStore, content: Uint8Array) {
  const [objectKey, sseKey] = [newKey(), bytes(32)]
  const put = await objectStore.presignPut(objectKey, sseKey, content.length)
  expect((await send('PUT', put, content)).status).toBe(200)
  return { objectKey, sseKey, put }
}

const SSE = 'x-amz-server-side-encryption-customer-'

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

  test('ping is content with a store that answers', async () => {
    await using under = await open()
    await expect(under.objectStore.ping()).resolves.toBeUndefined()
  })
}

const CALLS: Record<string, (objectStore: ObjectStore, sseKey: Uint8Array) => Promise<unknown>> = {
  head: (objectStore, sseKey) => objectStore.head(newKey(), sseKey),
  delete: (objectStore) => objectStore.delete(newKey()),
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
