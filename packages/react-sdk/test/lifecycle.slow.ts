import { afterAll, beforeAll, test } from 'vitest'
import { type Stage, startStage } from '../../browser/test/stage.ts'
import { appBundle } from './bundle.ts'
import { liveThrough, ROWS, stepsOf } from './lifecycle.ts'

/** The test of the same name, in the other React, and again and again. */
let stage: Stage
beforeAll(async () => {
  stage = await startStage(appBundle(18))
})
afterAll(() => stage[Symbol.asyncDispose]())

test.each(ROWS)('two of $component in React 18, five times at each step', async (row) => {
  const steps = stepsOf(row)
  await liveThrough(stage, row, [...steps, ...steps.toReversed(), ...steps, ...steps.toReversed(), ...steps])
})
