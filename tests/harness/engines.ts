import type { Database } from '@lunadefend/core'
import { openPostgres } from '@lunadefend/stores/postgres'
import { openSqlite } from '@lunadefend/stores/sqlite'
import { databaseFileIn } from './house.ts'
import { type RunningPostgres, startPostgres } from './postgres.ts'

/** A database engine, and how a house and other processes reach a fresh database of it. */
export interface Engine extends AsyncDisposable {
  readonly name: 'SQLite' | 'PostgreSQL'
  fresh(): Promise<EngineDatabase>
}

export interface EngineDatabase {
  readonly openDatabase: (directory: string) => Promise<Database> | Database
  readonly postgresUrl: string | null
}

export const ENGINES = { SQLite: sqliteEngine, PostgreSQL: postgresEngine } as const

async function sqliteEngine(): Promise<Engine> {
  const openDatabase = (directory: string) => openSqlite(databaseFileIn(directory))
  return {
    name: 'SQLite',
    fresh: async () => ({ openDatabase, postgresUrl: null }),
    [Symbol.asyncDispose]: async () => {},
  }
}

async function postgresEngine(): Promise<Engine & { readonly server: RunningPostgres }> {
  // So that it can be asked what was committed before what.
  const server = await startPostgres({ track_commit_timestamp: 'on' })
  return {
    name: 'PostgreSQL',
    server,
    async fresh() {
      const url = server.url(await server.createDatabase(), 'service')
      return { openDatabase: () => openPostgres({ url }), postgresUrl: url }
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}
