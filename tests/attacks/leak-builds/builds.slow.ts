import { expect, test } from 'vitest'
import { BROKEN_BUILDS } from './builds.ts'
import { leaksOf } from './find-leaks.ts'

test.each(BROKEN_BUILDS)('$name', async ({ name, alterations, leaks }) => {
  expect((await leaksOf(name, alterations)).sort()).toEqual([...leaks].sort())
})
