import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Comparison, compareTimes, isTold, type Timed } from './compare-times.ts'
import { arrangeRefusals, type Refused, timedOf } from './ways-to-be-refused.ts'

/*
 * Over thousands of answers: how long a refusal takes does not tell its reason. Each round has two controls of its own. The
 * first way is there twice: where it seems to differ from itself, the round does not count. And it is there a third time,
 * with a difference of 200 µs: where that is not seen, the machine is too busy for anything so small to be seen, and the
 * test says that it was skipped.
 */

const PLANTED_MS = 0.2
const AGAIN = 'the same again'
const PLANTED = 'the same, planted'
const ROUNDS = 3
const AT_ONCE = 4

let refused: Refused
beforeAll(async () => {
  refused = await arrangeRefusals()
  // As policies in threads of their own take.
  refused.policyMs = 2
})
afterAll(() => refused[Symbol.asyncDispose]())

const CALLS = {
  '/detokenize': { access: 'read', more: {}, samples: 1_000 },
  '/metadata/get': { access: 'read', more: {}, samples: 400 },
  '/upload/parts': { access: 'store', more: { partNumbers: [1] }, samples: 400 },
} as const

for (const [path, { access, more, samples }] of Object.entries(CALLS)) {
  test(`${path}: ${samples} answers of each`, async ({ skip }) => {
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
        const compared = await compareTimes(refused.on.wire.url, path, all, samples, AT_ONCE)
        if (isSeen(compared, AGAIN)) continue
        const told = compared.filter((one) => isTold(one) && one.name !== PLANTED)
        expect(told.filter(({ name }) => suspects.some((suspect) => suspect.name === name))).toEqual([])
        if (told.length === 0 && isSeen(compared, PLANTED)) return
        suspects = told
      }
      skip('The machine is too busy for 200 µs to be seen.')
    } finally {
      for (const { lift } of lasting) await lift()
    }
  }, 1_800_000)
}

function isSeen(compared: readonly Comparison[], name: string): boolean {
  return compared.some((one) => one.name === name && isTold(one))
}
