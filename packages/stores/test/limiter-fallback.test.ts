import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import type { Bucket, DistinctSet, Limiter, Taken } from '@lunadefend/core'
import { createLocalLimiter, withLocalFallback } from '@lunadefend/stores/limits'
import { migratePostgres, openPostgresLimiter } from '@lunadefend/stores/postgres'
import { openSqliteLimiter } from '@lunadefend/stores/sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RunningPostgres, startPostgres } from '../../../tests/harness/postgres.ts'
import { scratch } from './scratch.ts'

const NOW = 1_900_000_000_000
const clock = { now: () => NOW }
const bucket = (cost = 1): Bucket => ({ ref: new Uint8Array(32).fill(1), burst: 100, perSecond: 1, cost })
const set = (...numbers: number[]): DistinctSet => ({
  ref: new Uint8Array(32).fill(2),
  members: numbers.map((number) => new Uint8Array(16).fill(number)),
  windowMs: 60_000,
  most: 5,
})

/** Calls at once, on a clock that stands: how many were let through. */
async function let64(limiter: Limiter): Promise<number> {
  const answers = await Promise.all(
    Array.from({ length: 64 }, () => limiter.take({ buckets: [bucket()], sets: [], now: NOW })),
  )
  return answers.filter(({ kind }) => kind === 'taken').length
}

const changes = () => {
  const told: string[] = []
  return {
    told,
    onChange: (where: string, error: Error | null) =>
      void told.push(error ? `${where}: ${error.name}` : where),
  }
}

describe('a store that fails', () => {
  /** Does as it is told. */
  function moody() {
    const inner = createLocalLimiter()
    let mood: 'well' | 'throws' | 'silent' = 'well'
    const limiter: Limiter = {
      ...inner,
      where: 'shared',
      take(quota) {
        if (mood === 'throws') return Promise.reject(new Error('The store is away.'))
        return mood === 'silent' ? new Promise<Taken>(() => undefined) : inner.take(quota)
      },
      async [Symbol.asyncDispose]() {},
    }
    return { limiter, be: (next: typeof mood) => { mood = next } } // biome-ignore format: a setter
  }

  test.each(['throws', 'silent'] as const)(
    '%s: half of every quota, and back again by itself',
    async (mood) => {
      const { limiter: shared, be } = moody()
      const { told, onChange } = changes()
      await using limiter = withLocalFallback(shared, { clock, onChange, timeoutMs: 50, probeMs: 20 })
      be(mood)
      expect(await let64(limiter)).toBe(50)
      expect(limiter.where).toBe('local')
      expect(await let64(limiter)).toBe(0)
      const counted = await limiter.take({ buckets: [], sets: [set(1, 2)], now: NOW })
      expect(counted).toEqual({ kind: 'taken', held: [2] })
      expect((await limiter.take({ buckets: [], sets: [set(3)], now: NOW })).kind).toBe('over-budget')
      await delay(100)
      expect(limiter.where).toBe('local')
      be('well')
      await expect.poll(() => limiter.where).toBe('shared')
      expect((await let64(limiter)) + (await let64(limiter))).toBe(100)
      expect(told).toEqual([mood === 'throws' ? 'local: Error' : 'local: LimiterTooSlow', 'shared'])
    },
  )

  test('of a walk this process sees a part, and asks for half', async () => {
    const { limiter: shared, be } = moody()
    await using limiter = withLocalFallback(shared, { clock, onChange: () => undefined })
    be('throws')
    const walk = (...positions: number[]) => ({ ref: new Uint8Array(32), positions, stride: 4, idleMs: 1000 })
    const walked = await limiter.take({ buckets: [], sets: [], walks: [walk(1, 2, 3, 4)], now: NOW })
    expect(walked).toMatchObject({ walked: [{ from: 2, to: 4 }] })
  })

  test('a burst of one is still one, and comes back half as fast', async () => {
    const { limiter: shared, be } = moody()
    await using limiter = withLocalFallback(shared, { clock, onChange: () => undefined })
    be('throws')
    const one = { ...bucket(), burst: 1 }
    expect((await limiter.take({ buckets: [one], sets: [], now: NOW })).kind).toBe('taken')
    expect(await limiter.take({ buckets: [one], sets: [], now: NOW })).toEqual({
      kind: 'too-many',
      retryMs: 2000,
    })
  })

  test('memory for names is bounded: what is new is refused, what is known goes on, what is over makes room', async () => {
    await using limiter = createLocalLimiter(3)
    const named = (name: number) => ({ ...bucket(2), ref: new Uint8Array(32).fill(name) })
    const take = (name: number, now = NOW) => limiter.take({ buckets: [named(name)], sets: [], now })
    for (const name of [1, 2, 3]) expect((await take(name)).kind).toBe('taken')
    expect((await take(4)).kind).toBe('too-many')
    expect((await take(3)).kind).toBe('taken')
    expect((await take(4, NOW + 120_000)).kind).toBe('taken')
  })
})

test('SQLite: the file is held by somebody else', async () => {
  using folder = scratch()
  const file = folder.file('limits')
  const { told, onChange } = changes()
  await using limiter = withLocalFallback(openSqliteLimiter(file), { clock, onChange, probeMs: 20 })
  expect(await let64(limiter)).toBe(64)
  using other = new DatabaseSync(file)
  other.exec('BEGIN IMMEDIATE')
  expect(await let64(limiter)).toBe(50)
  other.exec('ROLLBACK')
  await expect.poll(() => limiter.where, { timeout: 5000 }).toBe('shared')
  // What it was asked while it was held, it has taken, too, where nobody waited for the answer any more.
  expect(await let64(limiter)).toBeLessThanOrEqual(36)
  expect(told).toEqual(['local: LimiterTooSlow', 'shared'])
})

test('SQLite: a file that is none does not open the door', async () => {
  using folder = scratch()
  const { told, onChange } = changes()
  await using limiter = withLocalFallback(openSqliteLimiter(folder.path), { clock, onChange })
  expect(await let64(limiter)).toBe(50)
  expect(told).toEqual(['local: PortFailure'])
})

describe('PostgreSQL', () => {
  let server: RunningPostgres
  let url: string
  beforeAll(async () => {
    server = await startPostgres()
    // Not copied from a template: PostgreSQL 18 leaves unlogged tables of such copies damaged after a crash.
    const name = await server.createDatabase({ empty: true })
    await migratePostgres({ url: server.url(name, 'owner'), phase: 'before' })
    url = server.url(name, 'service')
  })
  afterAll(() => server[Symbol.asyncDispose]())

  test('is killed under load: half the quota meanwhile, never more in all than one and a half', async () => {
    const { told, onChange } = changes()
    await using limiter = withLocalFallback(await openPostgresLimiter({ url }), {
      clock,
      onChange,
      probeMs: 100,
    })
    expect(await let64(limiter)).toBe(64)
    let through = 64
    const load = (async () => {
      for (let round = 0; round < 100 && limiter.where === 'shared'; round += 1) {
        through += await let64(limiter)
        await delay(5)
      }
    })()
    await server.kill9()
    await load
    expect(limiter.where).toBe('local')
    through += await let64(limiter)
    through += await let64(limiter)
    expect(through).toBeLessThanOrEqual(150)
    expect(await let64(limiter)).toBe(0)
    await server.restart()
    await expect.poll(() => limiter.where, { timeout: 10_000 }).toBe('shared')
    // Nothing of it was worth a disk: the quota is whole again.
    expect((await let64(limiter)) + (await let64(limiter))).toBe(100)
    expect(told.map((line) => line.split(':')[0])).toEqual(['local', 'shared'])
  })
})
