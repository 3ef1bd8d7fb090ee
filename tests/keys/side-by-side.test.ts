import { join } from 'node:path'
import type { TokenId } from '@lunadefend/contract'
import {
  type Needs,
  readKeyStatus,
  reapObjectsStep,
  referStep,
  resealStep,
  retireRingKey,
  rotateRingKey,
  tokenize,
  workOn,
} from '@lunadefend/core'
import { createFileRootKey } from '@lunadefend/stores/root-keys'
import { openSqlite } from '@lunadefend/stores/sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { databaseFileIn, type House, openHouse, openRules, put } from '../harness/house.ts'

// Two processes over one database that do not know the same keys, or not yet.

const MINUTE = 60_000

let house: House
beforeEach(async () => {
  house = await openHouse()
})
afterEach(() => house[Symbol.asyncDispose]())

/** Another process: its own view of the ring, which is as old as its last look. */
async function another(...rootKeys: string[]) {
  const { directory, clock } = house
  const openDatabase = () => openSqlite(databaseFileIn(directory))
  const { objectStore } = house.needs
  const rules = await openRules({ directory, rootKeys, objectStore, openDatabase, clock })
  return { ...rules, [Symbol.asyncDispose]: () => rules.needs.database[Symbol.asyncDispose]() }
}

const ringVersion = async () =>
  (await house.needs.database.read((reader) => reader.readKeyRing()))?.version ?? 0

function run(needs: Needs, name: 'reseal' | 'refer') {
  const step = name === 'reseal' ? resealStep : referStep
  return workOn(needs, name, 1000, (cursor) => step(needs, 'job', cursor))
}

describe('two settings of the root key side by side', () => {
  async function rowsOf(kid: string): Promise<number> {
    const { keys } = await readKeyStatus(house.needs)
    return keys.find(({ key, name }) => key === 'root' && name === kid)?.rows ?? 0
  }

  test('do not undo each other’s work: the one that started last says where it goes', async () => {
    for (let n = 0; n < 3; n += 1) await house.protect(`value ${n}`)
    await createFileRootKey(join(house.directory, 'second.root-key'))
    await using older = await another('first', 'second')
    await using newer = await another('second', 'first')
    const version = await ringVersion()
    let resealed = 0
    for (let round = 0; round < 3; round += 1) {
      for (const { needs, refresh } of [older, newer]) {
        await refresh()
        resealed += (await run(needs, 'reseal'))?.done ?? 0
      }
    }
    expect(resealed).toBe(3)
    expect(await ringVersion()).toBe(version)
    expect(await rowsOf(newer.needs.keys.root.activeKid)).toBe(4)
  })

  test('what changes the ring leaves its seal as it is', async () => {
    await createFileRootKey(join(house.directory, 'second.root-key'))
    await using older = await another('first', 'second')
    await using newer = await another('second', 'first')
    const sealedBy = async () => (await newer.needs.database.read((reader) => reader.readKeyRing()))?.kid
    expect(await rotateRingKey(older.needs, 'rotation', 'locator')).toBe('rotated')
    expect(await sealedBy()).toBe(newer.needs.keys.root.activeKid)
    house.clock.advance(40 * 24 * 60 * MINUTE)
    await older.refresh()
    expect(older.needs.keys.ring.version).toBe(await ringVersion())
    expect(await sealedBy()).toBe(newer.needs.keys.root.activeKid)
  })
})

describe('a process that has not heard of the present key of objects', () => {
  const GRACE = 25 * 60 * MINUTE

  async function rotateObjects(): Promise<void> {
    expect(await rotateRingKey(house.needs, 'rotation', 'objects')).toBe('rotated')
    await house.refreshKeys()
    house.clock.advance(2 * MINUTE)
    expect(await run(house.needs, 'refer')).toMatchObject({ cursor: null })
  }

  test('removes no object: it would find none of their records', async () => {
    for (let n = 0; n < 3; n += 1) await house.protect(`value ${n}`)
    house.clock.advance(GRACE)
    await using late = await another('first')
    await rotateObjects()
    // These it would find, so that the others look like the few orphans that there may be.
    for (let n = 0; n < 4; n += 1) await store(late.needs)
    expect(await reapObjectsStep(late.needs, 'job', null)).toEqual({ done: 0, next: null })
    expect((await house.needs.objectStore.list(null, 100)).items).toHaveLength(7)
    await late.refresh()
    expect(await reapObjectsStep(late.needs, 'job', null)).toEqual({ done: 0, next: null })
    expect((await house.needs.objectStore.list(null, 100)).items).toHaveLength(7)
  })

  test('writes under one that is retired by then: the record is referred to its object all the same', async () => {
    for (let n = 0; n < 3; n += 1) await house.protect(`value ${n}`)
    await using late = await another('first')
    await rotateObjects()
    house.clock.advance(20 * MINUTE)
    expect(await retireRingKey(house.needs, 'retirement', 'objects', 1)).toBe('retired')
    await house.refreshKeys()
    const token = await store(late.needs)
    expect(await run(house.needs, 'refer')).toMatchObject({ done: 1, cursor: null })
    house.clock.advance(GRACE)
    expect(await reapObjectsStep(house.needs, 'job', null)).toEqual({ done: 0, next: null })
    await house.grant(token)
    expect(await house.read(token)).toBe('late')
  })

  async function store(needs: Needs): Promise<TokenId> {
    const { tokenId, upload } = await tokenize(needs, house.application, {
      metadata: null,
      contentLength: null,
      acceptsEndToEnd: false,
      acceptsParts: false,
      ttlSeconds: null,
    })
    if ('url' in upload) await put(upload, Buffer.from('late'))
    return tokenId
  }
})
