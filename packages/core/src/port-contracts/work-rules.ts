import { expect, test } from 'vitest'
import type { Database } from '../ports.ts'
import type { OpenDatabase } from './database-under-test.ts'
import { NOW } from './sample-rows.ts'

const findWork = (database: Database) => database.read((reader) => reader.findWork())
const fresh = { cursor: null, done: 0, finishedAt: null }
const going = { cursor: 'a', done: 7, finishedAt: null, release: false }

/**
 * One holder at a time. What is noted belongs to the work, not to its holder: the next one goes on from there. A run
 * ends with `finishedAt`: the cursor is back at the beginning, how much was done stays to be seen until the next run
 * takes the lease, and counts from 0.
 */
export function workRules(open: OpenDatabase): void {
  leaseRules(open)
  progressRules(open)
}

function leaseRules(open: OpenDatabase): void {
  test('who comes first gets it, others do not, and the holder prolongs it', async () => {
    await using under = await open()
    const { database } = under
    const { takeLease } = database.commit
    const held = { name: 'reseal', holder: 'a', leaseUntil: NOW + 10, ...fresh }
    expect(await takeLease('reseal', 'a', NOW, NOW + 10)).toEqual(held)
    expect(await takeLease('reseal', 'b', NOW, NOW + 10)).toBeNull()
    expect(await takeLease('reseal', 'b', NOW + 9, NOW + 90)).toBeNull()
    expect(await findWork(database)).toEqual([held])
    const prolonged = { ...held, leaseUntil: NOW + 20 }
    expect(await takeLease('reseal', 'a', NOW + 9, NOW + 20)).toEqual(prolonged)
    expect(await takeLease('reseal', 'b', NOW + 19, NOW + 90)).toBeNull()
    expect(await findWork(database)).toEqual([prolonged])
  })

  test('each work has a lease of its own; they are listed by name', async () => {
    await using under = await open()
    const { database } = under
    for (const [name, holder] of [
      ['reseal', 'a'],
      ['expire', 'b'],
      ['reap', 'a'],
    ] as const) {
      expect(await database.commit.takeLease(name, holder, NOW, NOW + 10)).toMatchObject({ name, holder })
    }
    expect((await findWork(database)).map(({ name, holder }) => [name, holder])).toEqual([
      ['expire', 'b'],
      ['reap', 'a'],
      ['reseal', 'a'],
    ])
  })

  test('one that has run out is taken over, in the millisecond in which it does; the old holder is out', async () => {
    await using under = await open()
    const { database } = under
    const { takeLease, saveWork } = database.commit
    await takeLease('reap', 'a', NOW, NOW + 10)
    // Late, but nobody else is at it.
    expect(await saveWork('reap', 'a', going)).toBe(true)
    const taken = { name: 'reap', holder: 'b', leaseUntil: NOW + 20, cursor: 'a', done: 7, finishedAt: null }
    expect(await takeLease('reap', 'b', NOW + 10, NOW + 20)).toEqual(taken)
    expect(await saveWork('reap', 'a', { cursor: 'z', done: 99, finishedAt: NOW, release: true })).toBe(false)
    expect(await takeLease('reap', 'a', NOW + 11, NOW + 90)).toBeNull()
    expect(await findWork(database)).toEqual([taken])
  })

  test('one that was given back is free at once; who gave it back holds it no more', async () => {
    await using under = await open()
    const { takeLease, saveWork } = under.database.commit
    await takeLease('reap', 'a', NOW, NOW + 10)
    expect(await saveWork('reap', 'a', { ...going, release: true })).toBe(true)
    const { name, cursor, done } = { name: 'reap', cursor: 'a', done: 7 }
    const free = { name, holder: null, leaseUntil: 0, cursor, done, finishedAt: null }
    expect(await findWork(under.database)).toEqual([free])
    expect(await saveWork('reap', 'a', { ...going, done: 8 })).toBe(false)
    expect(await findWork(under.database)).toEqual([free])
    expect(await takeLease('reap', 'b', NOW, NOW + 10)).toEqual({
      ...free,
      holder: 'b',
      leaseUntil: NOW + 10,
    })
  })

  test('nobody can save a work that was never taken', async () => {
    await using under = await open()
    expect(await under.database.commit.saveWork('reap', 'a', going)).toBe(false)
    expect(await findWork(under.database)).toEqual([])
  })
}

function progressRules(open: OpenDatabase): void {
  test('cursor and count outlive the holder, also where there is no cursor', async () => {
    await using under = await open()
    const { takeLease, saveWork } = under.database.commit
    let now = NOW
    for (const [holder, cursor, done] of [
      ['a', 'x'.repeat(200), 5],
      ['b', null, 9],
      ['b', 'é/1', 12],
    ] as const) {
      await takeLease('reap', holder, now, now + 10)
      expect(await saveWork('reap', holder, { cursor, done, finishedAt: null, release: false })).toBe(true)
      now += 10
      expect(await takeLease('reap', 'b', now, now + 10)).toMatchObject({ cursor, done, finishedAt: null })
      now += 10
    }
  })

  test('a run that is over starts again at the beginning and counts from 0; when it ended stays known', async () => {
    await using under = await open()
    const { database } = under
    const { takeLease, saveWork } = database.commit
    await takeLease('reap', 'a', NOW, NOW + 10)
    await saveWork('reap', 'a', going)
    const last = { cursor: 'ignored', done: 12, finishedAt: NOW + 5, release: true }
    expect(await saveWork('reap', 'a', last)).toBe(true)
    const over = { name: 'reap', holder: null, leaseUntil: 0, cursor: null, done: 12, finishedAt: NOW + 5 }
    expect(await findWork(database)).toEqual([over])

    const again = { ...over, holder: 'b', leaseUntil: NOW + 20, done: 0 }
    expect(await takeLease('reap', 'b', NOW + 10, NOW + 20)).toEqual(again)
    expect(await findWork(database)).toEqual([again])
    await saveWork('reap', 'b', { cursor: null, done: 3, finishedAt: null, release: false })
    // Prolonging begins no new run, nor does going on with one that another has left.
    expect(await takeLease('reap', 'b', NOW + 12, NOW + 20)).toEqual({ ...again, done: 3 })
    expect(await takeLease('reap', 'c', NOW + 20, NOW + 30)).toMatchObject({ done: 3, finishedAt: NOW + 5 })
    await saveWork('reap', 'c', { cursor: null, done: 4, finishedAt: NOW + 25, release: false })
    expect(await findWork(database)).toMatchObject([{ holder: 'c', done: 4, finishedAt: NOW + 25 }])
    expect(await takeLease('reap', 'c', NOW + 26, NOW + 40)).toMatchObject({ holder: 'c', done: 0 })
  })
}
