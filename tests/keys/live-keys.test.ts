import { rotateRingKey } from '@lunadefend/core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type LiveKeys, openLiveKeys } from '../../packages/tokenizer/src/live-keys.ts'
import { type House, openHouse } from '../harness/house.ts'

const SECOND = 1000

let house: House
let live: LiveKeys
let elapsed: number
let failures: string[]
let away: boolean
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  house = await openHouse()
  elapsed = 0
  failures = []
  const { database, clock, keys } = house.needs
  const { activeKid, kids, prf } = keys.root
  away = false
  const reach: typeof prf = (...args) => (away ? Promise.reject(new Error('the HSM is away')) : prf(...args))
  const needs = { database, clock, root: { activeKid, kids, prf: reach } }
  live = await openLiveKeys(
    needs,
    (error) => failures.push(error.name),
    () => elapsed,
  )
})
afterEach(async () => {
  vi.useRealTimers()
  await live[Symbol.asyncDispose]()
  await house[Symbol.asyncDispose]()
})

test('a process that was stopped for a minute uses no key before it has looked at the ring again', async () => {
  elapsed = 59 * SECOND
  expect(live.ring.version).toBe(house.needs.keys.ring.version)
  elapsed = 60 * SECOND
  expect(() => live.ring).toThrow(expect.objectContaining({ code: 'database_unreachable' }))
  await live.refresh()
  expect(live.ring.version).toBe(house.needs.keys.ring.version)
})

test('what another process did is known within 30 seconds, whatever else is going on', async () => {
  await rotateRingKey(house.needs, 'rotation', 'locator')
  expect(live.ring.locator).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(30 * SECOND)
  await expect.poll(() => live.ring.locator.length).toBe(2)
})

test('a ring that cannot be read is told, tried again soon, and not used for longer than a minute', async () => {
  const read = vi.spyOn(house.needs.database, 'read').mockRejectedValue(new Error('the database is away'))
  await vi.advanceTimersByTimeAsync(30 * SECOND)
  await vi.advanceTimersByTimeAsync(4 * SECOND)
  expect(failures).toEqual(['Error', 'Error'])
  elapsed = 61 * SECOND
  expect(() => live.ring).toThrow()
  read.mockRestore()
  await vi.advanceTimersByTimeAsync(4 * SECOND)
  await expect.poll(() => live.ring.version).toBe(house.needs.keys.ring.version)
})

describe('while what holds the root key is away', () => {
  test('a ring that is still the same is used on: sessions end and grants are revoked without a root key', async () => {
    away = true
    elapsed = 10 * 60 * SECOND
    await expect(live.refresh()).rejects.toThrow('the HSM is away')
    expect(live.ring.version).toBe(house.needs.keys.ring.version)
  })

  test('one that is another by now is not', async () => {
    await rotateRingKey(house.needs, 'rotation', 'session')
    away = true
    elapsed = 61 * SECOND
    await expect(live.refresh()).rejects.toThrow('the HSM is away')
    expect(() => live.ring).toThrow()
  })
})
