import { DatabaseSync, type SQLInputValue } from 'node:sqlite'

export type Row = Record<string, SQLInputValue>

/** Somebody who can write to the Tokenizer's database while it runs, and holds no key. */
export class Writer implements Disposable {
  readonly #db: DatabaseSync

  constructor(file: string) {
    this.#db = new DatabaseSync(file, { timeout: 10_000, enableForeignKeyConstraints: false })
  }

  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#db.prepare(sql).run(...values).changes)
  }

  all<T = Row>(sql: string, ...values: SQLInputValue[]): T[] {
    return this.#db.prepare(sql).all(...values) as T[]
  }

  /** Names of tables and of their columns. */
  columns(): [table: string, column: string][] {
    const tables = this.all<{ name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table'")
    return tables.flatMap(({ name }) =>
      this.all<{ name: string }>(`SELECT name FROM pragma_table_info('${name}')`).map(
        (column): [string, string] => [name, column.name],
      ),
    )
  }

  /** Nobody else can write until `then` is done. */
  async locked<T>(then: () => Promise<T>): Promise<T> {
    this.#db.exec('BEGIN IMMEDIATE')
    try {
      return await then()
    } finally {
      this.#db.exec('COMMIT')
    }
  }

  /** Replaces the two rows by others, whatever stands in the way. */
  replace(table: string, rows: readonly Row[]): void {
    for (const row of rows) {
      const names = Object.keys(row)
      const marks = names.map(() => '?').join(', ')
      this.run(
        `INSERT OR REPLACE INTO ${table} (${names.join(', ')}) VALUES (${marks})`,
        ...Object.values(row),
      )
    }
  }

  /** Everything as it was when this was called, at every later call of what it returns. */
  snapshot(tables: readonly string[]): () => void {
    const kept = tables.map((table) => [table, this.all(`SELECT * FROM ${table}`)] as const)
    return () => {
      this.#db.exec('BEGIN IMMEDIATE')
      for (const [table, rows] of kept) {
        this.run(`DELETE FROM ${table}`)
        this.replace(table, rows)
      }
      this.#db.exec('COMMIT')
    }
  }

  [Symbol.dispose](): void {
    this.#db.close()
  }
}
