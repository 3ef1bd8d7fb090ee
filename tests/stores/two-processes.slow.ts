import { describe, test } from 'vitest'
import { ENGINES } from '../harness/engines.ts'
import { openHouse } from '../harness/house.ts'
import { raceForLastUse, revokeElsewhere, startPair } from './two-processes.ts'

const ROUNDS = 1000

describe.each(Object.entries(ENGINES))('on %s', (_, start) => {
  test(`the last use of a grant goes to exactly one of 64 clients, in ${ROUNDS} rounds`, async () => {
    await using engine = await start()
    const { openDatabase, postgresUrl } = await engine.fresh()
    await using house = await openHouse({ openDatabase })
    const { directory, objectsUrl } = house
    await using pair = await startPair({ directory, objectsUrl, postgresUrl })
    await raceForLastUse(house, pair, ROUNDS, 64)
    await revokeElsewhere(house, pair, 100)
  })
})
