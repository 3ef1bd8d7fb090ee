/** " Did you mean X?", or nothing when no candidate is near. */
export function didYouMean(wrong: string, candidates: readonly string[]): string {
  const ranked = candidates
    .map((name) => ({ name, distance: distance(wrong, name) }))
    .toSorted((a, b) => a.distance - b.distance)
  const [best] = ranked
  const isNear = best !== undefined && best.distance <= Math.max(2, Math.floor(wrong.length / 3))
  return isNear ? ` Did you mean ${best.name}?` : ''
}

/** Levenshtein's: how many letters are to be changed, added or taken away. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1]
    for (let j = 1; j <= b.length; j += 1) {
      const [left, above, corner] = [next[j - 1] ?? 0, row[j] ?? 0, row[j - 1] ?? 0]
      next.push(Math.min(left + 1, above + 1, corner + (letter === b[j - 1] ? 0 : 1)))
    }
    row = next
  }
  return row[b.length] ?? 0
}
