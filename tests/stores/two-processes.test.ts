import { afterAll, beforeAll, describe, test } from 'vitest'
import { type House, openHouse } from '../harness/house.ts'
import { type Pair, raceForLastUse, revokeElsewhere, startPair } from './two-processes.ts'

// A thousand rounds, on both engines: npm run test:slow.
describe('on SQLite', () => {
  let house: House
  let pair: Pair
  beforeAll(async () => {
    house = await openHouse()
    const { directory, objectsUrl } = house
    pair = await startPair({ directory, objectsUrl, postgresUrl: null })
  })
  afterAll(async () => {
    await pair[Symbol.asyncDispose]()
    await house[Symbol.asyncDispose]()
  })

  test('the last use of a grant goes to exactly one of 64 clients', () => raceForLastUse(house, pair, 50, 64))
  test('what one process revokes, the other refuses', () => revokeElsewhere(house, pair, 20))
})
