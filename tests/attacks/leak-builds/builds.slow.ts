import { expect, test } from 'vitest'
import { BROKEN_BUILDS } from './builds.ts'
import { leaksOf } from './find-leaks.ts'

test('the build as it is gives nothing away', async () => {
  expect(await leaksOf('as it is', [])).toEqual([])
})

test.each(BROKEN_BUILDS)('$name', async ({ name, alterations, leaks }) => {
  expect((await leaksOf(name, alterations)).sort()).toEqual([...leaks].sort())
})
