import { describe, expect, test } from 'vitest'
import { KINDS } from '../../harness/thief.ts'
import { allowed, holds, SUBSETS } from './allowed.ts'
import { type Alteration, importAltered } from './altered.ts'
import { BROKEN_BUILDS, NO_KEY_SENT } from './builds.ts'

const estateOf = (name: string, alterations: readonly Alteration[]) =>
  importAltered<typeof import('./estate.ts')>('tests/attacks/leak-builds/estate.ts', name, alterations)

/** What a thief wins from a build that they must not, with the fewest parts: `A+M: link`. */
async function leaksOf(name: string, alterations: readonly Alteration[]): Promise<string[]> {
  const { furnish } = await estateOf(name, alterations)
  await using estate = await furnish('both ends')
  const leaks: { readonly held: string; readonly kind: string }[] = []
  for (const held of SUBSETS) {
    const haul = await estate.haul(held)
    for (const kind of KINDS) {
      const known = leaks.some((leak) => leak.kind === kind && holds(held, leak.held))
      if (!known && !allowed(held).includes(kind) && haul.get(kind)?.size) leaks.push({ held, kind })
    }
  }
  return leaks.map(({ held, kind }) => `${[...held].join('+')}: ${kind}`)
}

// Each starts a whole installation, and computes for a while.
describe('what a broken build gives away is seen', { timeout: 120_000 }, () => {
  test('the build as it is gives nothing away', async () => {
    expect(await leaksOf('as it is', [])).toEqual([])
  })

  test.each(BROKEN_BUILDS)('$name', async ({ name, alterations, leaks }) => {
    expect((await leaksOf(name, alterations)).sort()).toEqual([...leaks].sort())
  })

  test('a build that sends no key does not start', async () => {
    const { furnish } = await estateOf('no key', [NO_KEY_SENT])
    await expect(furnish('both ends')).rejects.toMatchObject({ code: 'objects_readable' })
  })
})

describe('an alteration cannot get lost', () => {
  const file = 'packages/core/src/crypto/random.ts'

  test.each([
    ['a text that is not there', { file, from: 'no such text', to: '' }],
    ['a text that is there more than once', { file, from: 'export function', to: '' }],
    ['a file that nobody imports', { file: 'packages/core/src/index.d.ts', from: 'x', to: '' }],
  ])('%s', async (what, alteration) => {
    await expect(estateOf(what, [alteration])).rejects.toThrow()
  })
})
