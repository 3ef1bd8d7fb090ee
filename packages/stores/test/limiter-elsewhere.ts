import type { Limiter } from '@lunadefend/core'
import { openPostgresLimiter } from '@lunadefend/stores/postgres'
import { openSqliteLimiter } from '@lunadefend/stores/sqlite'

/** What another process of the contract suite opens. */
export async function connect(where: string): Promise<Limiter> {
  return where.startsWith('postgres') ? openPostgresLimiter({ url: where }) : openSqliteLimiter(where)
}
