import { KINDS } from '../../harness/thief.ts'
import { allowed, holds, SUBSETS } from './allowed.ts'
import { type Alteration, importAltered } from './altered.ts'

export const estateOf = (name: string, alterations: readonly Alteration[]) =>
  importAltered<typeof import('./estate.ts')>('tests/attacks/leak-builds/estate.ts', name, alterations)

/** What a thief wins from a build that they must not, with the fewest parts: `A+M: link`. */
export async function leaksOf(
  name: string,
  alterations: readonly Alteration[],
  plan: 'few' | 'usual' = 'usual',
): Promise<string[]> {
  const { furnish } = await estateOf(name, alterations)
  await using estate = await furnish({ pace: 'both ends', plan })
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
