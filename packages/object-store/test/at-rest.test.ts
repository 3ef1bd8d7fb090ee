import { randomBytes } from 'node:crypto'
import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { DamagedFile } from '@lunadefend/object-store'
import { describe, expect, test } from 'vitest'
import {
  call,
  credentials,
  filesOf,
  masterKey,
  onlyObject,
  presigned,
  send,
  sse,
  startTestStore,
  type TestStore,
} from './harness.ts'

const CHUNK = 65_536
/** Where the content begins. */
const START = 81
const VALUE = 'ssn 078-05-1120 of Hilda Schrader Whitcher'

/** The spellings in which a text could lie on a disk; base64 in its three alignments, without the ends that depend on neighbours. */
function spellings(bytes: Buffer): Buffer[] {
  const text = bytes.toString('latin1')
  const base64 = [0, 1, 2].map((shift) =>
    Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .slice(4, -4),
  )
  const utf16 = Buffer.from(text, 'utf16le')
  const texts = [
    ...base64,
    ...base64.map((each) => each.replaceAll('+', '-').replaceAll('/', '_')),
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
  ]
  return [bytes, utf16, Buffer.from(utf16).swap16(), ...texts.map((each) => Buffer.from(each))]
}

async function findOnDisk(directory: string, secret: Buffer): Promise<string[]> {
  const found: string[] = []
  for (const path of await filesOf(directory)) {
    const content = Buffer.concat([await readFile(path), Buffer.from(path)])
    if (spellings(secret).some((spelling) => content.includes(spelling))) found.push(path)
  }
  return found
}

describe('the disk', () => {
  test('holds no value, no header, no key and no name', async () => {
    await using store = await startTestStore()
    const key = randomBytes(32)
    const headers = { ...sse(key), 'x-amz-meta-note': `note: ${VALUE}` }
    const name = 'v1/name-of-an-object'
    const body = `${'x'.repeat(CHUNK - 10)}${VALUE}${VALUE}`
    expect((await call(store, 'PUT', name, { headers, body })).status).toBe(200)
    const { 'x-amz-meta-note': note, ...get } = headers
    expect((await call(store, 'GET', name, { headers: get })).body.toString()).toBe(body)
    expect((await call(store, 'PUT', 'plain', { headers: { 'x-amz-meta-note': note }, body })).status).toBe(
      200,
    )
    expect(await filesOf(store.directory, 'objects')).toHaveLength(2)
    const secrets = [
      Buffer.from(VALUE),
      key,
      masterKey,
      Buffer.from(credentials.secretAccessKey),
      Buffer.from('name-of-an-object'),
      Buffer.from('x'.repeat(64)),
    ]
    for (const secret of secrets) expect(await findOnDisk(store.directory, secret)).toEqual([])
  })

  test('would be found out if it held one', async () => {
    await using store = await startTestStore()
    for (const [i, spelling] of spellings(Buffer.from(VALUE)).entries()) {
      const path = `${store.directory}/planted-${i}`
      await writeFile(path, Buffer.concat([randomBytes(100 + i), spelling, randomBytes(100)]))
      expect(await findOnDisk(store.directory, Buffer.from(VALUE))).toEqual([path])
      await rm(path)
    }
  })

  test('the same object twice is two different files', async () => {
    await using store = await startTestStore()
    const headers = sse()
    await call(store, 'PUT', 'key', { headers, body: VALUE })
    const first = await onlyObject(store)
    await call(store, 'PUT', 'key', { headers, body: VALUE })
    const second = await onlyObject(store)
    expect(second.path).toBe(first.path)
    expect(second.bytes.length).toBe(first.bytes.length)
    expect(second.bytes.subarray(9, 105).equals(first.bytes.subarray(9, 105))).toBe(false)
    expect(second.bytes.subarray(-32).equals(first.bytes.subarray(-32))).toBe(false)
  })

  test('files are for their owner alone', async () => {
    await using store = await startTestStore()
    await call(store, 'PUT', 'key', { body: VALUE })
    for (const path of await filesOf(store.directory)) expect((await stat(path)).mode & 0o777).toBe(0o600)
  })
})

describe.each([
  ['with a customer key', sse()],
  ['without one', {}],
])('a file that was changed, %s, is refused', (_, headers) => {
  async function stored(store: TestStore, body: string | Uint8Array, name = 'key') {
    expect((await call(store, 'PUT', name, { headers, body })).status).toBe(200)
  }
  const get = (store: TestStore, name = 'key', unsigned = {}) =>
    call(store, 'GET', name, { headers, unsigned })

  /** What comes before an answer breaks off, or the whole answer. */
  async function bytesBeforeTheEnd(
    store: TestStore,
  ): Promise<{ broken: boolean; status: number; bytes: Buffer }> {
    const response = await fetch(presigned(store, 'GET', 'key', { headers }), { headers: { ...headers } })
    const pieces: Uint8Array[] = []
    try {
      for await (const piece of response.body ?? []) pieces.push(piece)
      return { broken: false, status: response.status, bytes: Buffer.concat(pieces) }
    } catch {
      return { broken: true, status: response.status, bytes: Buffer.concat(pieces) }
    }
  }

  test('at any bit', async () => {
    await using store = await startTestStore()
    await stored(store, VALUE)
    const { path, bytes } = await onlyObject(store)
    const isContent = (i: number) => i >= START && i < START + VALUE.length + 16
    for (let i = 0; i < bytes.length; i += 1) {
      const changed = Buffer.from(bytes)
      changed[i] = (changed[i] ?? 0) ^ (1 << (i % 8))
      await writeFile(path, changed)
      const answer = await get(store)
      expect([400, 403, 500]).toContain(answer.status)
      expect(answer.code).not.toBeNull()
      const head = await call(store, 'HEAD', 'key', { headers })
      // HEAD reads all but the object's own bytes.
      if (!isContent(i)) expect(head.status).not.toBe(200)
    }
    expect(store.failures.every((failure) => failure instanceof DamagedFile)).toBe(true)
    await writeFile(path, bytes)
    expect((await get(store)).body.toString()).toBe(VALUE)
  })

  test('by cutting off or adding', async () => {
    await using store = await startTestStore()
    await stored(store, randomBytes(3 * CHUNK))
    const { path, bytes } = await onlyObject(store)
    const sealed = CHUNK + 16
    const lengths = [
      0,
      1,
      8,
      76,
      START,
      100,
      START + sealed,
      START + 2 * sealed,
      START + 3 * sealed,
      bytes.length - 16,
      bytes.length - 1,
    ]
    for (const length of lengths) {
      await writeFile(path, bytes.subarray(0, length))
      expect([(await get(store)).status, (await get(store, 'key', { range: 'bytes=0-0' })).status]).toEqual([
        500, 500,
      ])
    }
    for (const more of [Buffer.alloc(1), Buffer.alloc(sealed), bytes.subarray(-sealed)]) {
      await writeFile(path, Buffer.concat([bytes, more]))
      expect((await get(store)).status).toBe(500)
    }
    await writeFile(path, '')
    expect((await get(store)).code).toBe('InternalError')
  })

  test('by cutting an empty object', async () => {
    await using store = await startTestStore()
    await stored(store, '')
    const { path, bytes } = await onlyObject(store)
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
    await writeFile(path, bytes)
    expect((await get(store)).code).toBe('InternalError')
    await writeFile(path, bytes.subarray(0, -16))
    expect((await get(store)).code).toBe('InternalError')
  })

  test('by moving its parts', async () => {
    await using store = await startTestStore()
    const body = randomBytes(3 * CHUNK)
    await stored(store, body)
    const { path, bytes } = await onlyObject(store)
    const sealed = CHUNK + 16
    const part = (i: number) => bytes.subarray(START + i * sealed, START + (i + 1) * sealed)
    const rest = bytes.subarray(START + 3 * sealed)
    for (const order of [
      [1, 0, 2],
      [0, 2, 1],
      [0, 0, 2],
      [2, 1, 2],
    ]) {
      await writeFile(path, Buffer.concat([bytes.subarray(0, START), ...order.map(part), rest]))
      const answer = await bytesBeforeTheEnd(store)
      expect(answer.broken || answer.status === 500).toBe(true)
      // Whatever was sent before the damage was found is what was stored.
      if (answer.status === 200) expect(body.subarray(0, answer.bytes.length).equals(answer.bytes)).toBe(true)
    }
    expect(store.failures.length).toBe(4)
  })

  test('in its middle, after what is before was sent, and in ranges that touch it', async () => {
    await using store = await startTestStore()
    const body = randomBytes(3 * CHUNK)
    await stored(store, body)
    const { path, bytes } = await onlyObject(store)
    const middle = START + (CHUNK + 16) + 5
    bytes[middle] = (bytes[middle] ?? 0) ^ 1
    await writeFile(path, bytes)
    const answer = await bytesBeforeTheEnd(store)
    expect([answer.status, answer.broken]).toEqual([200, true])
    expect(answer.bytes.length).toBeLessThanOrEqual(CHUNK)
    expect((await get(store, 'key', { range: `bytes=${CHUNK}-${CHUNK}` })).code).toBe('InternalError')
    const before = await get(store, 'key', { range: `bytes=10-${CHUNK - 1}` })
    expect(before.body.equals(body.subarray(10, CHUNK))).toBe(true)
    const after = await get(store, 'key', { range: 'bytes=-10' })
    expect(after.body.equals(body.subarray(-10))).toBe(true)
  })

  test('by moving it to another name, or an older part into a newer file', async () => {
    await using store = await startTestStore()
    await stored(store, 'first')
    const first = await onlyObject(store)
    await rename(first.path, `${store.directory}/aside`)
    await stored(store, 'other', 'other')
    const other = await onlyObject(store)
    await writeFile(other.path, first.bytes)
    expect([403, 500]).toContain((await get(store, 'other')).status)
    await writeFile(
      other.path,
      Buffer.concat([
        other.bytes.subarray(0, START),
        first.bytes.subarray(START, START + 21),
        other.bytes.subarray(START + 21),
      ]),
    )
    expect((await get(store, 'other')).status).toBe(500)
    await writeFile(other.path, other.bytes)
    expect((await get(store, 'other')).body.toString()).toBe('other')
  })
})

describe('a store', () => {
  test('with another master key does not start, and changes nothing', async () => {
    await using store = await startTestStore()
    await call(store, 'PUT', 'key', { body: VALUE })
    await store.running.close()
    const wrong = startTestStore({ directory: store.directory, masterKey: randomBytes(32) })
    await expect(wrong).rejects.toMatchObject({ code: 'wrong_master_key' })
    await using again = await startTestStore({ directory: store.directory })
    expect((await call(again, 'GET', 'key')).body.toString()).toBe(VALUE)
  })

  test.each([
    '',
    'something else',
    `lunadefend-objects/1\n${'0'.repeat(64)}\n`,
    `lunadefend-objects/2\n${'0'.repeat(63)}\n`,
  ])('over the format %j does not start', async (format) => {
    await using store = await startTestStore()
    await store.running.close()
    await writeFile(`${store.directory}/format`, format)
    const start = startTestStore({ directory: store.directory })
    await expect(start).rejects.toMatchObject({ code: 'unknown_format' })
    await rm(`${store.directory}/format`)
    await expect(startTestStore({ directory: store.directory })).rejects.toMatchObject({
      code: 'unknown_format',
    })
  })

  test('that starts again has its objects, and none of what was left half-written', async () => {
    await using store = await startTestStore()
    const headers = sse()
    await call(store, 'PUT', 'key', { headers, body: VALUE })
    await store.running.close()
    await writeFile(`${store.directory}/temporary/left-over`, 'half')
    await using again = await startTestStore({ directory: store.directory })
    expect(await filesOf(store.directory, 'temporary')).toEqual([])
    expect((await call(again, 'GET', 'key', { headers })).body.toString()).toBe(VALUE)
    expect((await filesOf(store.directory)).map((path) => basename(path))).toContain('format')
  })

  test('whose file is gone says that there is no such key', async () => {
    await using store = await startTestStore()
    await call(store, 'PUT', 'key', { body: VALUE })
    await rm((await onlyObject(store)).path)
    expect((await send({ method: 'GET', url: presigned(store, 'GET', 'key') })).code).toBe('NoSuchKey')
  })
})
