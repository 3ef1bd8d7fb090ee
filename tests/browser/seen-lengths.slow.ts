import { describe, expect, test } from 'vitest'
import { startRealStage } from '../../packages/browser/test/real-stage.ts'
import { sdkBundle } from '../../packages/browser/test/stage.ts'
import { PROTECTIONS } from './any-values.ts'
import { ACTS, expectNoTrend, expectOneSight, look } from './seen-lengths.ts'

/** In an order in which neither time nor the machine's moods rise with the length: 27 is prime to 64. */
const ALL = Array.from({ length: 64 }, (_, index) => ((index * 27) % 64) + 1)

describe.each(PROTECTIONS)('with the protection %s', (protection) => {
  test('of each length from 1 to 64 the page sees the same, and times say nothing, in every component', async () => {
    await using stage = await startRealStage(sdkBundle(), protection)
    for (const act of Object.values(ACTS)) {
      const sights = await look(stage, act, ALL)
      expectOneSight(sights)
      expectNoTrend(sights)
    }
  })
})

test('a frame that takes longer for longer values is found', async () => {
  await using stage = await startRealStage(sdkBundle())
  const act = ACTS['typed: text'] ?? expect.unreachable()
  const sights = await look(stage, act, ALL, (length) => {
    const send = window.fetch
    window.fetch = async (...args) => {
      await new Promise((resolve) => setTimeout(resolve, length() * 4))
      return send(...args)
    }
  })
  expectOneSight(sights)
  expect(() => expectNoTrend(sights)).toThrow()
})
