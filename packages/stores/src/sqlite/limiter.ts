import { DatabaseSync, type StatementSync } from 'node:sqlite'
import {
  type Limiter,
  type Quota,
  type QuotaRow,
  type QuotaRows,
  SWEEP_DELAY_MS,
  type Swept,
  type Taken,
  takeQuotas,
} from '@lunadefend/core'
import { createTurns } from '../limits/turns.ts'
import { busyPause } from './busy.ts'
import { createPrivately } from './connection.ts'
import { asPortFailure, isBusy } from './sqlite-failure.ts'

/** How long one statement blocks this process, waiting for another one; then it is tried again, in milliseconds. */
const STATEMENT_WAIT_MS = 5
/** How long to wait in all for another process, in milliseconds: longer than whoever asks has patience. */
const BUSY_LIMIT_MS = 500

// Nothing in it is worth an fsync: what a crash takes away is a quota that is whole again.
const SETTINGS = `
  PRAGMA trusted_schema = OFF;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = OFF;
  PRAGMA wal_autocheckpoint = 1000;
  CREATE TABLE IF NOT EXISTS limits (ref BLOB PRIMARY KEY, until INTEGER NOT NULL, counts BLOB) STRICT, WITHOUT ROWID;`

/**
 * The limiter in a file of its own; the processes of one machine share it. It is made (mode 0600) when it is first used,
 * so that an installation starts, with half its quotas, while the file is damaged or its disk is full. A file that is
 * damaged can be removed while nothing runs.
 */
export function openSqliteLimiter(file: string): Limiter {
  let opened: Connection | null = null
  const connection = () => {
    opened ??= connect(file)
    return opened
  }
  const turns = createTurns((quotas) => patiently(() => decide(connection(), quotas)))
  return {
    where: 'shared',
    take: turns.take,
    sweep: (after, limit, now) =>
      turns.between(() => patiently(() => sweep(connection(), after, limit, now))),
    async [Symbol.asyncDispose]() {
      await turns.close()
      if (opened?.db.isOpen) opened.db.close()
    },
  }
}

interface Connection {
  readonly db: DatabaseSync
  readonly find: StatementSync
  readonly put: StatementSync
  readonly page: StatementSync
  readonly remove: StatementSync
}

function connect(file: string): Connection {
  createPrivately(file, 'a')
  const db = new DatabaseSync(file, { timeout: STATEMENT_WAIT_MS })
  try {
    db.exec(SETTINGS)
    return {
      db,
      find: db.prepare('SELECT until, counts FROM limits WHERE ref = ?'),
      put: db.prepare('INSERT OR REPLACE INTO limits (ref, until, counts) VALUES (?, ?, ?)'),
      page: db.prepare('SELECT ref, until FROM limits WHERE ref > ? ORDER BY ref LIMIT ?'),
      remove: db.prepare('DELETE FROM limits WHERE ref = ?'),
    }
  } catch (error) {
    db.close()
    throw error
  }
}

function decide(connection: Connection, quotas: readonly Quota[]): readonly Taken[] {
  return inTransaction(connection, () => {
    const { taken, written } = takeQuotas(storedIn(connection), quotas)
    for (const [name, { until, counts }] of written)
      connection.put.run(Buffer.from(name, 'hex'), until, counts)
    return taken
  })
}

/** Each row is looked for once. */
function storedIn({ find }: Connection): Pick<QuotaRows, 'get'> {
  const rows = new Map<string, QuotaRow | undefined>()
  return {
    get(name) {
      if (!rows.has(name)) rows.set(name, find.get(Buffer.from(name, 'hex')) as QuotaRow | undefined)
      return rows.get(name)
    },
  }
}

function sweep(connection: Connection, after: string | null, limit: number, now: number): Swept {
  const over = (now - SWEEP_DELAY_MS) * 1000
  return inTransaction(connection, () => {
    const page = connection.page.all(Buffer.from(after ?? '', 'hex'), limit) as {
      ref: Uint8Array
      until: number
    }[]
    const gone = page.filter(({ until }) => until <= over)
    for (const { ref } of gone) connection.remove.run(ref)
    const last = page.length < limit ? undefined : page.at(-1)
    return { removed: gone.length, next: last === undefined ? null : Buffer.from(last.ref).toString('hex') }
  })
}

function inTransaction<T>({ db }: Connection, work: () => T): T {
  // Locked from the beginning: nobody changes between what is read here and what is written.
  db.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    db.exec('COMMIT')
    return result
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK')
    throw error
  }
}

/** Tries again while another process holds the file. */
async function patiently<T>(work: () => T): Promise<T> {
  const started = performance.now()
  for (;;) {
    try {
      return work()
    } catch (error) {
      if (!isBusy(error) || performance.now() - started > BUSY_LIMIT_MS) throw asPortFailure(error)
    }
    await busyPause()
  }
}
