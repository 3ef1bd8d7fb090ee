import { DatabaseSync } from 'node:sqlite'
import type { TokenId } from '@lunadefend/contract'
import { deleteToken, sweepDeletions, verifyGrant } from '@lunadefend/core'
import { type AuditRow, readAudit } from '@lunadefend/stores/sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Detour, startDetour } from '../harness/detour.ts'
import { dataOf, type House, objectStoreAt, openHouse, SID } from '../harness/house.ts'
import { startCrampedServant } from '../harness/house-servant.ts'

let house: House
let detour: Detour
beforeEach(async () => {
  house = await openHouse({
    storeTimeoutMs: 1500,
    viaPort: async (port) => {
      detour = await startDetour(port)
      return detour.port
    },
  })
})
afterEach(async () => {
  await house[Symbol.asyncDispose]()
  await detour[Symbol.asyncDispose]()
})

const stored = (token: TokenId) =>
  verifyGrant(house.needs, house.application, { sid: SID, tokens: [token], access: 'store', consume: false })

/** Every writer's rows are numbered without a gap. */
function expectGapless(rows: readonly AuditRow[]): void {
  const writers = Map.groupBy(rows, ({ writer }) => writer)
  for (const own of writers.values())
    expect(own.map(({ seq }) => seq)).toEqual(own.map((_, index) => index + 1))
}

function failing(times: number, status: number) {
  let left = times
  return () => {
    left -= 1
    return left < 0
      ? null
      : {
          status,
          headers: { 'content-type': 'application/xml' },
          body: '<Error><Code>SlowDown</Code></Error>',
        }
  }
}

describe('the object store', () => {
  test('is down: what needs it fails with its name, what does not goes on; then all is as it was', async () => {
    const token = await house.protect('value')
    await house.grant(token)
    detour.meddling = { answer: () => 'cut' }
    await expect(stored(token)).rejects.toMatchObject({ code: 'objects_unreachable' })
    const receipt = dataOf(await deleteToken(house.needs, house.application, await protectAnother()))
    expect(receipt.objectRemoved).toBe(false)
    detour.meddling = {}
    // The circuit breaker opens, and closes by itself.
    await expect.poll(() => stored(token).catch(() => null), { timeout: 15_000 }).toEqual([true])
    expect(await house.read(token)).toBe('value')
    house.clock.advance(7 * 60_000)
    expect(await sweepDeletions(house.needs, 10)).toBe(1)
    expect((await house.needs.objectStore.list(null, 10)).items).toHaveLength(1)
    expectGapless(readAudit(house.databaseFile))

    async function protectAnother() {
      detour.meddling = {}
      const other = await house.protect('another')
      detour.meddling = { answer: () => 'cut' }
      return other
    }
  })

  test('says 503 twice: nobody notices', async () => {
    const token = await house.protect('value')
    detour.meddling = { answer: failing(2, 503) }
    expect(await stored(token)).toEqual([true])
  })

  test('says 503 for ever: the failure says so, and nothing is remembered', async () => {
    const token = await house.protect('value')
    detour.meddling = { answer: failing(1000, 503) }
    await expect(stored(token)).rejects.toMatchObject({ name: 'PortFailure' })
    const db = new DatabaseSync(house.databaseFile, { readOnly: true })
    expect(db.prepare('SELECT stored_at FROM records').get()).toEqual({ stored_at: null })
    db.close()
  })

  test('never answers: the call ends, and says who did not', async () => {
    const token = await house.protect('value')
    detour.meddling = { answer: () => 'hold' }
    await expect(stored(token)).rejects.toMatchObject({ code: 'objects_unreachable' })
  })

  test('has done it, and the answer is lost: to ask again is right', async () => {
    const token = await house.protect('value')
    let lost = 0
    detour.meddling = {
      answer: ({ method }) => {
        if (method !== 'DELETE' || lost > 0) return null
        lost += 1
        return 'lose'
      },
    }
    const receipt = dataOf(await deleteToken(house.needs, house.application, token))
    expect([lost, receipt.objectRemoved]).toEqual([1, true])
    expect((await house.needs.objectStore.list(null, 1)).items).toEqual([])
  })

  test('has another clock: the failure names the clock', async () => {
    const ahead = { now: () => house.clock.now() + 20 * 60_000 }
    await using skewed = objectStoreAt(house.objectsUrl, ahead)
    const failure = skewed.list(null, 1)
    await expect(failure).rejects.toMatchObject({ code: 'objects_refused' })
    await expect(failure).rejects.toThrow(/clock/)
  })
})

describe('the root key', () => {
  test('is another one: no start, and nothing is changed', async () => {
    const token = await house.protect('value')
    await house.grant(token)
    await expect(house.restart('another')).rejects.toThrow()
    await house.restart('first')
    expect(await house.read(token)).toBe('value')
  })
})

describe('the database', () => {
  test('is held by somebody: busy, in time; nothing was changed, and it goes on', async () => {
    const token = await house.protect('value')
    await house.grant(token, { maxUses: 1 })
    const other = new DatabaseSync(house.databaseFile)
    other.exec('BEGIN IMMEDIATE')
    const attempt = house.read(token)
    await expect(attempt).rejects.toMatchObject({ code: 'database_busy' })
    other.exec('ROLLBACK')
    other.close()
    expect(await house.read(token)).toBe('value')
    expect(await house.read(token)).toBeNull()
    expectGapless(readAudit(house.databaseFile))
  })

  test('has no room: the failure is clear, and everything that was acknowledged is there', async () => {
    const first = await house.protect('value')
    const options = {
      directory: house.directory,
      objectsUrl: house.objectsUrl,
      postgresUrl: null,
      rootKeys: ['first'],
    }
    await using cramped = await startCrampedServant(options, 1024 * 1024)
    const { made, code } = await cramped.ask<{ made: TokenId[]; code: string }>({ kind: 'fill' })
    expect(code).toMatch(/^database_/)
    expect(made.length).toBeGreaterThan(10)
    // It says so again, and does not pretend.
    expect(await cramped.ask<{ made: TokenId[] }>({ kind: 'fill' })).toMatchObject({ made: [], code })
    for (const token of made) await house.grant(token)
    const rows = readAudit(house.databaseFile)
    expect(rows.filter(({ action }) => action === 'tokenize')).toHaveLength(made.length + 1)
    expectGapless(rows)
    await house.grant(first)
    expect(await house.read(first)).toBe('value')
  })
})
