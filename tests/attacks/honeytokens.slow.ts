import { expect, test } from 'vitest'
import { ENGINES } from '../harness/engines.ts'
import { openHouse } from '../harness/house.ts'
import { freezesOnTheOther } from './honeytokens-on-two.ts'

test('PostgreSQL: a touch on one process freezes the session on the other, at the next call', async () => {
  await using engine = await ENGINES.PostgreSQL()
  const { openDatabase, postgresUrl } = await engine.fresh()
  expect(postgresUrl).not.toBeNull()
  await using house = await openHouse({ openDatabase })
  await freezesOnTheOther(house, postgresUrl)
}, 120_000)
