import { readAudit } from '@lunadefend/stores/sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RunningPostgres, startPostgres } from '../harness/postgres.ts'
import { allowed, SUBSETS } from './leak-builds/allowed.ts'
import { type Estate, furnish } from './leak-builds/estate.ts'
import { tryEverything } from './leak-builds/try-everything.ts'

/*
 * A = the app's tokens, M = the Tokenizer's database, R = the root key, O = the objects with the key and the
 * credentials of their store. No one, two or three of them give a value; all four do: of values that the store protects
 * and of values that are encrypted end to end, whole and in parts. The thief is in ../harness/thief.ts; that they would
 * find a leak if there were one is shown in leak-builds. Every byte in both databases: leaks.slow.ts.
 */

describe('records in SQLite', () => {
  let estate: Estate
  beforeAll(async () => {
    estate = await furnish({ pace: 'both ends' })
  })
  afterAll(() => estate?.[Symbol.asyncDispose]())
  tryEverything(() => estate)
  describe('what can be done online', () => online(() => estate))
})

describe('records in PostgreSQL, and values that went in parts', () => {
  let postgres: RunningPostgres
  let estate: Estate
  beforeAll(async () => {
    postgres = await startPostgres()
    estate = await furnish({ pace: 'both ends', plan: 'long', postgres })
  })
  afterAll(async () => {
    await estate?.[Symbol.asyncDispose]()
    await postgres?.[Symbol.asyncDispose]()
  })
  tryEverything(() => estate)
})

test('a value takes all four', () => {
  expect(SUBSETS.filter((held) => allowed(held).includes('value'))).toEqual(['AMRO'])
})

function online(robbed: () => Estate): void {
  test("the app's signing key and its tokens read, as the app itself may, and it is on record", async () => {
    const { on, secrets } = robbed()
    const { token = '', value } = secrets[0] ?? {}
    await on.grant('sid-of-thief', token)
    const headers = await on.application({ sid: 'sid-of-thief' })
    const answer = await on.wire.call('/detokenize', { headers, body: { tokenId: token } })
    expect(await on.reveal(answer)).toBe(value)
    const requestId = answer.headers.get('x-request-id')
    const row = readAudit(on.lunaDefend.paths.database).find((row) => row.requestId === requestId)
    expect(row).toMatchObject({ actor: 'application', action: 'detokenize', refusal: null })
  })

  test("one app's signing key does not read another app's tokens", async () => {
    const { on, secrets } = robbed()
    const foreign = secrets.find(({ app }) => app === 'other')
    const body = { sessionId: 'sid-of-thief', tokenId: foreign?.token }
    expect((await on.wire.call('/grant/set', { headers: await on.application(), body })).status).toBe(403)
    const headers = await on.application({ sid: foreign?.sid })
    const asked = await on.wire.call('/detokenize', { headers, body: { tokenId: foreign?.token } })
    expect(asked.status).toBe(403)
  })
}
