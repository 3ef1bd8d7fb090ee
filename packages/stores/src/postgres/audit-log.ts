import type { AuditFilter, AuditLog, AuditRow, SealedRow, StoredCheckpoint } from '@lunadefend/core'
import { Client, type QueryResultRow } from 'pg'
import { clientConfigOf, type PostgresPlace } from './place.ts'
import { asPortFailure } from './postgres-failure.ts'
import { SCHEMA } from './schema.ts'

const AUDIT = `
  audit.writer, audit.seq, at, request_id AS "requestId", app, actor, operator, action, epoch, session,
  user_id AS "user", token, network, generation, policy, count, refusal`
const LEAVES = `SELECT number, hash, ${AUDIT} FROM ${SCHEMA}.audit_leaves AS leaves`
const SAME = 'audit.writer = leaves.writer AND audit.seq = leaves.seq'

/** In the order of their parameters, after the first five. */
const LISTS = {
  apps: 'app',
  actors: 'actor',
  actions: 'action',
  refusals: 'refusal',
  operators: 'operator',
  policies: 'policy',
  requestIds: 'request_id',
  tokens: 'token',
  sessions: 'session',
  users: 'user_id',
  networks: 'network',
} as const satisfies Record<keyof Omit<AuditFilter, 'since' | 'until' | 'outcome'>, string>
const NAMES = Object.keys(LISTS) as (keyof typeof LISTS)[]
const among = NAMES.map(
  (name, at) => `(cardinality($${at + 6}::text[]) = 0 OR ${LISTS[name]} = ANY ($${at + 6}))`,
)

const STATEMENTS = {
  leaves: `${LEAVES} LEFT JOIN ${SCHEMA}.audit ON ${SAME} WHERE number >= $1 ORDER BY number LIMIT $2`,
  selected: `${LEAVES} JOIN ${SCHEMA}.audit ON ${SAME}
    WHERE number >= $1 AND ($3::int8 IS NULL OR at >= $3) AND ($4::int8 IS NULL OR at <= $4)
      AND ($5::text IS NULL OR ($5 = 'allowed') = (refusal IS NULL)) AND ${among.join(' AND ')}
    ORDER BY number LIMIT $2`,
  rest: `SELECT ${AUDIT} FROM ${SCHEMA}.audit LEFT JOIN ${SCHEMA}.audit_leaves AS leaves ON ${SAME}
    WHERE number IS NULL AND (audit.writer, audit.seq) > ($1, $2::int8) ORDER BY audit.writer, audit.seq LIMIT $3`,
  leafHashes: `SELECT number, hash FROM ${SCHEMA}.audit_leaves WHERE number >= $1 ORDER BY number LIMIT $2`,
  nodeHashes: `SELECT number, hash FROM ${SCHEMA}.audit_nodes WHERE level = $1 AND number >= $2
    ORDER BY number LIMIT $3`,
  checkpoints: `SELECT size, note, sealed_at AS "sealedAt" FROM ${SCHEMA}.audit_checkpoints
    WHERE size > $1 ORDER BY size LIMIT $2`,
  newest: `SELECT size, note, sealed_at AS "sealedAt" FROM ${SCHEMA}.audit_checkpoints
    WHERE size <= $1 ORDER BY size DESC LIMIT 1`,
} as const

/**
 * The audit log, for the role of the auditor, who sees nothing else.
 *
 * @throws {PortFailure} `database_unreachable`, `database_unusable`, `database_failed`
 */
export async function openPostgresAuditLog(place: PostgresPlace): Promise<AuditLog> {
  const client = new Client(await clientConfigOf(place))
  client.on('error', () => undefined)
  await failing(() => client.connect())
  const ask = <Row extends QueryResultRow>(name: keyof typeof STATEMENTS, ...values: unknown[]) =>
    failing(async () => (await client.query<Row>({ name, text: STATEMENTS[name], values })).rows)
  return {
    async findLeaves(filter, from, limit) {
      if (filter === null) return (await ask<LeafRow>('leaves', from, limit)).map(sealedRowOf)
      const { since, until, outcome } = filter
      const lists = NAMES.map((name) => filter[name])
      return (await ask<LeafRow>('selected', from, limit, since, until, outcome, ...lists)).map(sealedRowOf)
    },
    findRest: (after, limit) => ask<AuditRow>('rest', after?.writer ?? '', after?.seq ?? 0, limit),
    findHashes: (level, from, limit) =>
      level === 0 ? ask('leafHashes', from, limit) : ask('nodeHashes', level, from, limit),
    findCheckpoints: (after, limit) => ask('checkpoints', after, limit),
    findNewestCheckpoint: async (upTo) => (await ask<StoredCheckpoint>('newest', upTo))[0] ?? null,
    [Symbol.asyncDispose]: () => client.end(),
  }
}

type LeafRow = Omit<SealedRow, 'row'> & { [Name in keyof AuditRow]: AuditRow[Name] | null }

function sealedRowOf({ number, hash, ...row }: LeafRow): SealedRow {
  return { number, hash, row: row.at === null ? null : (row as AuditRow) }
}

async function failing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw asPortFailure(error)
  }
}
