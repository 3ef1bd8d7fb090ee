import { createHash } from 'node:crypto'
import type { SQLInputValue } from 'node:sqlite'
import type { AppId } from '@lunadefend/contract'
import { loadKeyRing, rekeyToken } from '@lunadefend/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Row } from '../../harness/writer.ts'
import { type Effect, KEY_RING_COLUMNS, READ_COLUMNS, SESSION_COLUMNS, UNREAD_TABLES } from './columns.ts'
import { callerIn, type Own, openRules, type Rules } from './rules.ts'

/*
 * Every bit of every column on which a read depends, flipped in the database, one by one, but in many rows at a time;
 * and rows put together from the columns of two. The Tokenizer's own operations read them.
 */

const ACME = 'acme' as AppId
const OTHER = 'other' as AppId
/** So many rows have one bit flipped each, and are read together. */
const ROWS = 200

let rules: Rules
let own: Own[]
let sessions: string[]
beforeAll(async () => {
  rules = await openRules()
  own = await rules.make(ACME, ROWS)
  // Nobody reads by them.
  rules.writer.run("DELETE FROM grants WHERE access = 'store'")
  sessions = await rules.logIn(ROWS)
}, 60_000)
afterAll(() => rules[Symbol.asyncDispose]())

/** The columns of a table as the schema has them. */
function columnsOf(table: string): string[] {
  return rules.writer.columns().flatMap(([name, column]) => (name === table ? [column] : []))
}

describe('each column has its rule', () => {
  test('every table is read, or is known not to be', () => {
    const tables = new Set(rules.writer.columns().map(([table]) => table))
    const known = [...Object.keys(READ_COLUMNS), 'sessions', 'key_ring', ...UNREAD_TABLES]
    expect([...tables].sort(), 'say in columns.ts what a flip in a new table does').toEqual(known.sort())
  })

  test.each([
    ...Object.entries(READ_COLUMNS),
    ['sessions', SESSION_COLUMNS],
    ['key_ring', KEY_RING_COLUMNS],
  ] as const)('of %s', (table, known) => {
    const columns = columnsOf(table).sort()
    expect(columns, 'say in columns.ts what a flip in a new column does').toEqual(Object.keys(known).sort())
  })
})

/** A cell as bytes, so that it has bits; what is not there counts as 0. */
function bitsOf(cell: unknown): Buffer {
  if (cell instanceof Uint8Array) return Buffer.from(cell)
  if (typeof cell === 'string') return Buffer.from(cell)
  const number = Buffer.alloc(8)
  number.writeBigInt64BE(BigInt((cell as number | null) ?? 0))
  return number
}

/** Columns of bytes that can be empty: a number cannot stand in them. */
const EMPTY_BYTES: readonly string[] = ['used_for']

function flipped(cell: unknown, bit: number, column = ''): SQLInputValue {
  const bytes = bitsOf(cell)
  bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7))
  const isBytes = cell instanceof Uint8Array || typeof cell === 'string' || EMPTY_BYTES.includes(column)
  return isBytes ? bytes : bytes.readBigInt64BE()
}

/** Bytes that are no UTF-8 are text, too, for SQLite. */
const marked = (cell: unknown) => (typeof cell === 'string' ? 'CAST(? AS TEXT)' : '?')

/** Columns that name a row; of two, so that one of them can be changed. */
const NAMES: Readonly<Record<string, readonly [string, string]>> = {
  records: ['record_id', 'number'],
  seals: ['number', 'record_salt'],
  grants: ['grant_id', 'record_id'],
  sessions: ['token_hash', 'sealed_sid'],
}

const hexOf = (bytes: unknown) => Buffer.from(bytes as Uint8Array).toString('hex')

/** The rows of a table that belong to these tokens, in their order. */
function rowsOf(table: string, tokens: readonly Own[]): Row[] {
  const from = table === 'seals' ? 'seals JOIN records USING (number)' : table
  const rows = new Map(
    rules.writer
      .all(`SELECT ${table}.*, record_id FROM ${from}`)
      .map((row) => [hexOf(row['record_id']), row]),
  )
  return tokens.map(({ recordId }) => rows.get(hexOf(recordId)) as Row)
}

function sessionRows(): Row[] {
  const rows = new Map(
    rules.writer.all('SELECT * FROM sessions').map((row) => [hexOf(row['token_hash']), row]),
  )
  return sessions.map((token) => rows.get(createHash('sha256').update(token).digest('hex')) as Row)
}

/** Flips every bit of a column, each in one row of many; `look` gets the places of the rows that were changed. */
async function flipAll(
  table: string,
  column: string,
  rows: readonly Row[],
  look: (changed: readonly number[]) => Promise<void>,
): Promise<void> {
  const restore = rules.writer.snapshot([table])
  const bits = Math.max(...rows.map((row) => bitsOf(row[column]).length)) * 8
  for (let first = 0; first < bits; first += rows.length) {
    const changed = flipSome(table, column, rows, first)
    const asked = rows.filter((row, index) => first + index < bitsOf(row[column]).length * 8)
    // A number that another row has cannot be taken.
    if (column === 'number') expect(changed.length).toBeGreaterThan(asked.length / 2)
    else expect(changed.length).toBe(asked.length)
    await look(changed)
    restore()
  }
}

/** Row after row another bit, beginning with `first`. Answers which rows could be changed: a number may be taken. */
function flipSome(table: string, column: string, rows: readonly Row[], first: number): number[] {
  const name = NAMES[table]?.find((name) => name !== column) ?? column
  rules.writer.run('BEGIN IMMEDIATE')
  const changed = rows.flatMap((row, index) => {
    const bit = first + index
    if (bit >= bitsOf(row[column]).length * 8) return []
    const set = `UPDATE OR IGNORE ${table} SET ${column} = ${marked(row[column])} WHERE ${name} = ?`
    return rules.writer.run(set, flipped(row[column], bit, column), row[name] ?? null) === 1 ? [index] : []
  })
  rules.writer.run('COMMIT')
  return changed
}

function expectEffect(effect: Effect, seen: string | null, mine: string): void {
  if (effect === 'refused') expect(seen).toBeNull()
  if (effect === 'kept') expect(seen).toBe(mine)
  if (effect === 'either' && seen !== null) expect(seen).toBe(mine)
}

const columns = Object.entries(READ_COLUMNS).flatMap(([table, columns]) =>
  Object.entries(columns).map(([column, effect]) => ({ table, column, effect })),
)

describe('every bit of', () => {
  test('none: everything can be read', async () => {
    const seen = await rules.read(own)
    expect(seen).toEqual(own.map(({ value, metadata }) => ({ value, metadata })))
    expect(new Set(seen.map(({ value }) => value)).size).toBe(ROWS)
  })

  test.each(columns)('$table, $column', async ({ table, column, effect }) => {
    await flipAll(table, column, rowsOf(table, own), async (changed) => {
      const tokens = changed.map((index) => own[index] as Own)
      for (const [index, seen] of (await rules.read(tokens)).entries()) {
        const mine = tokens[index] as Own
        expectEffect(effect.value, seen.value, mine.value)
        expectEffect(effect.metadata, seen.metadata, mine.metadata)
      }
    })
  })

  test.each(Object.entries(SESSION_COLUMNS))('sessions.%s', async (column, effect) => {
    await flipAll('sessions', column, sessionRows(), async (changed) => {
      const whose = await Promise.all(changed.map((index) => rules.whose(sessions[index] as string)))
      for (const sid of whose) expectEffect(effect, sid, 'sid-of-alice')
    })
  })

  test.each(Object.entries(KEY_RING_COLUMNS))('key_ring.%s, one bit of each byte', async (column, effect) => {
    const restore = rules.writer.snapshot(['key_ring'])
    const [row] = rules.writer.all('SELECT * FROM key_ring')
    const bytes = bitsOf(row?.[column]).length
    for (let byte = 0; byte < bytes; byte++) {
      const set = `UPDATE key_ring SET ${column} = ${marked(row?.[column])}`
      rules.writer.run(set, flipped(row?.[column], byte * 8 + (byte % 8)))
      const loaded = loadKeyRing({ ...rules.needs, root: rules.root })
      if (effect === 'refused') await expect(loaded, `byte ${byte}`).rejects.toThrow()
      else expect((await loaded).version).toBe(row?.['version'])
      restore()
    }
  })
})

/** What is read of a record, and must come from one row. */
const BOUND = ['record_id', 'app', 'kid', 'generation', 'record_salt', 'sealed', 'sealed_metadata']
const SEALS = new Set(['record_salt', 'sealed', 'sealed_metadata'])

/** Every choice of some, but not none. */
function choices<T>(all: readonly T[]): T[][] {
  return Array.from({ length: 2 ** all.length - 1 }, (_, bits) =>
    all.filter((_item, index) => (bits + 1) & (1 << index)),
  )
}

type Whole = Readonly<Row>

/** A record with its seal. */
function wholeRow({ recordId }: Pick<Own, 'recordId'>): Whole {
  return rules.writer.all(
    'SELECT * FROM records JOIN seals USING (number) WHERE record_id = ?',
    recordId,
  )[0] as Whole
}

/** Puts these cells where a token's locator leads, and has its grant follow. */
function compose(target: Whole, cells: Whole): void {
  const set = (table: string, names: readonly string[]) => {
    const written = names.filter((name) => BOUND.includes(name) && SEALS.has(name) === (table === 'seals'))
    const assignments = written.map((name) => `${name} = ?`).join(', ')
    rules.writer.run(
      `UPDATE ${table} SET ${assignments} WHERE number = ?`,
      ...written.map((name) => cells[name] ?? null),
      target['number'] ?? null,
    )
  }
  rules.writer.run('BEGIN IMMEDIATE')
  // The other row is out of the way: an id is there once.
  rules.writer.run(
    'UPDATE records SET record_id = zeroblob(16) WHERE record_id = ? AND number <> ?',
    cells['record_id'] ?? null,
    target['number'] ?? null,
  )
  set('records', Object.keys(cells))
  set('seals', Object.keys(cells))
  rules.writer.run(
    'UPDATE grants SET record_id = ? WHERE record_id = ?',
    cells['record_id'] ?? null,
    target['record_id'] ?? null,
  )
  rules.writer.run('COMMIT')
}

/** Reads a token whose row is its own but for some columns, for every choice of columns. */
async function mix(mine: Own, target: Whole, foreign: Whole): Promise<void> {
  const restore = rules.writer.snapshot(['records', 'seals', 'grants'])
  const differing = BOUND.filter((name) => !sameCell(target[name], foreign[name]))
  expect(differing.length).toBeGreaterThan(2)
  for (const taken of choices(differing)) {
    compose(target, { ...target, ...Object.fromEntries(taken.map((name) => [name, foreign[name] ?? null])) })
    const [seen] = await rules.read([mine])
    const value = taken.join() === 'sealed_metadata' ? mine.value : null
    expect(seen, taken.join()).toEqual({ value, metadata: null })
    restore()
  }
}

const sameCell = (a: unknown, b: unknown) => bitsOf(a).equals(bitsOf(b))

describe('a row that is put together from two', () => {
  test('of two tokens of one app: refused', async () => {
    const [mine, other] = own as [Own, Own]
    await mix(mine, wholeRow(mine), wholeRow(other))
  })

  test('of two apps: refused', async () => {
    const [foreign] = (await rules.make(OTHER, 1)) as [Own]
    await mix(own[0] as Own, wholeRow(own[0] as Own), wholeRow(foreign))
  })

  test('of two generations: refused, but for the whole of the older one, which gives what it gave', async () => {
    const [mine] = (await rules.make(ACME, 1)) as [Own]
    const older = wholeRow(mine)
    expect(await rekeyToken(rules.needs, callerIn(ACME), mine.token)).toMatchObject({ ok: true })
    const newer = wholeRow(mine)
    const [now] = (await rules.read([mine])) as [{ value: string; metadata: string }]
    expect([now.value === mine.value, now.metadata]).toEqual([false, mine.metadata])
    const restore = rules.writer.snapshot(['records', 'seals', 'grants'])
    const differing = BOUND.filter((name) => !sameCell(newer[name], older[name]))
    expect(differing).toEqual(['generation', 'record_salt', 'sealed', 'sealed_metadata'])
    for (const taken of choices(differing)) {
      compose(newer, { ...newer, ...Object.fromEntries(taken.map((name) => [name, older[name] ?? null])) })
      const [seen] = await rules.read([mine])
      const whole = taken.length === differing.length ? { value: mine.value, metadata: mine.metadata } : null
      const bare =
        taken.join() === 'generation,record_salt,sealed' ? { value: mine.value, metadata: null } : null
      const resealed = taken.join() === 'sealed_metadata' ? { value: now.value, metadata: null } : null
      expect(seen, taken.join()).toEqual(whole ?? bare ?? resealed ?? { value: null, metadata: null })
      restore()
    }
  })
})
