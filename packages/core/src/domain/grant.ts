import type { Access, AppId } from '@lunadefend/contract'
import type { Refusal } from './audit.ts'
import type { TokenRecord } from './record.ts'

/** "This session may read, or store, this token, until then." Times in milliseconds since 1970. */
export interface Grant {
  readonly grantId: Uint8Array
  readonly app: AppId
  /** The version of the grant key that made the id. */
  readonly grantVersion: number
  readonly sessionRef: Uint8Array
  /** The version of the session key that made the reference. */
  readonly sessionVersion: number
  readonly recordId: Uint8Array
  readonly access: Access
  readonly expiresAt: number
  /** `null` = as often as wanted. */
  readonly maxUses: number | null
  readonly uses: number
  readonly purpose: string | null
}

/** `null` when record and grant allow it; else the reason for the audit log. */
export function refusalOf(record: TokenRecord | null, grant: Grant | null, now: number): Refusal | null {
  if (record === null) return 'unknown-token'
  const gone = goneBecause(record, now)
  if (gone !== null) return gone
  if (grant === null) return 'no-grant'
  if (grant.expiresAt <= now) return 'grant-expired'
  if (grant.maxUses !== null && grant.uses >= grant.maxUses) return 'grant-used-up'
  return null
}

/** `null` while the token lives. */
export function goneBecause(record: TokenRecord, now: number): Refusal | null {
  if (record.deletedAt !== null) return 'token-deleted'
  return record.expiresAt !== null && record.expiresAt <= now ? 'token-expired' : null
}
