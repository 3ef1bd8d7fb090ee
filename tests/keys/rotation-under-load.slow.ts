import { describe, expect, test } from 'vitest'
import { ENGINES } from '../harness/engines.ts'
import { openHouse } from '../harness/house.ts'
import { deaths, expectAllThere, fill, rotateUnderLoad } from './rotation-under-load.ts'

const LOAD = { records: 100_000, watched: 200 }
/** Each of the 500 steps commits three times; so far into them, besides the first, each worker is killed. */
const CALLS = [1, 40]

describe.each(Object.entries(ENGINES))('on %s', (_, start) => {
  test('100,000 records get another root key while users read; workers are killed at every step', async () => {
    await using engine = await start()
    const { openDatabase, postgresUrl } = await engine.fresh()
    await using house = await openHouse({ openDatabase })
    const known = await fill(house, LOAD)
    const where = { directory: house.directory, objectsUrl: house.objectsUrl, postgresUrl }
    const { killed, left, reads, failed } = await rotateUnderLoad(house, known, where, CALLS)
    expect(failed).toEqual([])
    expect(reads).toBeGreaterThan(1000)
    expect(killed).toBe(deaths(CALLS).length)
    expect(left).toBe(0)
    await house.restart('second')
    await expectAllThere(house, known)
    process.stdout.write(
      `${reads} reads while ${LOAD.records} records were sealed anew, ${killed} workers killed\n`,
    )
  })
})
