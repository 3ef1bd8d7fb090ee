import { createHash, randomBytes } from 'node:crypto'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { DamagedFile, type RunningObjectStore, startObjectStore } from '@lunadefend/object-store'
import { openS3 } from '@lunadefend/stores/s3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openObjectDirectory } from '../../../packages/object-store/src/object-directory.ts'
import { openSealedFile } from '../../../packages/object-store/src/sealed-file.ts'
import { scratch } from '../../harness/directory.ts'
import { filesBelow } from '../../harness/leaks.ts'
import { sendable } from '../../harness/store.ts'

/*
 * Every bit of the file in which the embedded store keeps an object, flipped one by one; it is read with the right key.
 * No byte comes out that was not stored.
 */

const CHUNK = 65_536
const place = { region: 'us-east-1', bucket: 'values' } as const
const credentials = { accessKeyId: 'LDTEST', secretAccessKey: 'a secret for this test' }

const masterKey = randomBytes(32)

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
    masterKey,
  })
})
afterAll(async () => {
  agent.destroy()
  await store[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

interface Stored {
  readonly name: string
  readonly body: Buffer
  readonly file: string
  readonly bytes: Buffer
  get(): Promise<Received>
}

/** What a reader gets: all of it, or less with a sign that it is not all. */
interface Received {
  readonly whole: boolean
  readonly body: Buffer
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
  const get = async () => {
    const { url, headers } = await s3.presignGet(name, key)
    return receive(url, sendable(headers))
  }
  return { name, body, file, bytes: readFileSync(file), get }
}

function objectFiles(): string[] {
  const directory = join(folder.path, 'objects')
  return filesBelow(directory)
    .filter((file) => file.startsWith('objects/'))
    .map((file) => join(directory, file))
}

const agent = new Agent({ keepAlive: true })

function receive(url: string, headers: Record<string, string>): Promise<Received> {
  const { promise, resolve } = Promise.withResolvers<Received>()
  const chunks: Uint8Array[] = []
  const end = (whole: boolean) => resolve({ whole, body: Buffer.concat(chunks) })
  const asked = request(url, { headers, agent }, (answer) => {
    const ok = answer.statusCode === 200
    answer.on('data', (chunk) => ok && chunks.push(chunk))
    answer.on('end', () => end(ok && answer.complete))
    answer.on('error', () => end(false))
  })
  asked.on('error', () => end(false))
  asked.end()
  return promise
}

async function expectRefused(stored: Stored, what: string): Promise<void> {
  const got = await stored.get()
  expect(got.whole, what).toBe(false)
  // Chunks before the damaged one may have been on their way.
  expect(stored.body.subarray(0, got.body.length).equals(got.body), what).toBe(true)
}

/** Reads an object as the store does, without its HTTP; `null` = refused. */
async function directReader({ name }: Stored, secret: Buffer): Promise<() => Promise<Buffer | null>> {
  const directory = await openObjectDirectory(join(folder.path, 'objects'), masterKey)
  return async () => {
    try {
      const opened = await directory.open({ bucket: place.bucket, key: name })
      if (opened === null) return null
      await using handle = opened.handle
      const lock = { protection: 'customer', secret, name: { bucket: place.bucket, key: name } } as const
      const sealed = await openSealedFile(handle, lock)
      if (sealed === null) return null
      const chunks: Uint8Array[] = []
      for await (const chunk of sealed.read(0, sealed.description.size - 1)) chunks.push(chunk)
      return Buffer.concat(chunks)
    } catch (error) {
      if (error instanceof DamagedFile) return null
      throw error
    }
  }
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
  test('with every bit flipped: refused by what reads it', async () => {
    const key = randomBytes(32)
    const stored = await put(11, key)
    const read = await directReader(stored, key)
    expect(await read()).toEqual(stored.body)
    for (let bit = 0; bit < stored.bytes.length * 8; bit++) {
      flip(stored, bit)
      expect(await read(), `bit ${bit}`).toBeNull()
    }
    await expectIntact(stored)
  })

  test.each([
    ['a key of the client', randomBytes(32)],
    ["the store's own key", null],
  ])('with a bit of each byte flipped, under %s: refused by the store', async (_what, key) => {
    const stored = await put(11, key)
    await expectIntact(stored)
    for (let byte = 0; byte < stored.bytes.length; byte++) {
      flip(stored, byte * 8 + (byte % 8))
      await expectRefused(stored, `byte ${byte}`)
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
