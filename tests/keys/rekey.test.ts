import type { SessionId, TokenId } from '@lunadefend/contract'
import {
  beginRekey,
  type Caller,
  completeRekey,
  deleteToken,
  rekeyToken,
  sweepDeletions,
} from '@lunadefend/core'
import { readAudit } from '@lunadefend/stores/sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { APP, dataOf, type House, openHouse, put, SID } from '../harness/house.ts'
import { sendable } from '../harness/store.ts'

const KEY = 'x-amz-server-side-encryption-customer-key'
const DONE = { ok: true, data: null }

let house: House
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house[Symbol.asyncDispose]())

async function objectKeys(): Promise<string[]> {
  const { items } = await house.needs.objectStore.list(null, 1000)
  return items.map(({ objectKey }) => objectKey)
}

const rekey = (token: TokenId, caller = house.application) => rekeyToken(house.needs, caller, token)

async function readable(value: string): Promise<TokenId> {
  const token = await house.protect(value, { metadata: { kind: 'ssn' } })
  await house.grant(token)
  return token
}

test('the object store copies: another key, another object, the same token, nothing lost in between', async () => {
  const token = await readable('value')
  const before = await objectKeys()
  expect(await rekey(token)).toEqual(DONE)
  const now = await objectKeys()
  expect(now).toHaveLength(before.length + 1)
  expect(await house.read(token)).toBe('value')
  // URLs of the old object still work for a minute; then it goes.
  expect(await sweepDeletions(house.needs, 100)).toBe(0)
  house.clock.advance(7 * 60_000)
  await sweepDeletions(house.needs, 100)
  expect(await objectKeys()).toHaveLength(before.length)
  expect(await house.read(token)).toBe('value')
  const rows = readAudit(house.databaseFile).filter(({ action }) => action === 'rekey-token')
  expect(rows.map(({ refusal }) => refusal)).toEqual([null, null])
})

test('what is asked for while a token is re-keyed again and again is never refused and never wrong', async () => {
  const token = await readable('steady')
  let busy = true
  const reads: (string | null)[] = []
  const reading = (async () => {
    while (busy) reads.push(await house.read(token))
  })()
  for (let n = 0; n < 10; n += 1) expect(await rekey(token)).toEqual(DONE)
  busy = false
  await reading
  expect(reads.length).toBeGreaterThan(3)
  expect(new Set(reads)).toEqual(new Set(['steady']))
})

test('of two at once one wins, and the value is whole', async () => {
  const token = await readable('one of two')
  const outcomes = await Promise.all([rekey(token), rekey(token)])
  expect(outcomes).toContainEqual(DONE)
  for (const outcome of outcomes)
    expect([DONE, { ok: false, code: 'changed_meanwhile' }]).toContainEqual(outcome)
  expect(await house.read(token)).toBe('one of two')
})

test('a store that cannot copy between keys sends to the client', async () => {
  const token = await readable('value')
  const unable = { ...house.needs.objectStore, copy: async () => 'unable' as const }
  const needs = { ...house.needs, objectStore: unable }
  expect(await rekeyToken(needs, house.application, token)).toEqual({ ok: false, code: 'rekey_by_client' })
  expect(await house.read(token)).toBe('value')
})

test.each(['unknown', 'deleted'])('a token that is %s is refused, and that is audited', async (kind) => {
  const token =
    kind === 'unknown' ? ('lunasec-2b58d9b2-83c1-4e9b-9692-b149112810c8' as TokenId) : await readable('x')
  if (kind === 'deleted') await deleteToken(house.needs, house.application, token)
  expect(await rekey(token)).toEqual({ ok: false, code: 'access_denied' })
  const row = readAudit(house.databaseFile).findLast(({ action }) => action === 'rekey-token')
  expect(row?.refusal).toBe(kind === 'unknown' ? 'unknown-token' : 'token-deleted')
})

describe('by the client', () => {
  const begin = async (token: TokenId) => dataOf(await beginRekey(house.needs, house.application, token))
  const complete = (token: TokenId, ticket: string) =>
    completeRekey(house.needs, house.application, token, ticket)

  test('downloads, uploads anew, and brings the ticket back', async () => {
    const token = await readable('by hand')
    const { source, upload, ticket } = await begin(token)
    expect(upload.headers[KEY]).not.toBe(source.headers[KEY])
    expect(await complete(token, ticket)).toEqual({ ok: false, code: 'no_upload' })
    const old = await fetch(source.url, { headers: sendable(source.headers) })
    await put(upload, Buffer.from(await old.arrayBuffer()))
    expect(await complete(token, ticket)).toEqual(DONE)
    expect(await house.read(token)).toBe('by hand')
    expect(await complete(token, ticket), 'a second time').toEqual({ ok: false, code: 'changed_meanwhile' })
  })

  test('needs a read grant, and uses it', async () => {
    const token = await house.protect('value')
    expect(await beginRekey(house.needs, house.application, token)).toEqual({
      ok: false,
      code: 'access_denied',
    })
    await house.grant(token, { maxUses: 1 })
    await begin(token)
    expect(await house.read(token)).toBeNull()
    const actor = { kind: 'application', app: APP, sid: 'another' as SessionId } as const
    const other: Caller = { actor, requestId: 'a-request', network: null }
    expect(await beginRekey(house.needs, other, token)).toEqual({ ok: false, code: 'access_denied' })
    expect(SID).not.toBe('another')
  })

  test('a ticket is good for its token only, and for its generation only', async () => {
    const [one, other] = [await readable('one'), await readable('other')]
    const { upload, ticket } = await begin(one)
    await put(upload, Buffer.from('put in by somebody'))
    expect(await complete(other, ticket)).toEqual({ ok: false, code: 'changed_meanwhile' })
    expect(await house.read(other)).toBe('other')
    expect(await rekey(one)).toEqual(DONE)
    expect(await complete(one, ticket)).toEqual({ ok: false, code: 'changed_meanwhile' })
    expect(await house.read(one)).toBe('one')
  })

  test('no bit of a ticket can be another one', async () => {
    const token = await readable('value')
    const { upload, ticket } = await begin(token)
    await put(upload, Buffer.from('value'))
    const bytes = Buffer.from(ticket, 'base64url')
    for (let bit = 0; bit < bytes.length * 8; bit += 7) {
      const flipped = Buffer.from(bytes)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      const outcome = await complete(token, flipped.toString('base64url'))
      expect(outcome).toEqual({ ok: false, code: 'changed_meanwhile' })
    }
    for (const junk of ['', 'AAAA', '????', 'x'.repeat(1024)]) {
      expect(await complete(token, junk)).toEqual({ ok: false, code: 'changed_meanwhile' })
    }
    expect(await complete(token, ticket)).toEqual(DONE)
  })
})
