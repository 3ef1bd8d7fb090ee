import {
  type AuditLine,
  encodeLine,
  formatVkey,
  leafHash,
  nodesOver,
  parseVkey,
  rootOf,
  signCheckpoint,
  signingKeyOf,
  type Verifier,
  verifierOf,
} from '@lunadefend/audit-log'
import fc from 'fast-check'
import { expect } from 'vitest'
import { ORIGIN, SEALED, type StoredLog } from './stored-log.ts'

type Choose = <T>(from: readonly T[]) => T

interface Leaf {
  readonly number: number
  readonly writer: string
  readonly seq: number
  readonly hash: Uint8Array
  readonly row: AuditLine
}

type Place = Pick<Leaf, 'writer' | 'seq'>

/** What an editor knows beforehand. */
interface Known {
  readonly leaves: readonly Leaf[]
  readonly rest: readonly Place[]
  readonly sizes: readonly number[]
  readonly notes: ReadonlyMap<number, string>
  readonly log: StoredLog
}

interface Edit {
  readonly sql: string
  readonly witnesses?: readonly string[]
  /** Believed by whoever checks: the key of the log was stolen. */
  readonly trusted?: readonly Verifier[]
}

const OTHER = 'ffffffffffffffff'
const at = <T>(list: readonly T[], index: number): T => list[index] as T
const STOLEN = signingKeyOf(new Uint8Array(32).fill(7))
const rowIs = ({ writer, seq }: Place) => `writer = '${writer}' AND seq = ${seq}`
const hexOf = (log: StoredLog, hash: Uint8Array) => {
  const hex = Buffer.from(hash).toString('hex')
  return log.name === 'SQLite' ? `x'${hex}'` : `'\\x${hex}'::bytea`
}
const FIELDS = [
  ...[
    'at = at + 1',
    'at = at - 60000',
    "request_id = request_id || 'x'",
    "app = 'bank'",
    'app = NULL',
    "actor = 'system'",
  ],
  ...[
    "operator = 'root'",
    "action = 'read-metadata'",
    'epoch = epoch + 1',
    'session = NULL',
    "token = 'ff'",
    'token = NULL',
  ],
  ...[
    'network = NULL',
    'generation = generation + 1',
    "policy = 'all'",
    'count = count + 1',
    "refusal = 'no-grant'",
  ],
]

/** One for each kind of edit that somebody who owns the database may think of. */
const EDITS = {
  'a field of a sealed row': ({ leaves }, pick) => ({
    sql: `UPDATE {audit} SET ${pick(FIELDS)} WHERE ${rowIs(pick(leaves))}`,
  }),
  'a sealed row deleted': ({ leaves }, pick) => ({ sql: `DELETE FROM {audit} WHERE ${rowIs(pick(leaves))}` }),
  'many rows deleted': ({ leaves }, pick) => ({
    sql: `DELETE FROM {audit} WHERE request_id LIKE '%${pick([1, 2, 3])}' AND ${`writer = '${pick(leaves).writer}'`}`,
  }),
  'a sealed row with another number': ({ leaves }, pick) => ({
    sql: `UPDATE {audit} SET seq = seq + ${pick([1000, 5000])} WHERE ${rowIs(pick(leaves))}`,
  }),
  'a sealed row of another writer': ({ leaves }, pick) => ({
    sql: `UPDATE {audit} SET writer = '${OTHER}' WHERE ${rowIs(pick(leaves))}`,
  }),
  'a writer with another name': ({ leaves }, pick) => ({
    sql: `UPDATE {audit} SET writer = '${OTHER}' WHERE writer = '${pick(leaves).writer}'`,
  }),
  'two rows swapped': ({ leaves }, pick) => {
    const one = pick(leaves)
    const other = pick(leaves.filter(({ writer, seq }) => writer === one.writer && seq !== one.seq))
    const move = (from: number, to: number) =>
      `UPDATE {audit} SET seq = ${to} WHERE writer = '${one.writer}' AND seq = ${from};`
    return { sql: move(one.seq, 900_000) + move(other.seq, one.seq) + move(900_000, other.seq) }
  },
  'a leaf with another hash': ({ leaves, log }, pick) => ({
    sql: `UPDATE {audit_leaves} SET hash = ${hexOf(log, leafHash('x'))} WHERE number = ${pick(leaves).number}`,
  }),
  'a leaf deleted': ({ leaves }, pick) => ({
    sql: `DELETE FROM {audit_leaves} WHERE number = ${pick(leaves).number}`,
  }),
  'a leaf of another row': ({ leaves }, pick) => ({
    sql: `UPDATE {audit_leaves} SET seq = seq + 10000 WHERE number = ${pick(leaves).number}`,
  }),
  'a leaf elsewhere': ({ leaves }, pick) => ({
    sql: `UPDATE {audit_leaves} SET number = ${SEALED + pick([0, 7])} WHERE number = ${pick(leaves).number}`,
  }),
  'a row deleted with its leaf': ({ leaves }, pick) => {
    const leaf = pick(leaves)
    return {
      sql: `DELETE FROM {audit} WHERE ${rowIs(leaf)}; DELETE FROM {audit_leaves} WHERE number = ${leaf.number}`,
    }
  },
  'a node changed': ({ log }) => ({ sql: `UPDATE {audit_nodes} SET hash = ${hexOf(log, leafHash('x'))}` }),
  'a node deleted': () => ({ sql: 'DELETE FROM {audit_nodes}' }),
  'a node too many': ({ log }) => ({
    sql: `INSERT INTO {audit_nodes} (level, number, hash) VALUES (1, 1, ${hexOf(log, leafHash('x'))})`,
  }),
  'the newest checkpoint deleted': () => ({ sql: `DELETE FROM {audit_checkpoints} WHERE size = ${SEALED}` }),
  'a checkpoint in the place of another': ({ sizes, notes }, pick) => {
    const size = pick(sizes)
    const other = pick(sizes.filter((each) => each !== size))
    return { sql: `UPDATE {audit_checkpoints} SET note = '${notes.get(other)}' WHERE size = ${size}` }
  },
  'a checkpoint of another size': ({ sizes }, pick) => ({
    sql: `UPDATE {audit_checkpoints} SET size = size + ${pick([1, 7, 1000])} WHERE size = ${pick(sizes)}`,
  }),
  'a checkpoint by another key': ({ sizes }, pick) => {
    const size = pick(sizes)
    const note = signCheckpoint({ origin: ORIGIN, size, root: leafHash('x') }, [
      signingKeyOf(new Uint8Array(32).fill(9)),
    ])
    return { sql: `UPDATE {audit_checkpoints} SET note = '${note}' WHERE size = ${size}` }
  },
  'a row changed with its leaf': ({ leaves, log }, pick) => {
    const leaf = pick(leaves)
    const line = encodeLine({ ...leaf.row, requestId: 'forged' })
    const sql = `UPDATE {audit} SET request_id = 'forged' WHERE ${rowIs(leaf)};`
    return {
      sql: `${sql} UPDATE {audit_leaves} SET hash = ${hexOf(log, leafHash(line))} WHERE number = ${leaf.number}`,
    }
  },
  'an older state put back': ({ leaves, sizes, notes }, pick) => {
    const size = pick(sizes.filter((each) => each < SEALED))
    const later = leaves
      .filter(({ number }) => number >= size)
      .map((leaf) => `DELETE FROM {audit} WHERE ${rowIs(leaf)};`)
    const tree = `DELETE FROM {audit_leaves} WHERE number >= ${size}; DELETE FROM {audit_checkpoints} WHERE size > ${size};`
    const nodes = size < 256 ? 'DELETE FROM {audit_nodes};' : ''
    const rest = `DELETE FROM {audit} WHERE NOT EXISTS (SELECT 1 FROM {audit_leaves} AS l WHERE l.writer = {audit}.writer AND l.seq = {audit}.seq);`
    return { sql: later.join('') + tree + nodes + rest, witnesses: [notes.get(SEALED) ?? ''] }
  },
  'a fork under the key of the log': (known, pick) => forked(known, pick),
  'a sealed row added': ({ log, rest }, pick) => {
    const row = pick(rest)
    const values = `${SEALED}, '${row.writer}', ${row.seq}, ${hexOf(log, leafHash('x'))}`
    return { sql: `INSERT INTO {audit_leaves} (number, writer, seq, hash) VALUES (${values})` }
  },
  'a row added far behind its writer': ({ rest }, pick) => {
    const row = pick(rest)
    const columns =
      'at, request_id, app, actor, operator, action, epoch, session, token, network, generation, policy, count, refusal'
    const copied = `SELECT writer, seq + ${pick([1000, 5000])}, ${columns} FROM {audit} WHERE ${rowIs(row)}`
    return { sql: `INSERT INTO {audit} (writer, seq, ${columns}) ${copied}` }
  },
  'two leaves swapped': ({ leaves }, pick) => {
    const one = pick(leaves).number
    const other = pick(leaves.filter(({ number }) => number !== one)).number
    const move = (from: number, to: number) =>
      `UPDATE {audit_leaves} SET number = ${to} WHERE number = ${from};`
    return { sql: move(one, 900_000) + move(other, one) + move(900_000, other) }
  },
  'a bit of a leaf': ({ leaves, log }, pick) => {
    const { number, hash } = pick(leaves)
    return {
      sql: `UPDATE {audit_leaves} SET hash = ${hexOf(log, flipped(hash, pick))} WHERE number = ${number}`,
    }
  },
  'a bit of a node': ({ leaves, log }, pick) => {
    const node = rootOf(nodesOver(leaves.slice(0, 256).map(({ hash }) => hash)), 256)
    return { sql: `UPDATE {audit_nodes} SET hash = ${hexOf(log, flipped(node, pick))}` }
  },
  'a node elsewhere': (_, pick) => ({
    sql: `UPDATE {audit_nodes} SET ${pick(['level', 'number'])} = ${pick([2, 3])}`,
  }),
  'a letter of a checkpoint': ({ sizes, notes }, pick) => {
    const size = pick(sizes)
    const note = notes.get(size) ?? ''
    const place = pick([...Array(note.length).keys()])
    const letter = pick([...'A0z+/\n '].filter((each) => each !== note[place]))
    const edited = `${note.slice(0, place)}${letter}${note.slice(place + 1)}`
    return { sql: `UPDATE {audit_checkpoints} SET note = '${edited}' WHERE size = ${size}` }
  },
  'a checkpoint added': ({ sizes, notes }, pick) => {
    const size = pick(sizes) - pick([1, 2, 7])
    const values = `${size}, '${notes.get(pick(sizes))}', 0`
    return { sql: `INSERT INTO {audit_checkpoints} (size, note, sealed_at) VALUES (${values})` }
  },
  'the tree removed': () => ({
    sql: 'DELETE FROM {audit_leaves}; DELETE FROM {audit_nodes}; DELETE FROM {audit_checkpoints}; UPDATE {audit} SET at = at - 600000',
  }),
  'a row deleted before it was sealed': ({ rest }, pick) => {
    const followed = rest.filter(({ writer, seq }) =>
      rest.some((other) => other.writer === writer && other.seq > seq),
    )
    return { sql: `DELETE FROM {audit} WHERE ${rowIs(pick(followed))}` }
  },
  'rows renumbered before they were sealed': ({ rest }, pick) => {
    const { writer } = pick(rest)
    const rows = rest.filter((row) => row.writer === writer).toReversed()
    return { sql: rows.map((row) => `UPDATE {audit} SET seq = seq + 1 WHERE ${rowIs(row)};`).join('') }
  },
} satisfies Record<string, (known: Known, pick: Choose) => Edit>

/** One byte of it, with another bit. */
function flipped(hash: Uint8Array, pick: Choose): Uint8Array {
  const copy = Uint8Array.from(hash)
  const place = pick([...copy.keys()])
  copy[place] = (copy[place] ?? 0) ^ pick([1, 2, 4, 8, 16, 32, 64, 128])
  return copy
}

/** A row is another one, and all that follows from it is computed and signed anew. Somebody has kept a checkpoint. */
function forked({ leaves, sizes, notes, log }: Known, pick: Choose): Edit {
  const leaf = pick(leaves)
  const hash = leafHash(encodeLine({ ...leaf.row, requestId: 'forged' }))
  const nodes = nodesOver(leaves.map((each) => (each.number === leaf.number ? hash : each.hash)))
  const signed = sizes.map((size) => {
    const note = signCheckpoint({ origin: ORIGIN, size, root: rootOf(nodes, size) }, [STOLEN])
    return `UPDATE {audit_checkpoints} SET note = '${note}' WHERE size = ${size}`
  })
  const sql = [
    `UPDATE {audit} SET request_id = 'forged' WHERE ${rowIs(leaf)}`,
    `UPDATE {audit_leaves} SET hash = ${hexOf(log, hash)} WHERE number = ${leaf.number}`,
    `UPDATE {audit_nodes} SET hash = ${hexOf(log, rootOf(nodes, 256))} WHERE level = 1 AND number = 0`,
    ...signed,
  ]
  const seen = pick(sizes.filter((size) => size > leaf.number))
  const trusted = [parseVkey(formatVkey(verifierOf(ORIGIN, STOLEN)))]
  return { sql: sql.join(';'), witnesses: [notes.get(seen) ?? ''], trusted }
}

const NAMES = Object.keys(EDITS) as (keyof typeof EDITS)[]

async function look(log: StoredLog): Promise<Known> {
  const leaves = await leavesOf(log)
  const sealed = new Set(leaves.map(({ writer, seq }) => `${writer} ${seq}`))
  const rows = (await log.query('SELECT writer, seq FROM {audit} ORDER BY writer, seq')).map(placeOf)
  const rest = rows.filter(({ writer, seq }) => !sealed.has(`${writer} ${seq}`))
  const checkpoints = await log.query('SELECT size, note FROM {audit_checkpoints} ORDER BY size')
  const notes = new Map(checkpoints.map(({ size, note }) => [Number(size), String(note)]))
  return { leaves, rest, sizes: [...notes.keys()], notes, log }
}

async function leavesOf(log: StoredLog): Promise<Leaf[]> {
  await using stored = await log.open()
  const leaves = await stored.findLeaves(null, 0, SEALED)
  return leaves.flatMap(({ number, hash, row }) =>
    row === null ? [] : [{ number, hash, row, writer: row.writer, seq: row.seq }],
  )
}

function placeOf({ writer, seq }: Record<string, unknown>): Place {
  return { writer: String(writer), seq: Number(seq) }
}

/** Edits the stored log in so many ways, each kind at least once, and expects that each is found. */
export async function expectEditsAreFound(log: StoredLog, runs: number): Promise<void> {
  const known = await look(log)
  const numbers = fc.array(fc.nat(), { minLength: 5, maxLength: 5 })
  let turn = 0
  await fc.assert(
    fc.asyncProperty(numbers, async (seeds) => {
      const name = at(NAMES, turn % NAMES.length)
      turn += 1
      let taken = 0
      const pick: Choose = (from) => {
        taken += 1
        return at(from, (seeds[taken % seeds.length] ?? 0) % from.length)
      }
      const { sql, witnesses, trusted }: Edit = EDITS[name](known, pick)
      await log.edit(sql)
      const { isGood } = await log.check(witnesses, trusted)
      await log.restore()
      expect({ name, sql: sql.slice(0, 300), isGood }).toMatchObject({ isGood: false })
    }),
    { numRuns: Math.max(runs, NAMES.length), endOnFailure: true },
  )
}
