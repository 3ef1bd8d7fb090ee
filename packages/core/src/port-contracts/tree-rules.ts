import { expect, test } from 'vitest'
import type { AuditRow } from '../domain/audit.ts'
import type { AuditSealing, Database } from '../ports.ts'
import type { OpenDatabase } from './database-under-test.ts'
import { startElsewhere } from './elsewhere.ts'
import { bytes, NOW, sampleEvent } from './sample-rows.ts'

const unsealed = (database: Database, limit = 1000) => database.read((reader) => reader.findUnsealed(limit))
const checkpoint = (database: Database) => database.read((reader) => reader.findCheckpoint())
const hashes = (database: Database, level: number, first: number, limit: number) =>
  database.read((reader) => reader.findTreeHashes(level, first, limit))
const record = (database: Database, rows: number) =>
  database.commit.recordAudit(Array.from({ length: rows }, () => sampleEvent()))

/** A sealing of these rows, whatever their hashes would be. */
function sealingOf(
  from: number,
  rows: readonly Pick<AuditRow, 'writer' | 'seq'>[],
  nodes: AuditSealing['nodes'] = [],
): AuditSealing {
  const leaves = rows.map(({ writer, seq }) => ({ writer, seq, hash: bytes(32) }))
  const size = from + rows.length
  return { from, leaves, nodes, checkpoint: { size, note: `note ${size}`, sealedAt: NOW } }
}

/** Rows become leaves once, in a tree that only grows. */
export function treeRules(open: OpenDatabase): void {
  findingRules(open)
  sealingRules(open)
}

function findingRules(open: OpenDatabase): void {
  test('an empty database has no tree', async () => {
    await using under = await open()
    expect(await unsealed(under.database)).toEqual([])
    expect(await checkpoint(under.database)).toBeNull()
    expect(await hashes(under.database, 0, 0, 10)).toEqual([])
  })

  test('rows are found whole, of every writer, each in their order, until they have a leaf', async () => {
    await using under = await open()
    await using other = await under.connect()
    await record(under.database, 3)
    await record(other, 2)
    await record(under.database, 1)
    const all = await under.readAudit()
    expect(all).toHaveLength(6)
    const inOrder = (rows: readonly AuditRow[]) => Map.groupBy(rows, ({ writer }) => writer)
    expect(inOrder(await unsealed(other))).toEqual(inOrder(all))

    // Some of one writer and some of the other: what is left comes next, and what is written later, too.
    const [one = [], two = []] = [...inOrder(all).values()]
    expect(await other.commit.sealAudit(sealingOf(0, [...one.slice(0, 2), ...two.slice(0, 1)]))).toBe(true)
    const rest = [...one.slice(2), ...two.slice(1)]
    expect(inOrder(await unsealed(under.database))).toEqual(inOrder(rest))
    await record(under.database, 1)
    expect(await unsealed(other)).toHaveLength(rest.length + 1)
  })

  test('of a limited number, those of each writer that come first', async () => {
    await using under = await open()
    await using other = await under.connect()
    await record(under.database, 5)
    await record(other, 5)
    for (const limit of [1, 4, 7]) {
      const rows = await unsealed(under.database, limit)
      expect(rows).toHaveLength(limit)
      for (const [, own] of Map.groupBy(rows, ({ writer }) => writer)) {
        expect(own.map(({ seq }) => seq)).toEqual(own.map((_, at) => at + 1))
      }
    }
  })

  test('what somebody took out is passed over, so that it is missed', async () => {
    await using under = await open()
    await record(under.database, 5)
    const rows = await unsealed(under.database)
    const without = rows.filter(({ seq }) => seq !== 3)
    expect(await under.database.commit.sealAudit(sealingOf(0, without))).toBe(true)
    // Put back later it gets no leaf any more.
    expect(await unsealed(under.database)).toEqual([])
  })
}

function sealingRules(open: OpenDatabase): void {
  test('leaves, hashes of levels and the checkpoint come back as they went in', async () => {
    await using under = await open()
    await record(under.database, 300)
    const rows = await unsealed(under.database)
    const first = sealingOf(0, rows.slice(0, 260), [
      { level: 1, number: 0, hash: bytes(32) },
      { level: 2, number: 0, hash: bytes(32) },
    ])
    const second = sealingOf(260, rows.slice(260), [{ level: 1, number: 1, hash: bytes(32) }])
    for (const sealing of [first, second]) expect(await under.database.commit.sealAudit(sealing)).toBe(true)
    await using later = await under.connect()
    const leaves = [...first.leaves, ...second.leaves].map(({ hash }) => hash)
    expect(await hashes(later, 0, 0, 1000)).toEqual(leaves)
    expect(await hashes(later, 0, 256, 10)).toEqual(leaves.slice(256, 266))
    expect(await hashes(later, 0, 300, 10)).toEqual([])
    expect(await hashes(later, 1, 0, 10)).toEqual([first.nodes[0]?.hash, second.nodes[0]?.hash])
    expect(await hashes(later, 2, 0, 10)).toEqual([first.nodes[1]?.hash])
    expect(await hashes(later, 1, 1, 10)).toEqual([second.nodes[0]?.hash])
    expect(await checkpoint(later)).toEqual(second.checkpoint)
  })

  test('whoever builds on a tree that has grown since changes nothing', async () => {
    await using under = await open()
    await record(under.database, 4)
    const rows = await unsealed(under.database)
    const { commit } = under.database
    expect(await commit.sealAudit(sealingOf(0, rows.slice(0, 2)))).toBe(true)
    for (const stale of [
      sealingOf(0, rows.slice(2)),
      sealingOf(1, rows.slice(2)),
      sealingOf(3, rows.slice(2)),
    ]) {
      expect(await commit.sealAudit(stale)).toBe(false)
    }
    expect(await checkpoint(under.database)).toMatchObject({ size: 2 })
    expect(await unsealed(under.database)).toEqual(rows.slice(2))
  })

  test('a row gets one leaf: another one is refused, and all that came with it', async () => {
    await using under = await open()
    await record(under.database, 4)
    const rows = await unsealed(under.database)
    const { commit } = under.database
    await commit.sealAudit(sealingOf(0, rows.slice(0, 2)))
    await expect(commit.sealAudit(sealingOf(2, rows.slice(1)))).rejects.toMatchObject({ name: 'PortFailure' })
    expect(await checkpoint(under.database)).toMatchObject({ size: 2 })
    expect(await hashes(under.database, 0, 0, 10)).toHaveLength(2)
    expect(await commit.sealAudit(sealingOf(2, rows.slice(2)))).toBe(true)
  })

  test('of many who seal at once, in two processes, one gets each place, and nothing is left', async () => {
    await using under = await open()
    await record(under.database, 50)
    const others = [startElsewhere(under.elsewhere, ['seal']), startElsewhere(under.elsewhere, ['seal'])]
    await Promise.all(others.map(({ firstLine }) => firstLine))
    for (const other of others) other.go()
    await record(under.database, 20)
    const sealed = (await Promise.all(others.map(({ ended }) => ended)))
      .flat()
      .filter((line) => line !== 'ready')
    while ((await unsealed(under.database)).length > 0) {
      const size = (await checkpoint(under.database))?.size ?? 0
      await under.database.commit.sealAudit(sealingOf(size, await unsealed(under.database)))
    }
    const places = sealed.flatMap((line) => line.split(' ').map(Number))
    expect(new Set(places).size).toBe(places.length)
    expect(await checkpoint(under.database)).toMatchObject({ size: 70 })
    expect(await hashes(under.database, 0, 0, 1000)).toHaveLength(70)
  })
}
