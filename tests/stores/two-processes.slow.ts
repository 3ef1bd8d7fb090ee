import { describe, test } from 'vitest'
import { ENGINES } from '../harness/engines.ts'
import { openHouse } from '../harness/house.ts'
import {
  raceForLastUse,
  raceForRoom,
  raceWithTheSwitch,
  revokeElsewhere,
  startPair,
  watchPostgres,
  watchSqlite,
} from './two-processes.ts'

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

  test('of 64 clients none is given anything once a block is set, in 400 rounds; nor a grant too many, in 100', async () => {
    await using engine = await start()
    const { openDatabase, postgresUrl } = await engine.fresh()
    await using house = await openHouse({ openDatabase })
    const { directory, objectsUrl } = house
    await using pair = await startPair({ directory, objectsUrl, postgresUrl })
    const watch = postgresUrl === null ? watchSqlite(house.databaseFile) : watchPostgres(postgresUrl)
    await raceWithTheSwitch(house, pair, watch, { rounds: 400, clients: 64 })
    await raceForRoom(house, pair, { rounds: 100, clients: 64, room: 24 })
  })
})
