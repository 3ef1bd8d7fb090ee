import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Stretch, walkOn } from '../src/domain/walk.ts'

const STRIDE = 500
const PAGE = 500

/** Every stretch that a session walks through that reads these, in calls of so many. */
function stretches(positions: readonly number[], { stride = STRIDE, call = 1 } = {}): Stretch[] {
  let state: Uint8Array | null = null
  const found: Stretch[] = []
  for (let from = 0; from < positions.length; from += call) {
    const walked = walkOn(state, positions.slice(from, from + call), stride)
    state = walked.state
    if (walked.stretch !== null) found.push(walked.stretch)
  }
  return found
}

const upTo = (many: number) => Array.from({ length: many }, (_, index) => index)

/** A generator of chance that fast-check seeds, so that a case can be shrunk and repeated. */
function chance(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

function shuffled(list: readonly number[], next: () => number): number[] {
  return list
    .map((item) => ({ item, by: next() }))
    .toSorted((one, other) => one.by - other.by)
    .map(({ item }) => item)
}

/** The same reads, each overtaken by up to so many that were sent after it. */
function overtaken(list: readonly number[], by: number, next: () => number): number[] {
  return list
    .map((item, index) => ({ item, at: index + next() * by }))
    .toSorted((one, other) => one.at - other.at)
    .map(({ item }) => item)
}

const seeds = fc.integer()

describe('an ordinary session walks through nothing', () => {
  test('a page of 500 values, in any order, loaded any number of times', () => {
    const page = fc.record({
      seed: seeds,
      loads: fc.integer({ min: 1, max: 8 }),
      call: fc.constantFrom(1, 20, 500),
    })
    fc.assert(
      fc.property(page, fc.constantFrom('rising', 'falling', 'random'), ({ seed, loads, call }, order) => {
        const next = chance(seed)
        const values = upTo(PAGE).map((index) => index * 1000)
        const load = () =>
          order === 'random'
            ? shuffled(values, next)
            : overtaken(order === 'rising' ? values : values.toReversed(), 30, next)
        expect(stretches(Array.from({ length: loads }, load).flat(), { call })).toEqual([])
      }),
      { numRuns: 30 },
    )
  })

  test('it never has a chain longer than there are different things: the law, with any positions', () => {
    const reads = fc.array(fc.integer({ min: 0, max: 39 }), { maxLength: 600 })
    fc.assert(
      fc.property(reads, (positions) => {
        expect(stretches(positions, { stride: 20, call: 7 })).toEqual([])
      }),
      { numRuns: 100, examples: [[[...upTo(39), ...upTo(39)]]] },
    )
  })

  test('as many values as its budget has, in random order', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        expect(stretches(shuffled(upTo(5000), chance(seed)), { call: 25 })).toEqual([])
      }),
      { numRuns: 10 },
    )
  })

  test('the pages of 250 customers, one after the other: 20 values each, in order', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const customers = shuffled(upTo(250), chance(seed))
        const reads = customers.flatMap((customer) => upTo(20).map((value) => customer * 20 + value))
        expect(stretches(reads, { call: 20 })).toEqual([])
      }),
      { numRuns: 10 },
    )
  })
})

describe('a crawler walks through much', () => {
  const crawl = fc.record({
    seed: seeds,
    falling: fc.boolean(),
    /** Requests under way at the same time. */
    by: fc.integer({ min: 1, max: 6 }),
    call: fc.constantFrom(1, 10, 100),
    /** One in so many reads is something else, anywhere. */
    aside: fc.integer({ min: 10, max: 200 }),
  })

  test('with requests that overtake each other and other reads between them', () => {
    fc.assert(
      fc.property(crawl, ({ seed, falling, by, call, aside }) => {
        const next = chance(seed)
        const records = falling ? upTo(4000).toReversed() : upTo(4000)
        const reads = overtaken(records, by, next).flatMap((read, index) =>
          index % aside === 0 ? [Math.floor(next() * 4000), read] : [read],
        )
        expect(stretches(reads, { call }).length).toBeGreaterThan(0)
      }),
      { numRuns: 20 },
    )
  })

  test('after an honest hour, and after reads that should hide it', () => {
    const decoys = fc.constantFrom(
      upTo(17).map((index) => 90_000 + index),
      [90_000],
      upTo(17).toReversed(),
    )
    fc.assert(
      fc.property(seeds, decoys, fc.boolean(), (seed, decoy, falling) => {
        const next = chance(seed)
        const honest = shuffled(upTo(400), next).map((index) => index * 7)
        const records = upTo(2000).map((index) => index + 100)
        const reads = [...honest, ...decoy, ...(falling ? records.toReversed() : records)]
        expect(stretches(reads).length).toBeGreaterThan(0)
      }),
      { numRuns: 20 },
    )
  })

  test('the stretch names what lies between: it holds as many things as it has steps', () => {
    expect(stretches(upTo(1500))).toEqual([
      { from: 499, to: 999 },
      { from: 999, to: 1499 },
    ])
    expect(stretches(upTo(1000).toReversed())).toEqual([{ from: 0, to: 500 }])
  })

  test('something far ahead that was read as the last of a stride is not where the next one begins', () => {
    const reads = [...upTo(499), 1_000_000, ...upTo(600).map((index) => 499 + index)]
    expect(stretches(reads)).toEqual([{ from: 499, to: 999 }])
  })
})

test('a state that was damaged is forgotten', () => {
  const { state } = walkOn(new Uint8Array(7), [1, 2, 3], 2)
  expect(walkOn(state, [4, 5], 2).stretch).toEqual({ from: 2, to: 4 })
})
