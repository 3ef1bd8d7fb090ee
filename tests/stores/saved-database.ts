import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { migratePostgres, ROLES } from '@lunadefend/stores/postgres'
import { backupSqlite } from '@lunadefend/stores/sqlite'
import type { TokenizerConfig } from '@lunadefend/tokenizer'
import { Client, DatabaseError } from 'pg'
import { expect } from 'vitest'
import { blocks, read } from '../docs/document.ts'
import { scratch } from '../harness/directory.ts'
import { databaseFileIn } from '../harness/house.ts'
import { type RunningPostgres, startPostgres } from '../harness/postgres.ts'

/** The database of an installation, and one way in which operators save it. */
export interface SavedDatabase extends AsyncDisposable {
  /** As it is reached at the moment, by the Tokenizer or by an auditor. */
  settings(role: 'service' | 'auditor'): TokenizerConfig['database']
  /** What copies are based on, taken before them. */
  begin(): Promise<void>
  /** Has all that was acknowledged before the call. */
  copy(): Promise<void>
  lose(): Promise<void>
  restore(): Promise<void>
  /** What roles may do; SQLite has none. */
  rights(): Promise<Rights>
}

export interface Rights {
  /** `service SELECT audit`, sorted. */
  readonly granted: readonly string[]
  /** What PostgreSQL says when the service changes rows of audit, removes them, or changes the schema. */
  readonly refused: readonly unknown[]
}

/** `folder` is where copies go, `programs` are PostgreSQL's. */
export type Way = (folder: string, programs: string) => Promise<SavedDatabase>

export const sqlite: Way = async (folder) => {
  const here = scratch()
  const file = databaseFileIn(here.path)
  const kept = join(folder, 'database.sqlite')
  return {
    settings: () => ({ engine: 'sqlite', file }),
    begin: async () => {},
    copy: () => backupSqlite(file, kept),
    lose: async () => {
      for (const suffix of ['', '-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true })
    },
    restore: async () => cpSync(kept, file),
    rights: async () => ({ granted: [], refused: [] }),
    [Symbol.asyncDispose]: async () => here[Symbol.dispose](),
  }
}

/** Restored in another server, where there are no roles yet. */
export const postgresDump: Way = async (folder, programs) => {
  let server = await emptyServer(programs)
  await migratePostgres({ url: server.url(DATABASE, 'owner'), phase: 'before' })
  return {
    ...onServer(() => server),
    begin: async () => {},
    copy: () => server.operate(documented('dump', folder), folder, 'owner'),
    lose: async () => server[Symbol.asyncDispose](),
    async restore() {
      server = await emptyServer(programs)
      await server.operate(documented('restore-dump', folder), folder, 'owner')
    },
  }
}

/** Restored as of the last log that was archived, long after the base backup. */
export const postgresBase: Way = async (folder, programs) => {
  // Archived is what this test puts there, so that it knows what is not.
  const settings = { ...settingsIn(documented('archive', folder)), archive_timeout: '0' }
  const server = await emptyServer(programs, settings)
  const operate = (note: string) => server.operate(documented(note, folder), folder, 'superuser')
  await operate('archive-folder')
  await migratePostgres({ url: server.url(DATABASE, 'owner'), phase: 'before' })
  return {
    ...onServer(() => server),
    begin: () => operate('base'),
    copy: () => archiveNow(server),
    async lose() {
      // Not in order: that would archive the rest.
      await server.kill9()
      rmSync(server.dataDirectory, { recursive: true })
    },
    async restore() {
      await operate('restore-base')
      await server.restart()
      const replaying = 'SELECT pg_is_in_recovery() AS is'
      await expect.poll(() => server.administer(DATABASE, replaying)).toEqual([{ is: false }])
    },
  }
}

const DATABASE = 'lunadefend'

/** A block of the operators' page, with their folder where it is here. */
function documented(note: string, folder: string): string {
  const block = blocks(read('docs/deploy/postgres.md')).find((each) => each.note === note)
  if (block === undefined) throw new Error(`There is no block "${note}".`)
  return block.text.replaceAll('/backup', folder)
}

/** Of lines such as `name = 'value'`. */
function settingsIn(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/^(\w+) = (?:'(.*)'|(\S+))$/gm)].map(([, name, text, word]) => [name, text ?? word]),
  )
}

async function emptyServer(programs: string, settings = {}): Promise<RunningPostgres> {
  const server = await startPostgres(settings, { programs, bare: true })
  await server.administer('postgres', `CREATE DATABASE ${DATABASE}`)
  await server.administer(DATABASE, documented('roles', ''))
  await server.givePasswords()
  return server
}

function onServer(server: () => RunningPostgres) {
  return {
    settings: (role: 'service' | 'auditor') =>
      ({ engine: 'postgres', url: server().url(DATABASE, role) }) as const,
    rights: async (): Promise<Rights> => ({
      granted: await grantedOn(server()),
      refused: await refusedOn(server()),
    }),
    [Symbol.asyncDispose]: async () => server()[Symbol.asyncDispose](),
  }
}

async function archiveNow(server: RunningPostgres): Promise<void> {
  const [segment] = await server.administer(DATABASE, 'SELECT pg_walfile_name(pg_switch_wal()) AS name')
  const archived = `SELECT last_archived_wal >= '${segment?.['name']}' AS is FROM pg_stat_archiver`
  await expect.poll(() => server.administer(DATABASE, archived)).toEqual([{ is: true }])
}

async function grantedOn(server: RunningPostgres): Promise<string[]> {
  const rows = await server.administer(
    DATABASE,
    `SELECT grantee, privilege_type AS may, table_name AS what FROM information_schema.role_table_grants
      WHERE table_schema = 'lunadefend'
    UNION ALL
      SELECT pg_get_userbyid(grantee), privilege_type, datname
      FROM pg_database, aclexplode(datacl) WHERE datname = '${DATABASE}'`,
  )
  return rows.map(({ grantee, may, what }) => `${grantee} ${may} ${what}`).sort()
}

async function refusedOn(server: RunningPostgres): Promise<unknown[]> {
  const service = new Client({ connectionString: server.url(DATABASE, 'service') })
  await service.connect()
  try {
    const attempts = [
      'UPDATE lunadefend.audit SET refusal = NULL',
      'DELETE FROM lunadefend.audit',
      'TRUNCATE lunadefend.audit',
      'DELETE FROM lunadefend.audit_checkpoints',
      `ALTER TABLE lunadefend.audit OWNER TO ${ROLES.service}`,
    ]
    const refused: unknown[] = []
    for (const sql of attempts) {
      const error = await service.query(sql).then(
        () => null,
        (reason) => reason,
      )
      refused.push(error instanceof DatabaseError ? error.code : error)
    }
    return refused
  } finally {
    await service.end()
  }
}
