/** Reads in the order in which they come; `ref` is the name of whoever reads, 32 bytes. */
export interface Walk {
  readonly ref: Uint8Array
  /** Where the things that are read now lie in some order of all of them: whole numbers. */
  readonly positions: readonly number[]
  /** How many steps in one direction make a stretch. */
  readonly stride: number
  /** It is forgotten when nothing was read for so many milliseconds. */
  readonly idleMs: number
}

/** A part of the order that was walked through, upwards or downwards: `stride` different things of it were read. */
export interface Stretch {
  readonly from: number
  readonly to: number
}

/** What is stored of a walk, and the last stretch that was completed now, but for the first. `null` = none was. */
export interface Walked {
  readonly state: Uint8Array
  readonly stretch: Stretch | null
}

/** So many ends of the longest chain are kept: reads may overtake each other by as many. */
const TAILS = 16
/** A chain is given up when so many reads in a row, and as many as it is long, lie behind all that is kept of it. */
const PATIENCE = 64
/** Length, misses, mark and tails of a chain, 8 bytes each; a tail that is not there is NaN. */
const NUMBERS = 3 + TAILS
const CHAIN_BYTES = NUMBERS * 8

interface Chain {
  length: number
  /** Reads in a row that lay behind. */
  misses: number
  /** Where the last whole stride ended. */
  mark: number
  /** The last ends of chains of length `length - tails.length + 1` to `length`, rising. */
  readonly tails: number[]
}

/**
 * The law: a chain is never longer than the longest strictly rising, or falling, subsequence of all positions that were
 * read since the walk began; so it is never longer than the number of different things among them, however often and in
 * whatever order they are read again. Of n things in random order the longest has about 2√n; that it has m or more has a
 * probability of at most (e²n/m²)^m (the expected number of such subsequences is C(n, m)/m!).
 *
 * This is patience sorting with only the upper piles kept: what comes between them takes the place of the one above it,
 * so that a read that was overtaken, or one far ahead, does not break the chain.
 */
export function walkOn(state: Uint8Array | null, positions: readonly number[], stride: number): Walked {
  const [up, down] = chainsOf(state)
  let stretch: Stretch | null = null
  for (const position of positions) {
    const risen = stepOn(up, position, stride)
    const fallen = stepOn(down, -position, stride)
    if (risen !== null) stretch = { from: risen, to: position }
    if (fallen !== null) stretch = { from: position, to: -fallen }
  }
  return { state: bytesOf([up, down]), stretch }
}

/** Where the stretch began that ends here; `null` = none does. */
function stepOn(chain: Chain, position: number, stride: number): number | null {
  const { tails } = chain
  const place = tails.findIndex((tail) => tail >= position)
  if (place === -1) return push(chain, position, stride)
  if (place === 0 && chain.length > tails.length) {
    chain.misses += 1
    if (chain.misses > Math.max(PATIENCE, chain.length)) restart(chain, position)
    return null
  }
  chain.misses = 0
  tails[place] = position
  // The stride ended with something far ahead, which has turned out not to belong to the chain.
  if (place === tails.length - 1 && chain.length % stride === 0) chain.mark = position
  return null
}

function push(chain: Chain, position: number, stride: number): number | null {
  chain.tails.push(position)
  if (chain.tails.length > TAILS) chain.tails.shift()
  chain.misses = 0
  chain.length += 1
  if (chain.length % stride !== 0) return null
  const from = chain.mark
  chain.mark = position
  return chain.length > stride ? from : null
}

function restart(chain: Chain, position: number): void {
  chain.length = 1
  chain.misses = 0
  chain.tails.splice(0, chain.tails.length, position)
}

function chainsOf(state: Uint8Array | null): [up: Chain, down: Chain] {
  if (state?.length !== 2 * CHAIN_BYTES) return [newChain(), newChain()]
  const numbers = new Float64Array(new Uint8Array(state).buffer)
  return [chainOf(numbers.subarray(0, NUMBERS)), chainOf(numbers.subarray(NUMBERS))]
}

const newChain = (): Chain => ({ length: 0, misses: 0, mark: 0, tails: [] })

function chainOf([length = 0, misses = 0, mark = 0, ...tails]: Float64Array): Chain {
  return { length, misses, mark, tails: tails.filter((tail) => !Number.isNaN(tail)) }
}

function bytesOf(chains: readonly Chain[]): Uint8Array {
  const numbers = chains.flatMap(({ length, misses, mark, tails }) => [
    ...[length, misses, mark, ...tails],
    ...Array.from({ length: TAILS - tails.length }, () => Number.NaN),
  ])
  return new Uint8Array(new Float64Array(numbers).buffer)
}
