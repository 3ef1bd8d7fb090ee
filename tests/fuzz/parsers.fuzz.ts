import { afterAll, describe, expect, test } from 'vitest'
import { attack, type Target } from './guard.ts'
import { NAMES_AND_TIMES } from './names-and-times.ts'

/** Every parser of what comes from outside. */
const TARGETS: readonly Target[] = [...NAMES_AND_TIMES]

describe('a value or a refusal of its own, never anything else thrown, never a hang', () => {
  let cases = 0
  test.for(TARGETS)('$reads ($file)', async (parser) => {
    await attack(parser)
    cases += parser.runs
  })

  afterAll(() => void process.stdout.write(`${cases} cases, ${TARGETS.length} parsers\n`))
})

test('makes at least 10,000 cases', () => {
  const cases = TARGETS.reduce((sum, { runs }) => sum + runs, 0)
  expect(cases).toBeGreaterThanOrEqual(10_000)
})
