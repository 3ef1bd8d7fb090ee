import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  type Bucket,
  type DistinctSet,
  type Quota,
  type QuotaRow,
  SWEEP_DELAY_MS,
  takeQuota,
} from '../domain/quota.ts'
import type { Limiter } from '../ports.ts'
import { BUCKET, MOST, nameRef, RACES, START } from './limiter-races.ts'
import type { LimiterUnderTest } from './limiter-under-test.ts'

const PROGRAM = fileURLToPath(new URL(`./limiter-process${extname(import.meta.url)}`, import.meta.url))
const CALLERS = 64

/** What every adapter of the port `Limiter` must do. `open` gives an empty limiter of its own to each test. */
export function limiterContract(name: string, open: () => Promise<LimiterUnderTest>): void {
  describe(`${name} is a Limiter`, () => {
    let on: LimiterUnderTest
    beforeEach(async () => {
      on = await open()
    })
    afterEach(() => on[Symbol.asyncDispose]())

    describe('one process', () => singleRules(() => on))
    describe('two processes', () => raceRules(() => on))
  })
}

const bucket = (name: number, cost: number): Bucket => ({ ref: nameRef(name), burst: 10, perSecond: 1, cost })
const quota = (more: Partial<Quota>): Quota => ({ buckets: [], sets: [], now: START, ...more })
const things = (numbers: readonly number[]): DistinctSet => ({
  ref: nameRef(9),
  members: numbers.map((number) => new Uint8Array(16).fill(number)),
  windowMs: 60_000,
  most: 4,
})

function singleRules(on: () => LimiterUnderTest): void {
  test('a walk goes on where another connection has left it, and begins anew after a rest', async () => {
    const { limiter, connect } = on()
    await using other = await connect()
    const walk = (...positions: number[]) => [{ ref: nameRef(7), positions, stride: 2, idleMs: 1000 }]
    expect(await limiter.take(quota({ walks: walk(1, 2, 3) }))).toEqual({
      kind: 'taken',
      held: [],
      walked: [null],
    })
    const going = quota({ walks: walk(4), now: START + 999 })
    expect(await other.take(going)).toMatchObject({ walked: [{ from: 2, to: 4 }] })
    const rested = quota({ walks: walk(5, 6), now: START + 1999 })
    expect(await limiter.take(rested)).toMatchObject({ walked: [null] })
  })

  test('what one connection has taken is gone for the other', async () => {
    const { limiter, connect } = on()
    await using other = await connect()
    expect(await limiter.take(quota({ buckets: [bucket(1, 6)], sets: [things([1, 2, 3])] }))).toEqual({
      kind: 'taken',
      held: [3],
    })
    expect(await other.take(quota({ buckets: [bucket(1, 6)] }))).toEqual({ kind: 'too-many', retryMs: 2000 })
    expect((await other.take(quota({ sets: [things([4, 5])] }))).kind).toBe('over-budget')
    expect(await other.take(quota({ buckets: [bucket(1, 4)], sets: [things([3, 4])] }))).toEqual({
      kind: 'taken',
      held: [4],
    })
  })

  test('nothing is taken where one bucket or one set refuses', async () => {
    const { limiter } = on()
    await limiter.take(quota({ buckets: [bucket(1, 10)], sets: [things([1, 2, 3, 4])] }))
    expect((await limiter.take(quota({ buckets: [bucket(2, 10), bucket(1, 1)] }))).kind).toBe('too-many')
    expect((await limiter.take(quota({ buckets: [bucket(2, 10)], sets: [things([5])] }))).kind).toBe(
      'over-budget',
    )
    expect((await limiter.take(quota({ buckets: [bucket(2, 10)] }))).kind).toBe('taken')
  })

  test('many at once get what they would have got one by one', async () => {
    const { limiter } = on()
    const answers = await Promise.all(
      Array.from({ length: 64 }, () => limiter.take(quota({ buckets: [bucket(1, 1)] }))),
    )
    expect(answers.filter(({ kind }) => kind === 'taken').length).toBe(10)
  })

  test('a thousand things in one call', async () => {
    const { limiter } = on()
    const buckets = Array.from({ length: 1000 }, (_, index): Bucket => {
      const ref = nameRef(0)
      new DataView(ref.buffer).setUint32(4, index)
      return { ref, burst: 1, perSecond: 1, cost: 1 }
    })
    expect((await limiter.take(quota({ buckets }))).kind).toBe('taken')
    expect((await limiter.take(quota({ buckets: buckets.slice(-1) }))).kind).toBe('too-many')
  })

  test('does as the rule says, whatever is asked', async () => {
    const step = fc.record({
      after: fc.integer({ min: 0, max: 4000 }),
      buckets: fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 0, max: 11 })), {
        maxLength: 3,
      }),
      members: fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 3 }),
    })
    let now = START
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        // Each run begins when everything of the one before is full again.
        now += 3_600_000
        const rows = new Map<string, QuotaRow>()
        for (const { after, buckets, members } of steps) {
          now += after
          const asked = quota({
            buckets: buckets.map(([name, cost]) => bucket(name, cost)),
            sets: members.length === 0 ? [] : [things(members)],
            now,
          })
          const { taken, changed } = takeQuota(rows, asked)
          for (const [name, row] of changed) rows.set(name, row)
          expect(await on().limiter.take(asked)).toEqual(taken)
        }
      }),
      { numRuns: 25 },
    )
  })

  test('rows that say nothing any more are removed, some at a time, and no others', async () => {
    const { limiter, countRows } = on()
    for (let name = 1; name <= 5; name += 1) await limiter.take(quota({ buckets: [bucket(name, name * 2)] }))
    await limiter.take(quota({ sets: [things([1, 2])] }))
    expect(await countRows()).toBe(8)
    // Full again by then: the first three buckets.
    const later = START + 7000 + SWEEP_DELAY_MS
    expect(await sweepAll(limiter, later, 3)).toBe(3)
    expect(await countRows()).toBe(5)
    expect((await limiter.take(quota({ buckets: [bucket(5, 8)], now: START + 7000 }))).kind).toBe('too-many')
    expect(await sweepAll(limiter, later + 200_000, 3)).toBe(5)
    expect(await countRows()).toBe(0)
  })

  test('one that was closed says so', async () => {
    const other = await on().connect()
    await other[Symbol.asyncDispose]()
    await expect(other.take(quota({ buckets: [bucket(1, 1)] }))).rejects.toMatchObject({
      code: 'database_closed',
    })
  })
}

async function sweepAll(limiter: Limiter, now: number, limit: number): Promise<number> {
  let removed = 0
  let after: string | null = null
  do {
    const swept: { removed: number; next: string | null } = await limiter.sweep(after, limit, now)
    removed += swept.removed
    after = swept.next
  } while (after !== null)
  return removed
}

function raceRules(on: () => LimiterUnderTest): void {
  test('never more than burst and rate times time, and not less than there was', async () => {
    const lines = await race(on(), 'bucket')
    const through = lines.map((line) => line.split(' ').map(Number) as [number, number])
    const span = Math.max(...through.map(([at]) => at)) - START
    const sum = through.reduce((total, [, cost]) => total + cost, 0)
    expect(sum).toBeLessThanOrEqual(BUCKET.burst + (BUCKET.perSecond * span) / 1000)
    // Those who want one are there in every round: nothing but rounding is left over.
    expect(sum).toBeGreaterThanOrEqual(BUCKET.burst)
    expectLaw(through)
  })

  test('several buckets, named in any order', async () => {
    const lines = await race(on(), 'pairs')
    const through = lines.map((line) => line.split(' ').map(Number) as [number, number, number])
    for (const name of [1, 2, 3]) {
      expectLaw(
        through.flatMap(([at, ...names]) =>
          names.filter((each) => each === name).map(() => [at, 1] as const),
        ),
      )
    }
    expect(through.length).toBeGreaterThanOrEqual(BUCKET.burst)
  })

  test('never more different things than a budget has', async () => {
    const lines = await race(on(), 'set')
    expect(new Set(lines.map((line) => line.split(' ')[1])).size).toBe(MOST)
  })
}

function expectLaw(through: readonly (readonly [at: number, cost: number])[]): void {
  const sorted = through.toSorted(([one], [other]) => one - other)
  for (const [first, [from]] of sorted.entries()) {
    let sum = 0
    for (const [at, cost] of sorted.slice(first)) {
      sum += cost
      if (sum > BUCKET.burst + (BUCKET.perSecond * (at - from)) / 1000) {
        expect.fail(`${sum} from ${from - START} to ${at - START}`)
      }
    }
  }
}

/** This process and another one, with 64 callers each. */
async function race({ limiter, elsewhere }: LimiterUnderTest, name: keyof typeof RACES): Promise<string[]> {
  const args = [PROGRAM, elsewhere.module.href, elsewhere.where, name, String(CALLERS)]
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  let said = ''
  child.stdout.on('data', (text) => {
    said += String(text)
  })
  const ended = once(child, 'close')
  await Promise.race([once(child.stdout, 'data'), ended])
  child.stdin.end('go')
  const own = await RACES[name](limiter, CALLERS)
  const [code] = (await ended) as [number | null]
  expect(code).toBe(0)
  return [...own, ...said.split('\n').slice(1).filter(Boolean)]
}
