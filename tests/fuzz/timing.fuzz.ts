import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Comparison, compareTimes, isTold, type Timed } from '../attacks/compare-times.ts'
import { arrangeRefusals, type Refused, timedOf } from '../attacks/ways-to-be-refused.ts'

/*
 * Over thousands of answers: how long a refusal takes does not tell its reason. Each round has two controls of its own. The
 * first way is there twice: where it seems to differ from itself, the machine was not quiet enough, and the round does not
 * count. And it is there a third time with a difference of 200 µs, which must be found.
 */

const PLANTED_MS = 0.2
const AGAIN = 'the same again'
const PLANTED = 'the same, planted'
const ROUNDS = 6

let refused: Refused
beforeAll(async () => {
  refused = await arrangeRefusals()
  // As policies in threads of their own take.
  refused.policyMs = 2
})
afterAll(() => refused[Symbol.asyncDispose]())

test.each([
  ['/detokenize', 'read', {}, 2_000],
  ['/metadata/get', 'read', {}, 700],
  ['/upload/parts', 'store', { partNumbers: [1] }, 700],
] as const)(
  '%s',
  async (path, access, more, samples) => {
    const ways = refused.ways[access].filter(({ name }) => name !== 'everything blocked')
    const timed = ways.map((way) => timedOf(way, more))
    const [first] = timed as [Timed]
    const all = [...timed, { ...first, name: AGAIN }, { ...first, name: PLANTED, planted: PLANTED_MS }]
    const lasting = ways.flatMap(({ meanwhile }) => meanwhile ?? [])
    for (const { set } of lasting) await set()
    try {
      // Chance lets one of fifteen differ once in some thousand rounds: whoever differs must do so in two.
      let suspects: readonly Comparison[] = []
      for (let round = 0; round < ROUNDS; round++) {
        const compared = await compareTimes(refused.on.wire.url, path, all, samples, 6)
        if (!isQuiet(compared)) continue
        const told = compared.filter((one) => isTold(one) && one.name !== PLANTED)
        expect(told.filter(({ name }) => suspects.some((suspect) => suspect.name === name))).toEqual([])
        if (told.length === 0) return
        suspects = told
      }
      expect.fail('The machine is too busy for 200 µs to be seen.')
    } finally {
      for (const { lift } of lasting) await lift()
    }
  },
  1_800_000,
)

/** It does not see what is not there, and sees what is. */
function isQuiet(compared: readonly Comparison[]): boolean {
  const by = (name: string) => compared.find((one) => one.name === name)
  const [again, planted] = [by(AGAIN), by(PLANTED)]
  return again !== undefined && planted !== undefined && !isTold(again) && isTold(planted)
}
