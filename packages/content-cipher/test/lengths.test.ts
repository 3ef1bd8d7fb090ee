import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encryptedLength, paddedLength, sealedLength } from '../src/index.ts'

const KiB = 1024

test.each([
  [0, KiB],
  [1016, KiB],
  [1017, 2 * KiB],
  [2040, 2 * KiB],
  [2041, 4 * KiB],
  [8 * KiB - 8, 8 * KiB],
  [8 * KiB - 7, 16 * KiB],
  [16 * KiB - 8, 16 * KiB],
  // Padmé: steps of 1 KiB from here, 2 KiB from 32 KiB, 32 MiB at 1 GiB.
  [16 * KiB - 7, 17 * KiB],
  [32 * KiB - 8, 32 * KiB],
  [32 * KiB - 7, 34 * KiB],
  [KiB ** 3 - 8, KiB ** 3],
  [KiB ** 3 - 7, KiB ** 3 + 32 * KiB ** 2],
])('a value of %i bytes is padded to %i', (length, padded) => {
  expect(paddedLength(length)).toBe(padded)
})

test.each([
  [0, 72],
  [16_383, 16_455],
  [16_384, 16_472],
  [16_385, 16_473],
  [40_000, 40_104],
])('%i bytes are %i when they are encrypted', (plain, encrypted) => {
  expect(encryptedLength(plain)).toBe(encrypted)
})

const FIVE_TB = 5 * KiB ** 4

test('law: the value fits, longer values never take less room, and no more than half of it or 6.25 % is added', () => {
  const length = fc.oneof(fc.nat(70_000), fc.integer({ min: 0, max: FIVE_TB }))
  fc.assert(
    fc.property(length, (value) => {
      const padded = paddedLength(value)
      expect(Number.isSafeInteger(sealedLength(value))).toBe(true)
      expect(padded).toBeGreaterThanOrEqual(value + 8)
      expect(paddedLength(value + 1)).toBeGreaterThanOrEqual(padded)
      // The longest value of the bucket is in the bucket.
      expect(paddedLength(padded - 8)).toBe(padded)
      if (value > 16 * KiB) expect(padded).toBeLessThanOrEqual((value + 8) * 1.0625)
      else expect(padded).toBeLessThanOrEqual(Math.max(KiB, 2 * (value + 8)))
    }),
    { numRuns: 2000 },
  )
})

test('all lengths up to 5 TB fall into 1,206 buckets', () => {
  const buckets = new Set<number>()
  for (let length = 0; length < FIVE_TB; length = paddedLength(length) - 7) buckets.add(paddedLength(length))
  expect(buckets.size).toBe(1206)
})
