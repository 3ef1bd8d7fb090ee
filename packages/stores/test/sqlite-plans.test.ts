import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { MIGRATIONS } from '../src/sqlite/schema.ts'
import { prepareStatements } from '../src/sqlite/statements.ts'

/** A statement may read all of these: one row, or a few. */
const SMALL = ['key_ring', 'works']
/** Asked for by an operator, not on any request: they may read every entry of an index, or, to revoke all, every row. */
const THOROUGH = [
  'countKeyUses',
  'findGrantByVersion',
  'findBySessionVersion',
  'findAnyRecord',
  'deleteGrants',
  'findBlocks',
  'findAnyBlock',
  'liftBlocks',
]

/** How SQLite goes about each statement: https://www.sqlite.org/eqp.html */
function plans(): Map<string, string[]> {
  using db = new DatabaseSync(':memory:')
  for (const migration of MIGRATIONS) db.exec(migration)
  const said = Object.entries(prepareStatements(db)).map(
    ([name, { sourceSQL }]) => [name, sourceSQL] as const,
  )
  const planned = said.filter(([, sql]) => /^\s*(SELECT|UPDATE|INSERT|DELETE)\b/.test(sql))
  return new Map(
    planned.map(([name, sql]) => [
      name,
      db
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all()
        .map(({ detail }) => String(detail)),
    ]),
  )
}

const scans = (plan: readonly string[]) =>
  plan.filter((step) => step.startsWith('SCAN ') && !SMALL.some((table) => step.startsWith(`SCAN ${table}`)))

test('no statement of a request or of a walk reads a whole table, or a whole index', () => {
  const found = [...plans()].filter(([name, plan]) => !THOROUGH.includes(name) && scans(plan).length > 0)
  expect(found).toEqual([])
})

test('what counts every row reads indexes alone', () => {
  const tables = [...plans()].flatMap(([name, plan]) =>
    scans(plan)
      .filter((step) => !/ USING COVERING INDEX |^SCAN json_each | \(?subquery-/.test(`${step} `))
      .map((step) => `${name}: ${step}`),
  )
  expect(tables).toEqual(['findBlocks: SCAN blocks USING INDEX blocks_by_time', 'liftBlocks: SCAN blocks'])
})

test('no walk sorts what it has found: a page costs what is on it', () => {
  const walks = [...plans()].filter(([name]) =>
    /^find(Records|Unstored|Expired|Uploads|Deletions)/.test(name),
  )
  expect(walks.length).toBeGreaterThanOrEqual(6)
  for (const [name, plan] of walks) {
    expect([name, plan.filter((step) => step.includes('TEMP B-TREE'))]).toEqual([name, []])
  }
})
