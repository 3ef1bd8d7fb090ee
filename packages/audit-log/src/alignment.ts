/** How a block of lines differs from what was sealed. Places count from 0, in the block. */
export type Difference =
  | { readonly kind: 'changed'; readonly line: number; readonly leaf: number }
  | { readonly kind: 'moved' | 'repeated'; readonly line: number; readonly leaf: number }
  | { readonly kind: 'added'; readonly line: number }
  /** `line` is the one before which it is missing. */
  | { readonly kind: 'removed'; readonly line: number; readonly leaf: number }

/**
 * Which lines were changed, added, removed, moved or repeated, when these are the hashes of the lines and those of the
 * leaves. As few lines as possible are taken for moved.
 */
export function differences(lines: readonly string[], leaves: readonly string[]): Difference[] {
  const found: Difference[] = []
  const placeOf = new Map(leaves.map((hash, leaf) => [hash, leaf]))
  const places = new Map<number, number>()
  for (const [line, hash] of lines.entries()) {
    const leaf = placeOf.get(hash)
    if (leaf === undefined) continue
    if ([...places.values()].includes(leaf)) found.push({ kind: 'repeated', line, leaf })
    else places.set(line, leaf)
  }
  const inOrder = longestRise([...places])
  for (const [line, leaf] of places) if (!inOrder.has(line)) found.push({ kind: 'moved', line, leaf })
  const known = new Set([...places.keys(), ...found.map(({ line }) => line)])
  return [...found, ...betweenKnown(lines.length, leaves.length, inOrder, known, new Set(places.values()))]
}

/** Lines and leaves that have no partner: those in the same gap are each other's, what is left over was added or removed. */
function betweenKnown(
  lineCount: number,
  leafCount: number,
  inOrder: ReadonlyMap<number, number>,
  known: ReadonlySet<number>,
  found: ReadonlySet<number>,
): Difference[] {
  const differing: Difference[] = []
  let [line, leaf] = [0, 0]
  for (const [nextLine, nextLeaf] of [...inOrder, [lineCount, leafCount] as const]) {
    const strange = range(line, nextLine).filter((each) => !known.has(each))
    const missing = range(leaf, nextLeaf).filter((each) => !found.has(each))
    for (const [index, each] of strange.entries()) {
      const partner = missing[index]
      differing.push(
        partner === undefined
          ? { kind: 'added', line: each }
          : { kind: 'changed', line: each, leaf: partner },
      )
    }
    for (const each of missing.slice(strange.length))
      differing.push({ kind: 'removed', line: nextLine, leaf: each })
    line = nextLine + 1
    leaf = nextLeaf + 1
  }
  return differing
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index)
}

/** The longest selection of pairs, in their order, whose second numbers rise. A block is small: no need to be clever. */
function longestRise(pairs: readonly (readonly [number, number])[]): Map<number, number> {
  const best: { length: number; before: number }[] = []
  for (const [index, [, leaf]] of pairs.entries()) {
    let chosen = { length: 1, before: -1 }
    for (let other = 0; other < index; other += 1) {
      const [pair, { length }] = [pairs[other], best[other] ?? { length: 0 }]
      if (pair !== undefined && pair[1] < leaf && length >= chosen.length)
        chosen = { length: length + 1, before: other }
    }
    best.push(chosen)
  }
  const longest = Math.max(0, ...best.map(({ length }) => length))
  const rise: (readonly [number, number])[] = []
  for (
    let at = best.findLastIndex(({ length }) => length === longest);
    at >= 0;
    at = best[at]?.before ?? -1
  ) {
    const pair = pairs[at]
    if (pair !== undefined) rise.push(pair)
  }
  return new Map(rise.reverse())
}
