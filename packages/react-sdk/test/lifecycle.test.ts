import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Stage, startStage } from '../../browser/test/stage.ts'
import * as sdk from '../src/index.ts'
import { appBundle } from './bundle.ts'
import { liveThrough, ROWS, stepsOf } from './lifecycle.ts'

let stage: Stage
beforeAll(async () => {
  stage = await startStage(appBundle(19))
})
afterAll(() => stage[Symbol.asyncDispose]())

test('every component has a row', () => {
  const components = Object.keys(sdk).filter((name) => /^Secure(?!Form$)/.test(name))
  expect(ROWS.map(({ component }) => component).sort()).toEqual(components.sort())
})

// The other steps, and React 18, are in `lifecycle.slow.ts`.
test.each(ROWS)(
  'two of $component with one name, unmounted while something is under way, leave nothing',
  async (row) => {
    await liveThrough(
      stage,
      row,
      stepsOf(row).filter((_, index) => index % 2 === 1),
    )
  },
)
