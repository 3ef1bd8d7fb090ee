import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readAudit } from '@lunadefend/stores/sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { filesBelow, findLeaksInFiles } from '../harness/leaks.ts'
import { KINDS } from '../harness/thief.ts'
import { Writer } from '../harness/writer.ts'
import { allowed, SUBSETS } from './leak-builds/allowed.ts'
import { type Estate, furnish, PURPOSE } from './leak-builds/estate.ts'

/*
 * A = the app's tokens, M = the Tokenizer's database, R = the root key, O = the objects with the key and the
 * credentials of their store. No one, two or three of them give a value; all four do. The thief is in
 * ../harness/thief.ts; that they would find a leak if there were one is shown in leak-builds.
 */

let estate: Estate
beforeAll(async () => {
  estate = await furnish()
}, 60_000)
afterAll(() => estate[Symbol.asyncDispose]())

const wonBy = async (held: string) => {
  const haul = await estate.haul(held)
  return (kind: (typeof KINDS)[number]) => [...(haul.get(kind) ?? [])].sort()
}

describe('what a leak gives', () => {
  test.each(SUBSETS)('"%s"', async (held) => {
    const won = await wonBy(held)
    const truth = estate.truth()
    expect(KINDS.filter((kind) => won(kind).length > 0)).toEqual(allowed(held))
    // The ring is one thing, which is not known otherwise.
    for (const kind of KINDS.filter((kind) => kind !== 'key ring'))
      expect(won(kind), kind).toEqual(allowed(held).includes(kind) ? [...truth[kind]].sort() : [])
    expect(won('key ring')).toHaveLength(allowed(held).includes('key ring') ? 1 : 0)
  })

  test('a value takes all four', () => {
    expect(SUBSETS.filter((held) => allowed(held).includes('value'))).toEqual(['AMRO'])
  })

  test('app and database show, by time, whose row is whose; nothing in them proves it', async () => {
    const won = await wonBy('AM')
    expect(won('token by time')).toHaveLength(estate.secrets.length)
    expect(won('link')).toEqual([])
  })

  test('a deleted value is gone for good, even for a thief of everything', async () => {
    const deleted = estate.secrets.find(({ fate }) => fate === 'deleted')
    const won = await wonBy('AMRO')
    expect(won('value')).not.toContain(deleted?.value)
    expect(won('data key')).not.toContain(deleted?.dataKey.toString('hex'))
    expect(estate.loot.objects.names).not.toContain(deleted?.objectKey)
  })
})

describe('nothing lies about in the clear', () => {
  test('no value and no token, in any file of the installation', () => {
    const secrets = estate.secrets.flatMap(({ value, token }) => [value, token])
    expect(findLeaksInFiles(estate.on.directory, secrets)).toEqual([])
  })

  test('no part of a token, an access token, a session id or metadata in the database', () => {
    const pieces = estate.secrets.flatMap(({ token, accessToken, sid }) => [
      token.slice(-20),
      accessToken.slice(0, 20),
      accessToken.slice(-20),
      sid,
      `user of ${sid}`,
      'marker-of-metadata',
    ])
    expect(findLeaksInFiles(join(estate.stolen, 'M'), [...new Set(pieces)])).toEqual([])
  })

  test('no key of a value, in any file', () => {
    const spellings = estate.secrets.flatMap(({ dataKey }) => [
      dataKey,
      ...(['hex', 'base64', 'base64url'] as const).map((name) => Buffer.from(dataKey.toString(name))),
    ])
    const holders = filesBelow(estate.on.directory).filter((file) => {
      const bytes = readFileSync(join(estate.on.directory, file))
      return spellings.some((spelling) => bytes.includes(spelling))
    })
    expect(holders).toEqual([])
  })

  test('a purpose of a grant does, as the app wrote it', () => {
    using database = new Writer(estate.on.lunaDefend.paths.database)
    expect(database.all('SELECT DISTINCT purpose FROM grants WHERE purpose IS NOT NULL')).toEqual([
      { purpose: PURPOSE },
    ])
  })
})

describe('what can be done online', () => {
  test("the app's signing key and its tokens read, as the app itself may, and it is on record", async () => {
    const { on, secrets } = estate
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
    const { on, secrets } = estate
    const foreign = secrets.find(({ app }) => app === 'other')
    const body = { sessionId: 'sid-of-thief', tokenId: foreign?.token }
    expect((await on.wire.call('/grant/set', { headers: await on.application(), body })).status).toBe(403)
    const headers = await on.application({ sid: foreign?.sid })
    const asked = await on.wire.call('/detokenize', { headers, body: { tokenId: foreign?.token } })
    expect(asked.status).toBe(403)
  })
})
