import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import type { AuditFilter, AuditLog, AuditRow, SealedRow, StoredCheckpoint } from '@lunadefend/core'
import { asPortFailure } from './sqlite-failure.ts'

const AUDIT = `
  audit.writer, audit.seq, at, request_id AS requestId, app, actor, operator, action, epoch, session, user, token,
  network, generation, policy, count, refusal`
const LEAVES = `SELECT number, hash, ${AUDIT} FROM audit_leaves`

const among = (column: string, name: string) =>
  `(json_array_length(:${name}) = 0 OR ${column} IN (SELECT value FROM json_each(:${name})))`

// The writer of a leaf, not that of the row: a row that is not there has none.
const STATEMENTS = {
  leaves: `${LEAVES} LEFT JOIN audit USING (writer, seq) WHERE number >= :from ORDER BY number LIMIT :limit`,
  selected: `${LEAVES} CROSS JOIN audit USING (writer, seq)
    WHERE number >= :from
      AND (:since IS NULL OR at >= :since) AND (:until IS NULL OR at <= :until)
      AND (:outcome IS NULL OR (:outcome = 'allowed') = (refusal IS NULL))
      AND ${among('app', 'apps')} AND ${among('actor', 'actors')} AND ${among('action', 'actions')}
      AND ${among('refusal', 'refusals')} AND ${among('operator', 'operators')} AND ${among('policy', 'policies')}
      AND ${among('request_id', 'requestIds')} AND ${among('token', 'tokens')} AND ${among('session', 'sessions')}
      AND ${among('user', 'users')} AND ${among('network', 'networks')}
    ORDER BY number LIMIT :limit`,
  rest: `SELECT ${AUDIT} FROM audit LEFT JOIN audit_leaves USING (writer, seq)
    WHERE number IS NULL AND (audit.writer, audit.seq) > (:writer, :seq) ORDER BY audit.writer, audit.seq LIMIT :limit`,
  leafHashes: 'SELECT number, hash FROM audit_leaves WHERE number >= :from ORDER BY number LIMIT :limit',
  nodeHashes: `SELECT number, hash FROM audit_nodes WHERE level = :level AND number >= :from
    ORDER BY number LIMIT :limit`,
  checkpoints: `SELECT size, note, sealed_at AS sealedAt FROM audit_checkpoints
    WHERE size > :after ORDER BY size LIMIT :limit`,
  newest: `SELECT size, note, sealed_at AS sealedAt FROM audit_checkpoints
    WHERE size <= :upTo ORDER BY size DESC LIMIT 1`,
} as const

/**
 * The audit log of a database file, whoever has it open.
 *
 * @throws {PortFailure} `database_failed`, `database_damaged`, `database_busy`
 */
export function openSqliteAuditLog(file: string): AuditLog {
  const db = failing(() => new DatabaseSync(file, { readOnly: true, timeout: 5000 }))
  const prepared = new Map<string, ReturnType<DatabaseSync['prepare']>>()
  const ask = async <Row>(statement: keyof typeof STATEMENTS, bound: Record<string, SQLInputValue>) =>
    failing(() => {
      const ready = prepared.get(statement) ?? db.prepare(STATEMENTS[statement])
      prepared.set(statement, ready)
      return ready.all(bound).map((row) => ({ ...row })) as Row[]
    })
  return {
    async findLeaves(filter, from, limit) {
      if (filter === null) return (await ask<LeafRow>('leaves', { from, limit })).map(sealedRowOf)
      return (await ask<LeafRow>('selected', { from, limit, ...boundOf(filter) })).map(sealedRowOf)
    },
    findRest: (after, limit) =>
      ask<AuditRow>('rest', { writer: after?.writer ?? '', seq: after?.seq ?? 0, limit }),
    findHashes: (level, from, limit) =>
      level === 0 ? ask('leafHashes', { from, limit }) : ask('nodeHashes', { level, from, limit }),
    findCheckpoints: (after, limit) => ask('checkpoints', { after, limit }),
    findNewestCheckpoint: async (upTo) => (await ask<StoredCheckpoint>('newest', { upTo }))[0] ?? null,
    [Symbol.asyncDispose]: async () => db.close(),
  }
}

type LeafRow = Omit<SealedRow, 'row'> & { [Name in keyof AuditRow]: AuditRow[Name] | null }

function sealedRowOf({ number, hash, ...row }: LeafRow): SealedRow {
  return { number, hash, row: row.at === null ? null : (row as AuditRow) }
}

function boundOf({ since, until, outcome, ...lists }: AuditFilter): Record<string, SQLInputValue> {
  const entries = Object.entries(lists).map(([name, values]) => [name, JSON.stringify(values)] as const)
  return { since, until, outcome, ...Object.fromEntries(entries) }
}

function failing<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw asPortFailure(error)
  }
}
