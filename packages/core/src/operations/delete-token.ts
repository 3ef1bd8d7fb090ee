import type { TokenId } from '@lunadefend/contract'
import { isOf, openOuter } from '../crypto/record.ts'
import type { Caller } from '../domain/actor.ts'
import { type Refusal, refused } from '../domain/audit.ts'
import type { TokenRecord } from '../domain/record.ts'
import { subjectOf } from './audit-trail.ts'
import { lookUpRecords } from './look-up.ts'
import type { Needs } from './needs.ts'
import { DENIED, isDamage, type Result } from './result.ts'
import { type Shredded, shred } from './shred.ts'

/** Ends a token for good. Also one whose time to live is over, or whose record is damaged. */
export async function deleteToken(needs: Needs, caller: Caller, token: TokenId): Promise<Result<Shredded>> {
  const subject = subjectOf(needs, caller, 'delete-token', token)
  const [found] = await lookUpRecords(needs, caller.actor.app, [token])
  const record = found?.record ?? null
  const refusal = await refusalOf(needs, record, token)
  if (record === null || refusal !== null) {
    await needs.database.commit.recordAudit([refused(subject, refusal ?? 'unknown-token')])
    return DENIED
  }
  const shredded = await shred(needs, record, subject)
  return shredded === null ? DENIED : { ok: true, data: shredded }
}

/** Who can write to the database could put one token's row under another one's name, and have it shredded. */
async function refusalOf(
  { keys }: Pick<Needs, 'keys'>,
  record: TokenRecord | null,
  token: TokenId,
): Promise<Refusal | null> {
  if (record === null) return 'unknown-token'
  if (record.deletedAt !== null) return 'token-deleted'
  try {
    const outer = await openOuter(keys.root.prf, record, record)
    return isOf(token, record, outer) ? null : 'record-of-another'
  } catch (error) {
    if (isDamage(error)) return null
    throw error
  }
}
