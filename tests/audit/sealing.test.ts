import { DatabaseSync } from 'node:sqlite'
import {
  type AuditLine,
  EMPTY_EDGE,
  encodeLine,
  grow,
  leafHash,
  openCheckpoint,
  rootOfEdge,
} from '@lunadefend/audit-log'
import {
  type AuditRow,
  auditVerifiers,
  createAuditSealer,
  type Database,
  retireRingKey,
  rotateRingKey,
} from '@lunadefend/core'
import { readAudit as readPostgres } from '@lunadefend/stores/postgres'
import { readAudit as readSqlite } from '@lunadefend/stores/sqlite'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { sampleEvent } from '../../packages/core/src/port-contracts/sample-rows.ts'
import { ENGINES, type Engine, type EngineDatabase } from '../harness/engines.ts'
import { type House, openHouse } from '../harness/house.ts'
import type { Death } from '../harness/house-process.ts'
import { type Servant, startServant } from '../harness/house-servant.ts'

const ORIGIN = 'tokenizer.example.com/audit'

describe.each(Object.entries(ENGINES))('sealing the audit log on %s', (_, start) => {
  let engine: Engine
  let house: House
  let postgresUrl: string | null
  let openDatabase: EngineDatabase['openDatabase']
  let servants: Servant[]
  beforeAll(async () => {
    engine = await start()
  })
  afterAll(() => engine[Symbol.asyncDispose]())
  beforeEach(async () => {
    const fresh = await engine.fresh()
    postgresUrl = fresh.postgresUrl
    openDatabase = fresh.openDatabase
    house = await openHouse({ openDatabase })
    servants = []
  })
  afterEach(async () => {
    for (const servant of servants) await servant[Symbol.asyncDispose]()
    await house[Symbol.asyncDispose]()
  })

  const rows = async (): Promise<AuditRow[]> =>
    postgresUrl === null ? readSqlite(house.databaseFile) : readPostgres({ url: postgresUrl })
  const leaves = () => house.needs.database.read((reader) => reader.findTreeHashes(0, 0, 100_000))
  const newest = async () =>
    (await house.needs.database.read((reader) => reader.findCheckpoint()))?.note ?? ''
  const open = (note: string) => openCheckpoint(note, auditVerifiers(house.needs, ORIGIN))
  const servant = async () => {
    const { directory, objectsUrl } = house
    servants.push(await startServant({ directory, rootKeys: ['first'], objectsUrl, postgresUrl }))
    return servants.at(-1) as Servant
  }

  /** Every row has one leaf, those of each writer in their order; and these are all checkpoints of one history. */
  async function expectOneHistory(notes: readonly string[]): Promise<void> {
    const inTree = (await leaves()).map(hexOf)
    const inLog = await rows()
    expect(inTree.toSorted()).toEqual(inLog.map(leafOf).toSorted())
    for (const [, own] of Map.groupBy(inLog, ({ writer }) => writer)) {
      const places = own.map((row) => inTree.indexOf(leafOf(row)))
      expect(places).toEqual(places.toSorted((a, b) => a - b))
    }
    for (const note of [...notes, await newest()]) {
      const { size, root } = open(note)
      const grown = grow(EMPTY_EDGE, (await leaves()).slice(0, size))
      expect(hexOf(rootOfEdge(grown))).toBe(hexOf(root))
    }
    expect(open(await newest()).size).toBe(inLog.length)
  }

  test('a row is sealed as its line says it, in every column', async () => {
    await house.grant(await house.protect('value'))
    expect(await house.read(await house.protect('another'))).toBeNull()
    await createAuditSealer(house.needs, ORIGIN).finish()
    await expectOneHistory([])
    for (const row of await rows()) {
      const { v, ...fields } = JSON.parse(encodeLine(row))
      expect({ v, fields }).toEqual({ v: 1, fields: row satisfies AuditLine })
    }
  })

  test('two processes that seal at once while others write never fork, and leave nothing', async () => {
    const [one, other] = await Promise.all([servant(), servant()])
    await using late = await openDatabase(house.directory)
    const write = async (database: Database, times: number) => {
      for (let count = 0; count < times; count += 1) await database.commit.recordAudit([sampleEvent()])
    }
    const written = Promise.all([write(house.needs.database, 60), write(late, 40), house.protect('value')])
    const seal = { kind: 'seal', origin: ORIGIN, death: null } as const
    const notes = await Promise.all([one.ask<string[]>(seal), other.ask<string[]>(seal)])
    await written
    await createAuditSealer(house.needs, ORIGIN).finish()
    await expectOneHistory(notes.flat())
  })

  test.each<Death>([
    { commit: 'sealAudit', when: 'before', nth: 1 },
    { commit: 'sealAudit', when: 'after', nth: 1 },
  ])('one that is killed $when its commit leaves the tree whole, and the next goes on', async (death) => {
    const victim = await servant()
    await house.needs.database.commit.recordAudit([sampleEvent(), sampleEvent()])
    await expect(victim.ask({ kind: 'seal', origin: ORIGIN, death })).rejects.toThrow(
      'The process has ended.',
    )
    const before = await newest()
    expect(before === '').toBe(death.when === 'before')
    await house.needs.database.commit.recordAudit([sampleEvent()])
    await createAuditSealer(house.needs, ORIGIN).finish()
    await expectOneHistory(before === '' ? [] : [before])
  })

  test('one at a time has the lease; who dies with it is replaced', async () => {
    const [first, second] = [createAuditSealer(house.needs, ORIGIN), createAuditSealer(house.needs, ORIGIN)]
    await house.protect('value')
    expect(await first.seal()).toBe(1)
    await house.protect('value')
    expect(await second.seal()).toBe(0)
    expect(await second.isBehind()).toBe(false)
    house.clock.advance(31_000)
    expect(await second.isBehind()).toBe(true)
    expect(await second.seal()).toBe(1)
    expect(await second.isBehind()).toBe(false)
    await second.finish()
    await house.protect('value')
    expect(await first.seal()).toBe(1)
    await expectOneHistory([])
  })

  test('a key that is replaced signs on beside the new one', async () => {
    await house.protect('value')
    const sealer = createAuditSealer(house.needs, ORIGIN)
    await sealer.seal()
    const [old] = auditVerifiers(house.needs, ORIGIN)
    await rotateRingKey(house.needs, 'a-request', 'checkpoint')
    await house.refreshKeys()
    house.clock.advance(91_000)
    await sealer.seal()
    const note = await newest()
    expect(note.match(/^— /gm)).toHaveLength(2)
    for (const verifier of auditVerifiers(house.needs, ORIGIN)) {
      expect(openCheckpoint(note, [verifier]).size).toBe((await rows()).length)
    }
    expect(auditVerifiers(house.needs, ORIGIN)[0]?.id).toBe(old?.id)
  })

  test('a key is retired only when another one has signed the newest checkpoint', async () => {
    const sealer = createAuditSealer(house.needs, ORIGIN)
    const rotated = await rotateRingKey(house.needs, 'a-request', 'checkpoint')
    expect(rotated).toBe('rotated')
    await house.refreshKeys()
    await sealer.seal()
    house.clock.advance(20 * 60_000)
    expect(await retireRingKey(house.needs, 'a-request', 'checkpoint', 1)).toBe('in-use')
    // That it was refused is a row, which the new key signs.
    await sealer.seal()
    expect(await retireRingKey(house.needs, 'a-request', 'checkpoint', 1)).toBe('retired')
    await house.refreshKeys()
    expect(await sealer.seal()).toBe(1)
    await expectOneHistory([])
  })
})

const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const leafOf = (row: AuditRow) => hexOf(leafHash(encodeLine(row)))

describe('what somebody does to the tree while a Tokenizer runs', () => {
  let house: House
  beforeEach(async () => {
    house = await openHouse()
  })
  afterEach(() => house[Symbol.asyncDispose]())

  const meddle = (sql: string) => {
    using file = new DatabaseSync(house.databaseFile, { timeout: 10_000 })
    file.exec(sql)
  }

  test.each([
    [
      'an older state is put back',
      'DELETE FROM audit_checkpoints WHERE size > 1; DELETE FROM audit_leaves WHERE number >= 1',
    ],
    ['all of it is taken away', 'DELETE FROM audit_checkpoints; DELETE FROM audit_leaves'],
    ['a leaf is changed', 'UPDATE audit_leaves SET hash = zeroblob(32) WHERE number = 0'],
    ['a leaf is taken away', 'DELETE FROM audit_leaves WHERE number = 0'],
    ['the checkpoint is changed', "UPDATE audit_checkpoints SET note = replace(note, '/audit', '/other')"],
    ['the checkpoint says another size', 'UPDATE audit_checkpoints SET size = size + 1 WHERE size = 2'],
  ])('%s: nothing is signed any more', async (_, sql) => {
    const sealer = createAuditSealer(house.needs, ORIGIN)
    for (const value of ['one', 'two']) {
      await house.protect(value)
      expect(await sealer.seal()).toBe(1)
    }
    meddle(sql)
    const before = await house.needs.database.read((reader) => reader.findCheckpoint())
    await house.protect('three')
    await expect(sealer.seal()).rejects.toMatchObject({ code: 'database_damaged' })
    expect(await house.needs.database.read((reader) => reader.findCheckpoint())).toEqual(before)
  })
})
