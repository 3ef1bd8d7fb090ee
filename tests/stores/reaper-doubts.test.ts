import { join } from 'node:path'
import type { TokenId } from '@lunadefend/contract'
import {
  beginRekey,
  completeRekey,
  type Needs,
  type ObjectStore,
  reapObjectsStep,
  reapRecordsStep,
  sweepDeletions,
  tokenize,
} from '@lunadefend/core'
import { createFileRootKey } from '@lunadefend/stores/root-keys'
import { openSqlite, readAudit } from '@lunadefend/stores/sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { scratch } from '../harness/directory.ts'
import { databaseFileIn, dataOf, type House, openHouse, openRules, put } from '../harness/house.ts'

// When the reaper must keep its hands off: what it removes does not come back.

const HOUR = 3_600_000

let house: House
beforeEach(async () => {
  house = await openHouse()
})
afterEach(() => house[Symbol.asyncDispose]())

async function objectKeys(): Promise<string[]> {
  const { items } = await house.needs.objectStore.list(null, 1000)
  return items.map(({ objectKey }) => objectKey)
}

/** Another installation over an object store, with its own database and root key. */
async function stranger(objectStore: ObjectStore) {
  const folder = scratch()
  await createFileRootKey(join(folder.path, 'other.root-key'))
  const { needs } = await openRules({
    directory: folder.path,
    rootKeys: ['other'],
    objectStore,
    openDatabase: () => openSqlite(databaseFileIn(folder.path)),
    clock: house.clock,
  })
  return {
    needs,
    databaseFile: databaseFileIn(folder.path),
    async [Symbol.asyncDispose]() {
      await needs.database[Symbol.asyncDispose]()
      folder[Symbol.dispose]()
    },
  }
}

async function store(needs: Needs, value: string): Promise<TokenId> {
  const { tokenId, upload } = await tokenize(needs, house.application, {
    metadata: null,
    contentLength: null,
    acceptsEndToEnd: false,
    acceptsParts: false,
    ttlSeconds: null,
  })
  if ('url' in upload) await put(upload, Buffer.from(value))
  return tokenId
}

function refusalsIn(file: string): unknown[] {
  return readAudit(file)
    .filter(({ action }) => action.startsWith('reap'))
    .map(({ refusal }) => refusal)
}

test('an empty database does not cost the few objects of the bucket that it was set upon', async () => {
  await house.protect('value')
  await using other = await stranger(house.needs.objectStore)
  house.clock.advance(25 * HOUR)
  expect(await reapObjectsStep(other.needs, 'job', null)).toEqual({ done: 0, next: null })
  expect(await objectKeys()).toHaveLength(1)
  expect(refusalsIn(other.databaseFile)).toEqual(['too-many-orphans'])
})

test('two installations that share a bucket by mistake leave each other’s objects alone', async () => {
  await using other = await stranger(house.needs.objectStore)
  for (let n = 0; n < 14; n += 1) await house.protect(`value ${n}`)
  // Fewer than half of all, so that most objects have a record in the database of the house.
  for (let n = 0; n < 12; n += 1) await store(other.needs, `other ${n}`)
  house.clock.advance(25 * HOUR)
  for (const needs of [house.needs, other.needs]) {
    expect(await reapObjectsStep(needs, 'job', null)).toEqual({ done: 0, next: null })
  }
  expect(await objectKeys()).toHaveLength(26)
  expect(refusalsIn(house.databaseFile)).toEqual(['too-many-orphans'])
  expect(refusalsIn(other.databaseFile)).toEqual(['too-many-orphans'])
})

test('records are not shredded over a bucket that holds objects, but none of theirs', async () => {
  await using elsewhere = await openHouse()
  await elsewhere.protect('somebody else’s')
  const token = await house.protect('never asked for since')
  const needs = { ...house.needs, objectStore: elsewhere.needs.objectStore }
  house.clock.advance(25 * HOUR)
  expect(await reapRecordsStep(needs, 'job', null)).toEqual({ done: 0, next: null })
  expect(refusalsIn(house.databaseFile)).toEqual(['too-many-orphans'])
  await house.grant(token)
  expect(await house.read(token)).toBe('never asked for since')
})

test('a record that is re-keyed while it is looked at has its object elsewhere, and is not shredded', async () => {
  const token = await house.protect('value')
  await house.protect('another')
  house.clock.advance(25 * HOUR)
  await house.grant(token)
  const begun = dataOf(await beginRekey(house.needs, house.application, token))
  await put(begun.upload, Buffer.from('value'))
  const { objectStore } = house.needs
  let looked = false
  const exists = async (objectKey: string) => {
    // A process that is stopped just here, for longer than the old object lives on.
    if (!looked) {
      looked = true
      expect(await completeRekey(house.needs, house.application, token, begun.ticket)).toMatchObject({
        ok: true,
      })
      house.clock.advance(7 * 60_000)
      expect(await sweepDeletions(house.needs, 10)).toBe(1)
    }
    return objectStore.exists(objectKey)
  }
  const slow = { ...house.needs, objectStore: { ...objectStore, exists } }
  await reapRecordsStep(slow, 'job', null)
  expect(await house.read(token)).toBe('value')
})
