import { existsSync } from 'node:fs'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { Client, types } from 'pg'

/** `bytea` and BLOB are bytes; integers are numbers. */
export type Row = Readonly<Record<string, unknown>>
/** All rows of all tables, by the name of the table. */
export type Dump = Readonly<Record<string, readonly Row[]>>

/** A running Tokenizer's database, for somebody who may read and write all of it, and holds no key. */
export interface OpenDatabase extends AsyncDisposable {
  dump(): Promise<Dump>
  /** `?` stands for a value. */
  all(sql: string, ...values: readonly unknown[]): Promise<Row[]>
}

/** The files of one database, or copies of them with their write-ahead logs. */
export function openFiles(...files: readonly string[]): OpenDatabase {
  const opened = files.filter(existsSync).map((file) => new DatabaseSync(file, { timeout: 10_000 }))
  const ask = (db: DatabaseSync, sql: string, values: readonly unknown[]) =>
    db.prepare(sql).all(...(values as SQLInputValue[])) as Row[]
  const tablesOf = (db: DatabaseSync) =>
    ask(db, "SELECT name FROM sqlite_schema WHERE type = 'table'", []).map(({ name }) => String(name))
  return {
    dump: async () =>
      Object.fromEntries(
        opened.flatMap((db) => tablesOf(db).map((table) => [table, ask(db, `SELECT * FROM ${table}`, [])])),
      ),
    all: async (sql, ...values) => ask(opened[0] as DatabaseSync, sql, values),
    [Symbol.asyncDispose]: async () => {
      for (const db of opened) db.close()
    },
  }
}

const INT8 = 20

/** As whoever administers the server. */
export async function openServer(url: string): Promise<OpenDatabase> {
  const getTypeParser = (oid: number, format?: 'text' | 'binary') =>
    oid === INT8 ? Number : types.getTypeParser(oid, format)
  const client = new Client({
    connectionString: url,
    options: '-c search_path=lunadefend',
    types: { getTypeParser } as typeof types,
  })
  await client.connect()
  const all = async (sql: string, ...values: readonly unknown[]): Promise<Row[]> => {
    let count = 0
    return (
      await client.query(
        sql.replaceAll('?', () => `$${++count}`),
        [...values],
      )
    ).rows
  }
  return {
    async dump() {
      const tables = await all(
        `SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
      )
      const rows: [string, Row[]][] = []
      for (const { schemaname, tablename } of tables)
        rows.push([String(tablename), await all(`SELECT * FROM "${schemaname}"."${tablename}"`)])
      return Object.fromEntries(rows)
    },
    all,
    [Symbol.asyncDispose]: () => client.end(),
  }
}

/** What the text or the bytes of each cell are, one after the other. */
export function bytesIn(dump: Dump): Buffer {
  const cells = Object.values(dump).flatMap((rows) => rows.flatMap((row) => Object.values(row)))
  return Buffer.concat(
    cells
      .flat()
      .flatMap((cell) => [cell instanceof Uint8Array ? cell : Buffer.from(String(cell)), Buffer.from('\n')]),
  )
}
