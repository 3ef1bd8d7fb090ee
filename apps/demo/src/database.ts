import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** The demo's own database: accounts, logins, profiles. Of the secret fields it only ever holds tokens. */
export type Database = DatabaseSync

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS accounts (
    id INTEGER PRIMARY KEY,
    public_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL UNIQUE,
    password TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS profiles (
    account_id INTEGER PRIMARY KEY REFERENCES accounts (id),
    version INTEGER NOT NULL,
    display_name TEXT NOT NULL,
    city TEXT NOT NULL,
    ssn TEXT NOT NULL,
    notes TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS replaced_tokens (
    token TEXT PRIMARY KEY,
    account_id INTEGER NOT NULL REFERENCES accounts (id)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS logins (
    id_hash TEXT PRIMARY KEY,
    expires_at INTEGER NOT NULL,
    data TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
  ) STRICT;
`

/** Opens `demo.sqlite` in a folder that only its owner can read, and makes both when they are missing. */
export function openDatabase(directory: string): Database {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const file = join(directory, 'demo.sqlite')
  const database = new DatabaseSync(file)
  chmodSync(file, 0o600)
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;')
  database.exec(SCHEMA)
  return database
}

/** Runs it as one transaction: all of it is kept, or nothing. */
export function transaction<T>(database: Database, work: () => T): T {
  database.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    database.exec('COMMIT')
    return result
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}

/** A text that is made at the first start and kept: a restart must not log everybody out. */
export function keptSetting(database: Database, name: string, make: () => string): string {
  database
    .prepare('INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING')
    .run(name, make())
  const row = database.prepare('SELECT value FROM settings WHERE name = ?').get(name)
  return String(row?.['value'])
}
