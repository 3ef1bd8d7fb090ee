import type { TokenId } from '@lunadefend/contract'
import {
  beginRekey,
  type Caller,
  type Commits,
  completeRekey,
  type Database,
  deleteToken,
  expireStep,
  liftBlocks,
  type Needs,
  reapObjectsStep,
  rekeyToken,
  type Switcher,
  setBlock,
  sweepDeletions,
} from '@lunadefend/core'
import { readAudit } from '@lunadefend/stores/sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { dataOf, type House, openHouse, put } from '../harness/house.ts'

const HOUR = 3_600_000
const DONE = { ok: true, data: null }
const CHANGED = { ok: false, code: 'changed_meanwhile' }
const DENIED = { ok: false, code: 'access_denied' }

let house: House
beforeEach(async () => {
  house = await openHouse()
})
afterEach(() => house[Symbol.asyncDispose]())

async function objects(): Promise<number> {
  return (await house.needs.objectStore.list(null, 1000)).items.length
}

async function readable(value: string, more = {}): Promise<TokenId> {
  const token = await house.protect(value, { metadata: { kind: 'ssn' }, ...more })
  await house.grant(token)
  return token
}

/** The same needs, where something happens right before the first such commit. */
function interrupted(name: keyof Commits, happen: () => Promise<unknown>): Needs {
  let happened = false
  const commit = new Proxy(house.needs.database.commit, {
    get: (target, asked: keyof Commits) => {
      const call = target[asked] as (...args: unknown[]) => Promise<unknown>
      return async (...args: unknown[]) => {
        if (asked === name && !happened) {
          happened = true
          await happen()
        }
        return call.apply(target, args)
      }
    },
  })
  const { database, keys } = house.needs
  return {
    ...house.needs,
    keys,
    database: { ...database, read: database.read.bind(database), commit } as Database,
  }
}

describe('a token that is deleted while it is re-keyed', () => {
  test('by a deletion that comes second: both objects go, and the receipt is true', async () => {
    const token = await readable('value')
    const needs = interrupted('shredRecord', () => rekeyToken(house.needs, house.application, token))
    const receipt = dataOf(await deleteToken(needs, house.application, token))
    expect(receipt.objectRemoved).toBe(true)
    // The old one, for the URLs that are about; the new one is gone already.
    expect(await objects()).toBe(1)
    house.clock.advance(7 * 60_000)
    expect(await sweepDeletions(house.needs, 10)).toBe(2)
    expect(await objects()).toBe(0)
    expect(await house.read(token)).toBeNull()
  })

  test('by a deletion that comes first: nothing comes back', async () => {
    const token = await readable('value')
    const needs = interrupted('rekeyRecord', () => deleteToken(house.needs, house.application, token))
    expect(await rekeyToken(needs, house.application, token)).toEqual(CHANGED)
    expect(await house.read(token)).toBeNull()
    const row = readAudit(house.databaseFile).findLast(({ action }) => action === 'rekey-token')
    expect(row?.refusal).toBe('changed-meanwhile')
  })

  test('by its time to live: the round of the background work ends, and nothing is left', async () => {
    const token = await readable('value', { ttlSeconds: 60 })
    const needs = interrupted('shredRecord', async () => {
      house.clock.advance(-61_000)
      expect(await rekeyToken(house.needs, house.application, token)).toEqual(DONE)
      house.clock.advance(61_000)
    })
    house.clock.advance(60_000)
    expect(await expireStep(needs, 'job')).toEqual({ done: 1, next: null })
    house.clock.advance(7 * 60_000)
    await sweepDeletions(house.needs, 10)
    expect(await objects()).toBe(0)
  })
})

describe('a token that is frozen while it is re-keyed', () => {
  const target = (token: TokenId) => ({ scope: 'token', token, sid: null, app: null }) as const
  const server = (): Caller<Switcher> => {
    const { requestId, network } = house.application
    return { actor: { kind: 'application', app: house.application.actor.app, sid: null }, requestId, network }
  }
  const frozen = (token: TokenId) => () =>
    setBlock(house.needs, server(), target(token), {
      reason: 'investigation',
      effect: 'freeze',
      until: null,
    })

  test.each(['by the store', 'by the client'])('%s: keeps its object', async (by) => {
    const token = await readable('evidence')
    const { upload, ticket } = dataOf(await beginRekey(house.needs, house.application, token))
    await put(upload, Buffer.from('something else'))
    const needs = interrupted('rekeyRecord', frozen(token))
    const end = () =>
      by === 'by the store'
        ? rekeyToken(needs, house.application, token)
        : completeRekey(needs, house.application, token, ticket)
    expect(await end()).toEqual(CHANGED)
    const row = readAudit(house.databaseFile).findLast(({ action }) => action === 'rekey-token')
    expect(row?.refusal).toBe('blocked')
    house.clock.advance(7 * 60_000)
    expect(await sweepDeletions(house.needs, 10)).toBe(0)
    await liftBlocks(house.needs, server(), target(token))
    expect(await house.read(token)).toBe('evidence')
  })
})

describe('a re-keying by the client that is not ended', () => {
  test('for half a day cannot be ended any more: its object might be reaped at that very moment', async () => {
    const token = await readable('value')
    await readable('another')
    const { upload, ticket } = dataOf(await beginRekey(house.needs, house.application, token))
    await put(upload, Buffer.from('value'))
    house.clock.advance(12 * HOUR)
    expect(await completeRekey(house.needs, house.application, token, ticket)).toEqual(CHANGED)
    house.clock.advance(13 * HOUR)
    expect(await reapObjectsStep(house.needs, 'job', null)).toMatchObject({ done: 1 })
    await house.grant(token)
    expect(await house.read(token)).toBe('value')
  })

  test('is ended by one of two tickets, and the other one is void', async () => {
    const token = await readable('value')
    const [one, other] = [
      dataOf(await beginRekey(house.needs, house.application, token)),
      dataOf(await beginRekey(house.needs, house.application, token)),
    ]
    for (const { upload } of [one, other]) await put(upload, Buffer.from('value'))
    const complete = ({ ticket }: typeof one) => completeRekey(house.needs, house.application, token, ticket)
    const outcomes = await Promise.all([complete(one), complete(other)])
    expect(outcomes).toContainEqual(DONE)
    expect(outcomes).toContainEqual(CHANGED)
    expect(await house.read(token)).toBe('value')
  })

  test('its upload URL takes one value: what was verified is not replaced', async () => {
    const token = await readable('value')
    const { upload, ticket } = dataOf(await beginRekey(house.needs, house.application, token))
    await put(upload, Buffer.from('value'))
    expect(await completeRekey(house.needs, house.application, token, ticket)).toEqual(DONE)
    await expect(put(upload, Buffer.from('another'))).rejects.toThrow('412')
    expect(await house.read(token)).toBe('value')
  })

  test.each(['deleted', 'over'])('of a token that is %s by then is refused', async (kind) => {
    const token = await readable('value', kind === 'over' ? { ttlSeconds: 60 } : {})
    const { upload, ticket } = dataOf(await beginRekey(house.needs, house.application, token))
    await put(upload, Buffer.from('value'))
    if (kind === 'deleted') await deleteToken(house.needs, house.application, token)
    else house.clock.advance(60_000)
    expect(await completeRekey(house.needs, house.application, token, ticket)).toEqual(DENIED)
    expect(await rekeyToken(house.needs, house.application, token)).toEqual(DENIED)
    expect(await beginRekey(house.needs, house.application, token)).toEqual(DENIED)
    const refusal = kind === 'deleted' ? 'token-deleted' : 'token-expired'
    const rows = readAudit(house.databaseFile).slice(-3)
    expect(rows.map((row) => [row.action, row.refusal])).toEqual(Array(3).fill(['rekey-token', refusal]))
  })
})
