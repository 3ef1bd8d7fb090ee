import { randomBytes } from 'node:crypto'
import {
  deleteToken,
  expireStep,
  reapObjectsStep,
  reapRecordsStep,
  reapUploadsStep,
  sweepDeletions,
  tokenize,
} from '@lunadefend/core'
import { readAudit } from '@lunadefend/stores/sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { dataOf, type House, openHouse, put } from '../harness/house.ts'

let house: House
beforeEach(async () => {
  house = await openHouse()
})
afterEach(() => house[Symbol.asyncDispose]())

const HOUR = 3_600_000
const GIB = 1024 ** 3

async function objectKeys(): Promise<string[]> {
  const { items } = await house.needs.objectStore.list(null, 1000)
  return items.map(({ objectKey }) => objectKey)
}

function audited(action: string) {
  return readAudit(house.databaseFile).filter((row) => row.action === action)
}

const command = {
  metadata: null,
  contentLength: null,
  acceptsEndToEnd: false,
  acceptsParts: false,
  ttlSeconds: null,
} as const

describe('records whose value never arrived', () => {
  test('are shredded after a day, and those that arrived are not', async () => {
    const { tokenId: empty } = await tokenize(house.needs, house.application, command)
    const full = await house.protect('value')
    house.clock.advance(23 * HOUR)
    expect(await reapRecordsStep(house.needs, 'job', null)).toMatchObject({ done: 0 })
    house.clock.advance(2 * HOUR)
    expect(await reapRecordsStep(house.needs, 'job', null)).toMatchObject({ done: 1 })
    await house.grant(full)
    expect(await house.read(full)).toBe('value')
    await expect(house.grant(empty)).rejects.toThrow()
    expect(audited('reap-record')).toMatchObject([{ actor: 'system', app: 'acme', refusal: null }])
    // The other one is known to be there by now.
    expect(await reapRecordsStep(house.needs, 'job', null)).toEqual({ done: 0, next: null })
  })

  test('are left alone while the object store is empty: it may be another one', async () => {
    await tokenize(house.needs, house.application, command)
    house.clock.advance(25 * HOUR)
    expect(await reapRecordsStep(house.needs, 'job', null)).toEqual({ done: 0, next: null })
    expect(audited('reap-record')).toMatchObject([{ refusal: 'too-many-orphans' }])
  })

  test('are left alone while their upload in parts is under way', async () => {
    await house.protect('something')
    await tokenize(house.needs, house.application, { ...command, contentLength: GIB, acceptsParts: true })
    house.clock.advance(25 * HOUR)
    expect(await reapRecordsStep(house.needs, 'job', null)).toMatchObject({ done: 0 })
  })
})

describe('objects without a record', () => {
  async function orphan(): Promise<string> {
    const objectKey = `v1/${randomBytes(16).toString('hex')}`
    const bytes = Buffer.from('nobody knows me')
    await put(await house.needs.objectStore.presignPut(objectKey, randomBytes(32), bytes.length), bytes)
    return objectKey
  }

  test('are removed after a day, and the others are not', async () => {
    const token = await house.protect('value')
    const lost = await orphan()
    house.clock.advance(23 * HOUR)
    expect(await reapObjectsStep(house.needs, 'job', null)).toMatchObject({ done: 0 })
    house.clock.advance(2 * HOUR)
    expect(await reapObjectsStep(house.needs, 'job', null)).toMatchObject({ done: 1, next: null })
    expect(await objectKeys()).not.toContain(lost)
    await house.grant(token)
    expect(await house.read(token)).toBe('value')
    expect(audited('reap-objects')).toMatchObject([{ count: 1, refusal: null, app: null }])
  })

  test('are left alone when they would be most of all: the database may be an old one', async () => {
    const token = await house.protect('value')
    for (let n = 0; n < 12; n += 1) await orphan()
    house.clock.advance(25 * HOUR)
    expect(await reapObjectsStep(house.needs, 'job', null)).toMatchObject({ done: 0 })
    expect(await objectKeys()).toHaveLength(13)
    expect(audited('reap-objects')).toMatchObject([{ count: 12, refusal: 'too-many-orphans' }])
    expect(token).toBeTruthy()
  })

  test('that have another kind of name are nobody of ours', async () => {
    const bytes = Buffer.from('x')
    await house.protect('value')
    await put(await house.needs.objectStore.presignPut('v1/canary', null, 1), bytes)
    house.clock.advance(25 * HOUR)
    expect(await reapObjectsStep(house.needs, 'job', null)).toMatchObject({ done: 0 })
    expect(await objectKeys()).toContain('v1/canary')
  })
})

describe('time to live', () => {
  test('a token is refused from then on, and shredded soon after', async () => {
    const token = await house.protect('value', { ttlSeconds: 60 })
    const eternal = await house.protect('for ever')
    for (const each of [token, eternal]) await house.grant(each)
    expect(await house.read(token)).toBe('value')
    expect(await expireStep(house.needs, 'job')).toEqual({ done: 0, next: null })
    house.clock.advance(60_000)
    expect(await house.read(token)).toBeNull()
    await expect(house.grant(token)).rejects.toThrow()
    expect(audited('detokenize').at(-1)).toMatchObject({ refusal: 'token-expired' })
    expect(await expireStep(house.needs, 'job')).toEqual({ done: 1, next: null })
    expect(await objectKeys()).toHaveLength(1)
    expect(await house.read(eternal)).toBe('for ever')
    expect(audited('expire-token')).toMatchObject([{ actor: 'system', app: 'acme' }])
  })
})

describe('deletion', () => {
  test('gives a receipt that says what is done and when it is final', async () => {
    const token = await house.protect('value')
    const receipt = dataOf(await deleteToken(house.needs, house.application, token))
    expect(receipt.objectRemoved).toBe(true)
    expect(receipt.finalAt - receipt.shreddedAt).toBe(6 * 60_000)
    expect(await objectKeys()).toEqual([])
    const again = await deleteToken(house.needs, house.application, token)
    expect(again).toEqual({ ok: false, code: 'access_denied' })
    expect(audited('delete-token').map(({ refusal }) => refusal)).toEqual([null, 'token-deleted'])
    house.clock.advance(7 * 60_000)
    expect(await sweepDeletions(house.needs, 10)).toBe(1)
    expect(await sweepDeletions(house.needs, 10)).toBe(0)
  })

  test('a row that somebody has put under the name of another token is not shredded', async () => {
    const [one, other] = [await house.protect('one'), await house.protect('other')]
    const { DatabaseSync } = await import('node:sqlite')
    const db = new DatabaseSync(house.databaseFile)
    db.exec(`
      CREATE TEMP TABLE names AS SELECT number, locator FROM records;
      UPDATE records SET locator = randomblob(32);
      UPDATE records SET locator = (SELECT locator FROM names WHERE names.number = 3 - records.number);
    `)
    db.close()
    expect(await deleteToken(house.needs, house.application, one)).toEqual({
      ok: false,
      code: 'access_denied',
    })
    expect(audited('delete-token')).toMatchObject([{ refusal: 'record-of-another' }])
    expect(await objectKeys()).toHaveLength(2)
    expect(other).toBeTruthy()
  })

  test('a damaged record can be deleted, too; its object goes as one without a record', async () => {
    const token = await house.protect('value')
    await house.protect('another')
    const { DatabaseSync } = await import('node:sqlite')
    const db = new DatabaseSync(house.databaseFile)
    db.exec('UPDATE seals SET sealed = zeroblob(length(sealed)) WHERE number = 1')
    db.close()
    const receipt = dataOf(await deleteToken(house.needs, house.application, token))
    expect(receipt.objectRemoved).toBe(false)
    house.clock.advance(25 * HOUR)
    expect(await reapObjectsStep(house.needs, 'job', null)).toMatchObject({ done: 1 })
    expect(await objectKeys()).toHaveLength(1)
  })
})

describe('uploads in parts that nobody ends', () => {
  test('are aborted after a week, and their records are reaped then', async () => {
    await house.protect('something')
    await tokenize(house.needs, house.application, { ...command, contentLength: GIB, acceptsParts: true })
    house.clock.advance(6 * 24 * HOUR)
    expect(await reapUploadsStep(house.needs, 'job', null)).toMatchObject({ done: 0 })
    house.clock.advance(2 * 24 * HOUR)
    expect(await reapUploadsStep(house.needs, 'job', null)).toMatchObject({ next: null })
    expect((await house.needs.objectStore.listUploads(null, 10)).items).toEqual([])
    expect(await reapRecordsStep(house.needs, 'job', null)).toMatchObject({ done: 1 })
  })
})
