import { afterAll, describe, expect, test } from 'vitest'
import { ANSWERS } from './answers.ts'
import { AUDIT } from './audit.ts'
import { FRAME } from './frame.ts'
import { attack, type Target } from './guard.ts'
import { NAMES_AND_TIMES } from './names-and-times.ts'
import { OBJECT_STORE } from './object-store.ts'
import { POLICIES } from './policies.ts'
import { STORED } from './stored.ts'
import { TOKENS } from './tokens.ts'

/** Every parser of what comes from outside. Bodies of the API are in `api-calls.fuzz.ts`: they go through the whole service. */
const TARGETS: readonly Target[] = [
  ...[...NAMES_AND_TIMES, ...TOKENS, ...FRAME, ...ANSWERS],
  ...[...AUDIT, ...POLICIES, ...STORED, ...OBJECT_STORE],
]

describe('a value or a refusal of its own, never anything else thrown, never a hang', () => {
  let cases = 0
  test.for(TARGETS)('$reads ($file)', async (parser) => {
    await attack(parser)
    cases += parser.runs
  })

  afterAll(() => void process.stdout.write(`${cases} cases, ${TARGETS.length} parsers\n`))
})

test('makes at least 200,000 cases', () => {
  const cases = TARGETS.reduce((sum, { runs }) => sum + runs, 0)
  expect(cases).toBeGreaterThanOrEqual(200_000)
})
