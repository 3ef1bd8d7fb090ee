import { afterAll, beforeAll, expect, test } from 'vitest'
import { type House, openHouse } from '../harness/house.ts'
import { deaths, expectAllThere, fill, rotateUnderLoad } from './rotation-under-load.ts'

// The same with 100,000 records: npm run test:slow.
const LOAD = { records: 2_500, watched: 20 }
const CALLS = [2]

let house: House
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house[Symbol.asyncDispose]())

test('the root key is rotated under load by workers that are killed at every step; no read fails', async () => {
  const known = await fill(house, LOAD)
  const where = { directory: house.directory, objectsUrl: house.objectsUrl, postgresUrl: null }
  const { killed, left, reads, failed } = await rotateUnderLoad(house, known, where, CALLS)
  expect(failed).toEqual([])
  expect(reads).toBeGreaterThan(50)
  expect(killed).toBe(deaths(CALLS).length)
  expect(left).toBe(0)
  await house.restart('second')
  await expectAllThere(house, known)
})
