import type { Database } from '@lunadefend/core'
import { openPostgres } from '@lunadefend/stores/postgres'

/** What another process of the contract suite opens. */
export async function connect(where: string): Promise<Database> {
  return openPostgres({ url: where, readers: 2 })
}
