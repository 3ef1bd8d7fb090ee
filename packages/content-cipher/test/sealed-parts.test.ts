import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { keysForParts, openWhole, sealedLength, sealedPiece, valueRangeOf } from '../src/index.ts'

const secret = {
  contentKey: randomBytes(32),
  token: 'lunasec-2b58d9b2-83c1-4e9b-9692-b149112810c8',
}
const keys = await keysForParts(secret)

function seekable(bytes: Uint8Array) {
  const asked: [number, number][] = []
  const read = async (start: number, end: number) => {
    asked.push([start, end])
    return bytes.subarray(start, end)
  }
  return { value: { length: bytes.length, read }, asked }
}

async function piece(bytes: Uint8Array, start: number, end: number): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const each of sealedPiece(keys, seekable(bytes).value, start, end)) pieces.push(each)
  return Buffer.concat(pieces)
}

describe.each([0, 1, 1016, 1017, 16_376, 16_377, 100_000, 3_000_000])('a value of %i bytes', (length) => {
  const bytes = randomBytes(length)
  const whole = sealedLength(length)

  test('in one piece is the object that opens', async () => {
    const object = await piece(bytes, 0, whole)
    expect(object).toHaveLength(whole)
    expect(Buffer.from(await openWhole(secret, object)).equals(bytes)).toBe(true)
  })

  test('is the same object in pieces of any size, in any order, made again', async () => {
    const object = await piece(bytes, 0, whole)
    for (const size of [Math.ceil(whole / 3), Math.ceil(whole / 7) + 13]) {
      const starts = Array.from({ length: Math.ceil(whole / size) }, (_, index) => index * size).reverse()
      for (const start of starts) {
        const end = Math.min(start + size, whole)
        expect((await piece(bytes, start, end)).equals(object.subarray(start, end))).toBe(true)
      }
    }
  })
})

test('a piece is made of what valueRangeOf says, and of nothing else', async () => {
  const bytes = randomBytes(1_000_000)
  const whole = sealedLength(bytes.length)
  for (const [start, end] of [
    [0, 10],
    [50, 70],
    [400_000, 500_000],
    [900_000, whole],
  ] as const) {
    const { value, asked } = seekable(bytes)
    for await (const _ of sealedPiece(keys, value, start, end));
    const range = valueRangeOf(bytes.length, start, end)
    expect(Math.min(...asked.map(([from]) => from), range.end)).toBe(range.start)
    expect(Math.max(...asked.map(([, to]) => to), range.start)).toBe(range.end)
  }
})

test('two objects of one value have nothing in common', async () => {
  const other = await keysForParts(secret)
  expect(Buffer.from(other.salt).equals(Buffer.from(keys.salt))).toBe(false)
  expect(other.key.extractable).toBe(false)
})
