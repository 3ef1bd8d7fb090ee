import type { Database } from '@lunadefend/core'
import { openSqlite } from '@lunadefend/stores/sqlite'

/** What another process of the contract suite opens. */
export async function connect(where: string): Promise<Database> {
  return openSqlite(where)
}
