import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type ContentSecret,
  opening,
  openWhole,
  paddedLength,
  sealedLength,
  sealing,
  sealWhole,
} from '../src/index.ts'
import { CHUNK_BYTES } from '../src/lengths.ts'
import { decryptOther, encryptOther, padOther } from './other-implementation.ts'
import { streamed } from './sample-bytes.ts'

const token = 'lunasec-123e4567-e89b-42d3-a456-426614174000'
const secret: ContentSecret = { contentKey: randomBytes(32), token }
const context = Buffer.from(`lunadefend/v1/e2e\0${token}`)
const damaged = expect.objectContaining({ name: 'ContentError', code: 'content_damaged' })
const bytesOf = (stream: ReadableStream) =>
  new Response(stream).arrayBuffer().then((bytes) => Buffer.from(bytes))

/** Lengths of values whose padded form ends next to the border of a bucket or of a chunk. */
const border = fc
  .tuple(fc.constantFrom(1, 2, 4, 8, 16, 17, 31, 32, 33, 48, 64), fc.integer({ min: -9, max: 3 }))
  .map(([kilobytes, off]) => kilobytes * 1024 - 8 + off)

test('law: what goes in comes out, at every border, however it is cut; its length is known beforehand', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(border, fc.nat(3000)),
      fc.integer({ min: 100, max: 40_000 }),
      async (length, size) => {
        const value = randomBytes(length)
        const object = await bytesOf(streamed(value, size).pipeThrough(sealing(secret, length)))
        expect(object.length).toBe(sealedLength(length))
        expect((await bytesOf(streamed(object, size).pipeThrough(opening(secret)))).equals(value)).toBe(true)
        expect(Buffer.from(await openWhole(secret, await sealWhole(secret, value))).equals(value)).toBe(true)
      },
    ),
    { numRuns: 80 },
  )
})

test('law: another implementation, given the padding, reads and writes the same', async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(border, fc.nat(3000)), async (length) => {
      const value = randomBytes(length)
      const padded = padOther(value, paddedLength(length))
      expect(decryptOther(secret.contentKey, context, await sealWhole(secret, value)).equals(padded)).toBe(
        true,
      )
      const theirs = encryptOther(secret.contentKey, context, randomBytes(24), padded)
      expect(Buffer.from(await openWhole(secret, theirs)).equals(value)).toBe(true)
    }),
    { numRuns: 40 },
  )
})

test.each([
  '',
  '0',
  '0.10',
  'false',
  '\0',
  '\0\0\0',
  'x\0',
  '\u0080',
  '😀',
  '\ufeffbom',
  'é',
  'שלום',
  '9007199254740993',
])('the text %j comes back as it was', async (text) => {
  const value = new TextEncoder().encode(text)
  expect(await openWhole(secret, await sealWhole(secret, value))).toEqual(value)
})

test('every value of up to 1016 bytes looks alike, whatever is in it', async () => {
  const lengths = await Promise.all(
    [0, 1, 11, 300, 1015, 1016].map(
      async (length) => (await sealWhole(secret, new Uint8Array(length))).length,
    ),
  )
  expect(new Set(lengths)).toEqual(new Set([56 + 1024 + 16]))
  expect((await sealWhole(secret, new Uint8Array(1017))).length).toBe(56 + 2048 + 16)
})

describe('a small object', async () => {
  const object = Buffer.from(await sealWhole(secret, new TextEncoder().encode('078-05-1120')))

  test('is refused when any one bit is another one', async () => {
    const bits = Array.from({ length: object.length * 8 }, (_, bit) => bit)
    const refused = await Promise.all(
      bits.map(async (bit) => {
        const bad = Buffer.from(object)
        bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        return openWhole(secret, bad).then(
          () => 'opened',
          (error) => error.code,
        )
      }),
    )
    expect(refused.length).toBe(object.length * 8)
    expect(new Set(refused)).toEqual(new Set(['content_damaged']))
  })

  test('is refused when it is cut off after any byte, and then shows nothing', async () => {
    for (let length = 0; length < object.length; length += 1) {
      const seen: Uint8Array[] = []
      const sink = new WritableStream<Uint8Array>({ write: (piece) => void seen.push(piece) })
      const reading = streamed(object.subarray(0, length)).pipeThrough(opening(secret)).pipeTo(sink)
      await expect(reading).rejects.toEqual(damaged)
      expect(seen).toEqual([])
    }
  })

  test.each([1, 16, 1000, 16_400, 40_000])('is refused with %i bytes behind it', async (count) => {
    const bad = Buffer.concat([object, Buffer.alloc(count)])
    await expect(openWhole(secret, bad)).rejects.toEqual(damaged)
  })

  test('is refused under another token and under another key', async () => {
    const other = 'lunasec-123e4567-e89b-42d3-a456-426614174001'
    await expect(openWhole({ ...secret, token: other }, object)).rejects.toEqual(damaged)
    await expect(openWhole({ ...secret, contentKey: randomBytes(32) }, object)).rejects.toEqual(damaged)
    await expect(openWhole({ ...secret, contentKey: new Uint8Array(0) }, object)).rejects.toThrow()
  })
})

test('a large object that is cut off is an error, although its beginning came out', async () => {
  const value = randomBytes(5 * CHUNK_BYTES)
  const object = await sealWhole(secret, value)
  const seen: Uint8Array[] = []
  const sink = new WritableStream<Uint8Array>({ write: (piece) => void seen.push(piece) })
  const cut = object.subarray(0, 56 + 3 * (CHUNK_BYTES + 16))
  await expect(streamed(cut).pipeThrough(opening(secret)).pipeTo(sink)).rejects.toEqual(damaged)
  expect(Buffer.concat(seen).equals(value.subarray(0, 3 * CHUNK_BYTES - 8))).toBe(true)
})

describe('padding', () => {
  const sealRaw = (padded: Buffer) => encryptOther(secret.contentKey, context, randomBytes(24), padded)
  const withLength = (padded: Buffer, length: bigint) => {
    padded.writeBigUInt64BE(length)
    return padded
  }

  test('that is right is opened: the cases below differ in one thing each', async () => {
    expect((await openWhole(secret, sealRaw(withLength(Buffer.alloc(1024), 5n)))).length).toBe(5)
  })

  test.each([
    ['no length', Buffer.alloc(0)],
    ['half a length', Buffer.alloc(7)],
    ['a length and nothing else', Buffer.alloc(8)],
    ['too little', withLength(Buffer.alloc(1023), 5n)],
    ['too much', withLength(Buffer.alloc(1025), 5n)],
    ['the padding of a longer value', withLength(Buffer.alloc(2048), 5n)],
    ['a value that fills its bucket, but for one byte', withLength(Buffer.alloc(1023), 1016n)],
    ['a value that is longer than all there is', withLength(Buffer.alloc(1024), 1017n)],
    ['a value of more bytes than can be counted', withLength(Buffer.alloc(1024), 2n ** 64n - 1n)],
    ['something other than zeros', withLength(Buffer.alloc(1024).fill(1, 1000), 5n)],
    ['one bit at its very end', withLength(Buffer.alloc(1024).fill(1, 1023), 5n)],
  ])('is refused, even from who has the key: %s', async (_, padded) => {
    await expect(openWhole(secret, sealRaw(padded))).rejects.toEqual(damaged)
  })

  test.each([
    [10, 9],
    [10, 11],
    [0, 1],
    [1, 0],
  ])('%i bytes that were said to be %i are an error', async (actual, said) => {
    const object = bytesOf(streamed(new Uint8Array(actual)).pipeThrough(sealing(secret, said)))
    await expect(object).rejects.toEqual(expect.objectContaining({ code: 'content_length' }))
  })
})

describe('streams', () => {
  test('make a piece when they are asked for one: the rest of 64 MiB is not even read', async () => {
    let produced = 0
    const source = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          produced += 1
          controller.enqueue(new Uint8Array(CHUNK_BYTES))
        },
      },
      { highWaterMark: 0 },
    )
    const reader = source.pipeThrough(sealing(secret, 4096 * CHUNK_BYTES)).getReader()
    for (let pieces = 0; pieces < 10; pieces += 1) await reader.read()
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(produced).toBeLessThan(20)
    await reader.cancel()
  })

  test('whoever stops reading stops the source', async () => {
    let cancelled = false
    const object = await sealWhole(secret, randomBytes(10 * CHUNK_BYTES))
    const spied = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(object),
      cancel() {
        cancelled = true
      },
    })
    const out = spied.pipeThrough(opening(secret)).getReader()
    await out.read()
    await out.cancel()
    await expect.poll(() => cancelled).toBe(true)
  })

  test.each(['before the first byte', 'in the middle'])('also when the source hangs %s', async (when) => {
    let cancelled = false
    const object = await sealWhole(secret, randomBytes(3 * CHUNK_BYTES))
    const hanging = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(object.subarray(0, when === 'in the middle' ? 20_000 : 0)),
      pull: () => new Promise(() => {}),
      cancel() {
        cancelled = true
      },
    })
    const out = hanging.pipeThrough(opening(secret)).getReader()
    if (when === 'in the middle') await out.read()
    const waiting = out.read()
    await out.cancel()
    expect((await waiting).done).toBe(true)
    await expect.poll(() => cancelled).toBe(true)
  })

  test('an error of the source arrives as it is', async () => {
    const broken = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new TypeError('cut')),
    })
    await expect(bytesOf(broken.pipeThrough(opening(secret)))).rejects.toThrow(TypeError)
  })
})
