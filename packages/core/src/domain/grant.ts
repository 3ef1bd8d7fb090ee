import type { Access, AppId } from '@lunadefend/contract'
import type { Refusal } from './audit.ts'
import { type DurationLimits, GRANT_LIFE } from './duration.ts'
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
  /** A keyed hash of what its last use was for: the same use may be repeated. `null` = of no named one. */
  readonly usedFor: Uint8Array | null
}

/** How many grants a session may have, and how long they live. */
export interface GrantLimits {
  readonly life: DurationLimits
  /** Of one session, at the same time. */
  readonly perSession: number
}

export const GRANT_LIMITS: GrantLimits = { life: GRANT_LIFE, perSession: 10_000 }

/** `null` when record and grant allow it; else the reason for the audit log. `usedFor` as in the grant. */
export function refusalOf(
  record: TokenRecord | null,
  grant: Grant | null,
  now: number,
  usedFor: Uint8Array | null = null,
): Refusal | null {
  if (record === null) return 'unknown-token'
  const gone = goneBecause(record, now)
  if (gone !== null) return gone
  if (grant === null) return 'no-grant'
  if (grant.expiresAt <= now) return 'grant-expired'
  if (grant.maxUses !== null && grant.uses >= grant.maxUses && !isRepeat(grant, usedFor))
    return 'grant-used-up'
  return null
}

function isRepeat({ usedFor: before }: Grant, usedFor: Uint8Array | null): boolean {
  return before !== null && usedFor !== null && Buffer.compare(before, usedFor) === 0
}

/** `null` while the token lives. */
export function goneBecause(record: TokenRecord, now: number): Refusal | null {
  if (record.deletedAt !== null) return 'token-deleted'
  return record.expiresAt !== null && record.expiresAt <= now ? 'token-expired' : null
}
