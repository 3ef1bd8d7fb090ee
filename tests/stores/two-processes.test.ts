import { afterAll, beforeAll, describe, test } from 'vitest'
import { ENGINES, type Engine } from '../harness/engines.ts'
import { type House, openHouse } from '../harness/house.ts'
import { type Pair, raceForLastUse, revokeElsewhere, startPair } from './two-processes.ts'

// A thousand rounds: npm run test:slow.
describe.each(Object.entries(ENGINES))('on %s', (_, start) => {
  let engine: Engine
  let house: House
  let pair: Pair
  beforeAll(async () => {
    engine = await start()
    const { openDatabase, postgresUrl } = await engine.fresh()
    house = await openHouse({ openDatabase })
    const { directory, objectsUrl } = house
    pair = await startPair({ directory, objectsUrl, postgresUrl })
  })
  afterAll(async () => {
    await pair[Symbol.asyncDispose]()
    await house[Symbol.asyncDispose]()
    await engine[Symbol.asyncDispose]()
  })

  test('the last use of a grant goes to exactly one of 64 clients', () => raceForLastUse(house, pair, 25, 64))
  test('what one process revokes, the other refuses', () => revokeElsewhere(house, pair, 20))
})
