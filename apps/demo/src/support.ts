import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { openSqliteAuditLog } from '@lunadefend/stores/sqlite'
import type { Account, Accounts } from './accounts.ts'

/** The policies of the demo's Tokenizer: what support may see. */
export const POLICIES: string = fileURLToPath(new URL('../policies', import.meta.url))

/** Why support looks. The policy knows the second one. */
export const PURPOSES = ['question', 'identity check'] as const
export type Purpose = (typeof PURPOSES)[number]

const NAME = 'sam'

/** Makes the account of the one who works in support. Nobody knows its password: the demo opens the door. */
export async function employ(accounts: Accounts): Promise<void> {
  await accounts.create({ name: NAME, password: randomBytes(32).toString('base64url') })
}

/** What the app says of its users, for policies. */
export function rolesOf({ name }: Account): readonly string[] {
  return name === NAME ? ['support'] : []
}

export function supporter(accounts: Accounts): Account | null {
  return accounts.findByName(NAME)
}

/** A row of the Tokenizer's audit log, as an auditor of the app may see it: no token, no value, pseudonyms cut short. */
export interface AuditEntry {
  readonly leaf: number
  readonly at: number
  readonly actor: string
  readonly action: string
  readonly session: string | null
  readonly policy: string | null
  /** `null` = it was allowed. */
  readonly refusal: string | null
}

export type ReadAudit = () => Promise<readonly AuditEntry[]>

const SHOWN = 12

/** The youngest rows that are sealed, of the Tokenizer that keeps its log in this file. */
export function auditIn(file: string): ReadAudit {
  return async () => {
    await using log = openSqliteAuditLog(file)
    const size = (await log.findNewestCheckpoint(Number.MAX_SAFE_INTEGER))?.size ?? 0
    const leaves = await log.findLeaves(null, Math.max(0, size - SHOWN), SHOWN)
    return leaves.toReversed().flatMap(({ number, row }) => {
      if (row === null) return []
      const { at, actor, action, session, policy, refusal } = row
      return [{ leaf: number, at, actor, action, session: session?.slice(0, 6) ?? null, policy, refusal }]
    })
  }
}
