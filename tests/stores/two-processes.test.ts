import { afterAll, beforeAll, describe, test } from 'vitest'
import { ENGINES, type Engine } from '../harness/engines.ts'
import { type House, openHouse } from '../harness/house.ts'
import {
  type Pair,
  raceForLastUse,
  raceForRoom,
  raceWithTheSwitch,
  startPair,
  watchPostgres,
  watchSqlite,
} from './two-processes.ts'

describe.each(Object.entries(ENGINES))('two processes on %s', (_, start) => {
  let engine: Engine
  let house: House
  let pair: Pair
  let postgresUrl: string | null
  beforeAll(async () => {
    engine = await start()
    const fresh = await engine.fresh()
    postgresUrl = fresh.postgresUrl
    house = await openHouse({ openDatabase: fresh.openDatabase })
    const { directory, objectsUrl } = house
    pair = await startPair({ directory, objectsUrl, postgresUrl })
  })
  afterAll(async () => {
    await pair[Symbol.asyncDispose]()
    await house[Symbol.asyncDispose]()
    await engine[Symbol.asyncDispose]()
  })

  test('the last use of a grant goes to exactly one', () => raceForLastUse(house, pair, 3, 64))

  test('a session gets exactly as many grants as it may have', () =>
    raceForRoom(house, pair, { rounds: 4, clients: 64, room: 24 }))

  test('nothing is given once the call that sets a block has been answered', async () => {
    const watch = postgresUrl === null ? watchSqlite(house.databaseFile) : watchPostgres(postgresUrl)
    await raceWithTheSwitch(house, pair, watch, { rounds: 10, clients: 64 })
  })
})
