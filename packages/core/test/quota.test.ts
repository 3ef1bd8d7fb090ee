import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Bucket,
  type DistinctSet,
  namesOf,
  type Quota,
  type QuotaRow,
  SWEEP_DELAY_MS,
  takeQuota,
  takeQuotas,
} from '../src/domain/quota.ts'
import { seen } from './quota-oracle.ts'

const START = 1_900_000_000_000
const ref = (name: number) => new Uint8Array(32).fill(name)
const member = (name: number) => new Uint8Array(16).fill(name)

/** A limiter in a map: takes, and writes what has changed. */
function limiter() {
  const rows = new Map<string, QuotaRow>()
  return {
    rows,
    take(quota: Partial<Quota>) {
      const { taken, changed } = takeQuota(rows, { buckets: [], sets: [], now: START, ...quota })
      for (const [name, row] of changed) rows.set(name, row)
      return taken
    },
  }
}

const rate = fc.record({
  burst: fc.integer({ min: 1, max: 50 }),
  perSecond: fc.oneof(fc.integer({ min: 1, max: 3000 }), fc.double({ min: 0.01, max: 30, noNaN: true })),
})
const arrivals = fc.array(
  fc.record({
    after: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3000 })),
    cost: fc.integer({ min: 1, max: 20 }),
  }),
  { minLength: 1, maxLength: 60 },
)

describe('a bucket', () => {
  test('lets through, in any stretch of time, never more than its burst and its rate', () => {
    fc.assert(
      fc.property(rate, arrivals, (bucket, calls) => {
        const { take } = limiter()
        const through: { at: number; cost: number }[] = []
        let now = START
        for (const { after, cost } of calls) {
          now += after
          const buckets: Bucket[] = [{ ref: ref(1), ...bucket, cost }]
          if (take({ buckets, now }).kind === 'taken') through.push({ at: now, cost })
        }
        for (const [first, { at: from }] of through.entries()) {
          let sum = 0
          for (const { at, cost } of through.slice(first)) {
            sum += cost
            expect(sum).toBeLessThanOrEqual(bucket.burst + (bucket.perSecond * (at - from)) / 1000 + 1e-9)
          }
        }
      }),
      { numRuns: 1000 },
    )
  })

  test('does as a leaky bucket that counts in exact fractions, but for what is rounded against the caller', () => {
    fc.assert(
      fc.property(rate, arrivals, (bucket, calls) => {
        const { take } = limiter()
        // Microseconds for one, rounded up: the exact bucket is filled at that rate.
        const interval = Math.ceil(1e6 / bucket.perSecond)
        let level = bucket.burst * interval
        let now = START
        for (const { after, cost } of calls) {
          now += after
          level = Math.min(bucket.burst * interval, level + after * 1000)
          const expected = level >= cost * interval
          const taken = take({ buckets: [{ ref: ref(1), ...bucket, cost }], now })
          expect(taken.kind === 'taken').toBe(expected)
          if (expected) level -= cost * interval
          else if (taken.kind !== 'taken' && cost <= bucket.burst) {
            // Retry-After says neither too much nor too little: in milliseconds, rounded up.
            expect(taken.retryMs).toBe(Math.ceil((cost * interval - level) / 1000))
          }
        }
      }),
      { numRuns: 1000 },
    )
  })

  test('takes from all or from none', () => {
    const { take, rows } = limiter()
    const wide = { ref: ref(1), burst: 10, perSecond: 1, cost: 4 }
    const narrow = { ref: ref(2), burst: 5, perSecond: 1, cost: 4 }
    expect(take({ buckets: [wide, narrow] }).kind).toBe('taken')
    const before = new Map(rows)
    expect(take({ buckets: [wide, narrow] })).toEqual({ kind: 'too-many', retryMs: 3000 })
    expect(rows).toEqual(before)
    expect(take({ buckets: [{ ...wide, cost: 6 }] }).kind).toBe('taken')
  })

  test('that is named twice is asked for twice', () => {
    const { take } = limiter()
    const bucket = { ref: ref(1), burst: 5, perSecond: 1, cost: 3 }
    expect(take({ buckets: [bucket, bucket] }).kind).toBe('too-many')
    expect(take({ buckets: [{ ...bucket, cost: 2 }, bucket] }).kind).toBe('taken')
    expect(take({ buckets: [{ ...bucket, cost: 1 }] }).kind).toBe('too-many')
  })

  test('of which nothing is wanted leaves no row', () => {
    const { take, rows } = limiter()
    expect(take({ buckets: [{ ref: ref(1), burst: 5, perSecond: 1, cost: 0 }] }).kind).toBe('taken')
    expect(rows.size).toBe(0)
  })

  test('a clock that goes back gives nothing; one that was far ahead shuts nobody out', () => {
    const { take } = limiter()
    const bucket = { ref: ref(1), burst: 2, perSecond: 1, cost: 2 }
    expect(take({ buckets: [bucket] }).kind).toBe('taken')
    expect(take({ buckets: [bucket], now: START - 5000 }).kind).toBe('too-many')
    const nextYear = START + 365 * 86_400_000
    expect(take({ buckets: [bucket], now: nextYear }).kind).toBe('taken')
    expect(take({ buckets: [bucket], now: START + 10_000 }).kind).toBe('taken')
  })

  test('whose row was swept is as it was', () => {
    fc.assert(
      fc.property(rate, arrivals, (bucket, calls) => {
        const [kept, swept] = [limiter(), limiter()]
        let now = START
        for (const { after, cost } of calls) {
          now += after * 40
          for (const [name, { until }] of swept.rows) {
            if (until <= (now - SWEEP_DELAY_MS) * 1000) swept.rows.delete(name)
          }
          const buckets = [{ ref: ref(1), ...bucket, cost }]
          expect(swept.take({ buckets, now })).toEqual(kept.take({ buckets, now }))
        }
      }),
      { numRuns: 300 },
    )
  })
})

describe('a set of different things', () => {
  const WINDOW = 60_000
  const set = (members: readonly number[], most: number, name = 7): DistinctSet => ({
    ref: ref(name),
    members: members.map(member),
    windowMs: WINDOW,
    most,
  })
  const meetings = fc.array(
    fc.record({
      after: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 30_000 }), fc.constant(WINDOW)),
      members: fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 5 }),
    }),
    { minLength: 1, maxLength: 60 },
  )

  test('holds every different thing of its window, none that is a sixtieth older, and never more than it may', () => {
    fc.assert(
      fc.property(meetings, fc.integer({ min: 1, max: 10 }), (calls, most) => {
        const { take } = limiter()
        const met: { at: number; name: number }[] = []
        let now = START
        for (const { after, members } of calls) {
          now += after
          const taken = take({ sets: [set(members, most)], now })
          const others = met.map((one) => one)
          const asked = members.map((name) => ({ at: now, name }))
          const [least, greatest] = [
            seen([...others, ...asked], now - WINDOW),
            seen([...others, ...asked], now - WINDOW - 2 * (WINDOW / 60)),
          ]
          if (taken.kind !== 'taken') {
            expect(taken.kind).toBe('over-budget')
            expect(greatest).toBeGreaterThan(most)
            continue
          }
          met.push(...asked)
          expect(taken.held[0]).toBeGreaterThanOrEqual(least)
          expect(taken.held[0]).toBeLessThanOrEqual(greatest)
          expect(least).toBeLessThanOrEqual(most)
        }
      }),
      { numRuns: 1000 },
    )
  })

  test('says when there is room again, and then there is', () => {
    const { take } = limiter()
    for (const name of [1, 2, 3]) take({ sets: [set([name], 3)], now: START + name * 2000 })
    const now = START + 30_000
    const refused = take({ sets: [set([4], 3)], now })
    if (refused.kind === 'taken') throw new Error('It was taken.')
    expect(take({ sets: [set([4], 3)], now: now + refused.retryMs - 1500 }).kind).toBe('over-budget')
    expect(take({ sets: [set([4], 3)], now: now + refused.retryMs }).kind).toBe('taken')
  })

  test('a full one still lets through what it holds', () => {
    const { take } = limiter()
    expect(take({ sets: [set([1, 2, 3], 3)] })).toEqual({ kind: 'taken', held: [3] })
    expect(take({ sets: [set([2, 3, 3], 3)] })).toEqual({ kind: 'taken', held: [3] })
    expect(take({ sets: [set([2, 4], 3)] }).kind).toBe('over-budget')
  })

  test('that is full costs no bucket anything, and a bucket that is empty no set', () => {
    const { take, rows } = limiter()
    const bucket = { ref: ref(1), burst: 2, perSecond: 1, cost: 1 }
    take({ sets: [set([1], 1)] })
    const before = new Map(rows)
    expect(take({ buckets: [bucket], sets: [set([2], 1)] }).kind).toBe('over-budget')
    expect(rows).toEqual(before)
    expect(take({ buckets: [{ ...bucket, cost: 3 }], sets: [set([1], 5)] }).kind).toBe('too-many')
    expect(rows).toEqual(before)
  })

  test('the same thing in two sets is two things', () => {
    const { take } = limiter()
    expect(take({ sets: [set([1], 5, 7), set([1, 2], 5, 8)] })).toEqual({ kind: 'taken', held: [1, 2] })
    const { members } = namesOf({ buckets: [], sets: [set([1], 5, 7), set([1], 5, 8)] })
    expect(new Set(members).size).toBe(2)
  })

  test('a clock that was far ahead shuts nobody out', () => {
    const { take } = limiter()
    expect(take({ sets: [set([1, 2, 3], 3)], now: START + 86_400_000 }).kind).toBe('taken')
    expect(take({ sets: [set([4, 5, 6], 3)], now: START })).toEqual({ kind: 'taken', held: [3] })
  })
})

test('several are taken as if one came after the other; each row is written once', () => {
  const quota = fc.record({
    buckets: fc.array(
      fc
        .record({ ref: fc.integer({ min: 1, max: 3 }).map(ref), cost: fc.integer({ min: 1, max: 4 }) })
        .map((one) => ({ ...one, burst: 5, perSecond: 1 })),
      { maxLength: 2 },
    ),
    sets: fc.array(
      fc
        .array(fc.integer({ min: 1, max: 6 }).map(member), { maxLength: 4 })
        .map((members) => ({ ref: ref(9), members, windowMs: 60_000, most: 4 })),
      { maxLength: 1 },
    ),
    now: fc.integer({ min: 0, max: 5000 }).map((after) => START + after),
  })
  fc.assert(
    fc.property(fc.array(quota, { maxLength: 12 }), fc.nat(12), (quotas, already) => {
      const alone = limiter()
      const together = limiter()
      for (const quota of quotas.slice(0, already)) expect(together.take(quota)).toEqual(alone.take(quota))
      const rest = quotas.slice(already)
      const { taken, written } = takeQuotas(together.rows, rest)
      expect(taken).toEqual(rest.map(alone.take))
      for (const [name, row] of written) together.rows.set(name, row)
      expect(together.rows).toEqual(alone.rows)
    }),
  )
})
