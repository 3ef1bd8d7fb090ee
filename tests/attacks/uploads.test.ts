import type { AppId, TokenId } from '@lunadefend/contract'
import {
  abortUpload,
  beginRekey,
  type Caller,
  completeRekey,
  completeUpload,
  type Database,
  deleteToken,
  type Needs,
  type ObjectStore,
  type Parts,
  presignParts,
  rekeyToken,
  revokeGrant,
  sweepDeletions,
  tokenize,
  verifyGrant,
} from '@lunadefend/core'
import { readAudit } from '@lunadefend/stores/sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dataOf, type House, openHouse, put, SID } from '../harness/house.ts'

const PART = 16 * 1024 ** 2
const VALUE = Buffer.alloc(PART, 'v')
const HOUR = 3_600_000
const DENIED = { ok: false, code: 'access_denied' }

let house: House
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house[Symbol.asyncDispose]())

async function begin(ttlSeconds: number | null = null): Promise<TokenId> {
  const { tokenId } = await tokenize(house.needs, house.application, {
    metadata: null,
    contentLength: PART,
    acceptsEndToEnd: false,
    acceptsParts: true,
    ttlSeconds,
  })
  return tokenId
}

async function partOf(token: TokenId): Promise<Parts['parts'][number]> {
  const command = { token, partNumbers: [1], resume: false }
  const [part] = dataOf(await presignParts(house.needs, house.application, command)).parts
  if (part === undefined) throw new Error('There is no part.')
  return part
}

async function objects(): Promise<number> {
  return (await house.needs.objectStore.list(null, 100)).items.length
}

const complete = (token: TokenId, needs = house.needs) => completeUpload(needs, house.application, token)
const verify = (token: TokenId) =>
  verifyGrant(house.needs, house.application, { sid: SID, tokens: [token], access: 'store', consume: false })

/** Nothing may be asked of the object store. */
const untouchable = new Proxy({} as ObjectStore, {
  get: (_, name) => () => Promise.reject(new Error(`The object store was asked to ${String(name)}.`)),
})

type Attempt = (needs: Needs, caller: Caller, token: TokenId) => Promise<unknown>
const UPLOADS: [string, Attempt][] = [
  [
    'upload-parts',
    (needs, caller, token) => presignParts(needs, caller, { token, partNumbers: [1], resume: true }),
  ],
  ['upload-complete', completeUpload],
  ['upload-abort', abortUpload],
]

describe.each(UPLOADS)('%s', (action, attempt) => {
  const stranger: Caller = {
    actor: { kind: 'application', app: 'other' as AppId, sid: SID },
    requestId: 'r',
    network: null,
  }

  test.each<[string, string, (token: TokenId) => unknown, Caller?]>([
    ['of another app', 'unknown-token', () => {}, stranger],
    ['whose grant has expired', 'grant-expired', () => house.clock.advance(24 * HOUR)],
    ['whose grant was revoked', 'no-grant', (token) => revoke(token)],
    ['that was deleted', 'token-deleted', (token) => deleteToken(house.needs, house.application, token)],
    ['whose time to live is over', 'token-expired', () => house.clock.advance(2 * HOUR)],
  ])('for a token %s: refused, in the audit log, and no key is used', async (_, refusal, prepare, caller) => {
    const token = await begin(refusal === 'token-expired' ? 3600 : null)
    await prepare(token)
    const before = readAudit(house.databaseFile).length
    const needs = { ...house.needs, objectStore: untouchable }
    expect(await attempt(needs, caller ?? house.application, token)).toEqual(DENIED)
    const rows = readAudit(house.databaseFile).slice(before)
    expect(rows.map((row) => [row.action, row.refusal])).toEqual([[action, refusal]])
  })

  const revoke = (token: TokenId) =>
    revokeGrant(house.needs, house.application, { sid: SID, tokens: [token] })
})

describe('record first: when the audit row cannot be written, no key is opened and no store is asked', () => {
  test.each<[string, Attempt]>([
    ...UPLOADS,
    ['rekey-token', rekeyToken],
    ['the beginning of a re-keying', beginRekey],
    ['the end of a re-keying', (needs, caller, token) => completeRekey(needs, caller, token, 'AAAA')],
  ])('%s', async (_, attempt) => {
    const token = await begin()
    await house.grant(token)
    const { database, keys } = house.needs
    const refuse = () => Promise.reject(new Error('no room'))
    const commit = { ...database.commit, decide: refuse, recordAudit: refuse }
    let opened = 0
    const prf: typeof keys.root.prf = (...args) => {
      opened += 1
      return keys.root.prf(...args)
    }
    const root = { activeKid: keys.root.activeKid, kids: keys.root.kids, prf }
    const needs: Needs = {
      ...house.needs,
      objectStore: untouchable,
      keys: { root, ring: keys.ring },
      database: { ...database, read: database.read.bind(database), commit } as Database,
    }
    await expect(attempt(needs, house.application, token)).rejects.toThrow('no room')
    expect(opened).toBe(0)
  })
})

test('a value that was verified cannot be replaced by any URL that its uploader holds', async () => {
  const token = await begin()
  const part = await partOf(token)
  await put(part, VALUE)
  expect(await verify(token), 'parts are no object').toEqual([false])
  expect(await complete(token)).toEqual({ ok: true, data: null })
  expect(await verify(token)).toEqual([true])
  await expect(put(part, Buffer.alloc(PART, 'x'))).rejects.toThrow('404')
  await house.grant(token)
  expect(await house.read(token)).toBe(VALUE.toString())
  // Asking again touches nothing.
  expect(await complete(token, { ...house.needs, objectStore: untouchable })).toEqual({
    ok: true,
    data: null,
  })
})

test('a token that is deleted while its upload is put together stays deleted, and its object goes', async () => {
  const others = await objects()
  const token = await begin()
  await put(await partOf(token), VALUE)
  const { objectStore } = house.needs
  const late = async (...args: Parameters<ObjectStore['completeUpload']>) => {
    dataOf(await deleteToken(house.needs, house.application, token))
    return objectStore.completeUpload(...args)
  }
  const needs = { ...house.needs, objectStore: { ...objectStore, completeUpload: late } }
  expect(await complete(token, needs)).toEqual({ ok: false, code: 'no_upload' })
  expect(await objects()).toBe(others)
  expect(await complete(token)).toEqual(DENIED)
  expect(await verify(token)).toEqual([false])
  house.clock.advance(7 * 60_000)
  await sweepDeletions(house.needs, 10)
  expect(await objects()).toBe(others)
})
