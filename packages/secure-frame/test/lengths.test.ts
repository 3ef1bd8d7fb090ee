import { expect, test } from 'vitest'
import { expectAnyTextBack } from './any-text.ts'
import { expectAllAlike, rankCorrelation, shownLengths, typedLengths } from './lengths.ts'
import { shareStage } from './stage.ts'

const stage = shareStage()

test('of a value that is typed the page sees the same messages and sizes for every length from 1 to 64, and times say nothing', async () => {
  expectAllAlike(await typedLengths(stage()))
})

test('of a value that is shown, too', async () => {
  expectAllAlike(await shownLengths(stage()))
})

test('times that grow with the length would be found', () => {
  const noise = (index: number) => ((index * 37) % 11) * 2
  const sights = Array.from({ length: 64 }, (_, index) => ({ length: index + 1, took: index + noise(index) }))
  expect(rankCorrelation(sights)).toBeGreaterThan(0.55)
})

test('any text comes back as it was typed, in every kind of field', async () => {
  await expectAnyTextBack(stage(), 25)
})
