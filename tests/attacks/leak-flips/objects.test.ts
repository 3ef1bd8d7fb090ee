import { createHash, randomBytes } from 'node:crypto'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type RunningObjectStore, startObjectStore } from '@lunadefend/object-store'
import { openS3 } from '@lunadefend/stores/s3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { scratch } from '../../harness/directory.ts'
import { filesBelow } from '../../harness/leaks.ts'

/*
 * Every bit of the file in which the embedded store keeps an object, flipped one by one; the store is asked over S3,
 * with the right key. It never gives out a byte that was not stored.
 */

const CHUNK = 65_536
const place = { region: 'us-east-1', bucket: 'values' } as const
const credentials = { accessKeyId: 'LDTEST', secretAccessKey: 'a secret for this test' }

const folder = scratch()
let store: RunningObjectStore
beforeAll(async () => {
  const directory = join(folder.path, 'objects')
  store = await startObjectStore({
    ...place,
    directory,
    port: 0,
    credentials,
    corsOrigins: [],
    masterKey: randomBytes(32),
  })
})
afterAll(async () => {
  await store[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

interface Stored {
  readonly body: Buffer
  readonly file: string
  readonly bytes: Buffer
  /** What a reader gets: all of it, or less with a sign that it is not all. */
  get(): Promise<{ readonly whole: boolean; readonly body: Buffer }>
}

async function put(size: number, key: Buffer | null): Promise<Stored> {
  const s3 = openS3({
    ...place,
    endpoint: store.url,
    addressing: 'path',
    credentials,
    clock: { now: () => Date.now() },
  })
  const name = `v1/${randomBytes(16).toString('hex')}`
  const body = randomBytes(size)
  const before = new Set(objectFiles())
  const upload = await s3.presignPut(name, key, size)
  expect((await fetch(upload.url, { method: 'PUT', headers: sendable(upload.headers), body })).status).toBe(
    200,
  )
  const [file = ''] = objectFiles().filter((file) => !before.has(file))
  const { url, headers } = await s3.presignGet(name, key)
  const bytes = readFileSync(file)
  return { body, file, bytes, get: () => receive(url, sendable(headers)) }
}

function objectFiles(): string[] {
  const directory = join(folder.path, 'objects')
  return filesBelow(directory)
    .filter((file) => file.startsWith('objects/'))
    .map((file) => join(directory, file))
}

function sendable({ host: _host, 'content-length': _length, ...rest }: Readonly<Record<string, string>>) {
  return rest
}

async function receive(url: string, headers: Record<string, string>) {
  const chunks: Uint8Array[] = []
  const answer = await fetch(url, { headers }).catch(() => null)
  if (!answer?.ok) {
    await answer?.body?.cancel()
    return { whole: false, body: Buffer.alloc(0) }
  }
  try {
    for await (const chunk of answer.body ?? []) chunks.push(chunk)
    return { whole: true, body: Buffer.concat(chunks) }
  } catch {
    return { whole: false, body: Buffer.concat(chunks) }
  }
}

async function expectRefused(stored: Stored, what: string): Promise<void> {
  const got = await stored.get()
  expect(got.whole, what).toBe(false)
  // Chunks before the damaged one may have been on their way.
  expect(stored.body.subarray(0, got.body.length).equals(got.body), what).toBe(true)
}

function flip({ file, bytes }: Stored, bit: number): void {
  const copy = Buffer.from(bytes)
  copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7))
  writeFileSync(file, copy)
}

async function expectIntact(stored: Stored): Promise<void> {
  writeFileSync(stored.file, stored.bytes)
  expect(await stored.get()).toEqual({ whole: true, body: stored.body })
}

describe('the file of an object', () => {
  test.each([
    ['every bit flipped, under a key of the client', randomBytes(32), 1],
    ["a bit of each byte flipped, under the store's own key", null, 9],
  ])('with %s: refused', async (_what, key, step) => {
    const stored = await put(11, key)
    await expectIntact(stored)
    for (let bit = 0; bit < stored.bytes.length * 8; bit += step) {
      flip(stored, bit)
      await expectRefused(stored, `bit ${bit}`)
    }
    await expectIntact(stored)
  })

  test('of several chunks, at every kind of place: refused', async () => {
    const stored = await put(2 * CHUNK + 1000, randomBytes(32))
    await expectIntact(stored)
    const last = stored.bytes.length - 1
    const places = [
      ...Array.from({ length: 60 }, (_, index) => Math.floor((index * last) / 60)),
      ...[0, 1, 2].flatMap((chunk) =>
        [-20, -17, -16, -15, -1, 0, 1].map((near) => last - (2 - chunk) * (CHUNK + 16) + near),
      ),
    ]
    for (const place of places.filter((place) => place >= 0 && place <= last)) {
      flip(stored, place * 8 + (place % 8))
      await expectRefused(stored, `byte ${place}`)
    }
    await expectIntact(stored)
  })

  test('cut off, made longer, emptied: refused', async () => {
    const stored = await put(CHUNK + 10, randomBytes(32))
    const { bytes, file } = stored
    const changed = [
      ...[1, 16, 26, 27, CHUNK].map((less) => bytes.subarray(0, -less)),
      Buffer.concat([bytes, Buffer.alloc(1)]),
      Buffer.concat([bytes, bytes.subarray(-26)]),
      Buffer.alloc(0),
    ]
    for (const [index, other] of changed.entries()) {
      writeFileSync(file, other)
      await expectRefused(stored, `change ${index}`)
    }
    await expectIntact(stored)
  })

  test("in another object's place: refused, even under one key", async () => {
    const key = randomBytes(32)
    const [one, two] = [await put(11, key), await put(11, key)]
    copyFileSync(two.file, one.file)
    await expectRefused(one, 'the file of another')
    await expectIntact(one)
    expect(createHash('sha256').update(one.body).digest()).not.toEqual(
      createHash('sha256').update(two.body).digest(),
    )
  })
})
