import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { alter } from './altered.ts'
import { BROKEN_BUILDS, NO_KEY_SENT } from './builds.ts'
import { estateOf, leaksOf } from './find-leaks.ts'

/** All of them: npm run test:slow. */
const USUAL = new Set([
  'the locator is a plain hash of the token',
  'the token layer takes the first bytes of the token, which are the same in all',
  'the content key lies in the record',
  'the content key is derived from the name of the object, without the token',
])
const usual = BROKEN_BUILDS.filter(({ name }) => USUAL.has(name))

// Each starts a whole installation, and computes for a while.
describe('what a broken build gives away is seen', { timeout: 120_000 }, () => {
  test.each(usual)('$name', async ({ name, alterations, leaks }) => {
    expect((await leaksOf(name, alterations, 'few')).sort()).toEqual([...leaks].sort())
  })

  test('the names above are names of builds', () => {
    expect(usual).toHaveLength(USUAL.size)
  })

  test('a build that sends no key does not start', async () => {
    const { furnish } = await estateOf('no key', [NO_KEY_SENT])
    await expect(furnish()).rejects.toMatchObject({ code: 'objects_readable' })
  })
})

describe('an alteration cannot get lost', () => {
  test.each(BROKEN_BUILDS)('$name', ({ alterations }) => {
    const files = new Set(alterations.map(({ file }) => file))
    for (const file of files)
      alter(
        join(import.meta.dirname, '../../..', file),
        alterations.filter((alteration) => alteration.file === file),
      )
  })

  const file = 'packages/core/src/crypto/random.ts'

  test.each([
    ['a text that is not there', { file, from: 'no such text', to: '' }],
    ['a text that is there more than once', { file, from: 'export function', to: '' }],
    ['a file that nobody imports', { file: 'packages/core/src/index.d.ts', from: 'x', to: '' }],
  ])('%s', async (what, alteration) => {
    await expect(estateOf(what, [alteration])).rejects.toThrow()
  })
})
