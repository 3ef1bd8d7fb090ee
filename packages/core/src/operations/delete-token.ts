import type { TokenId } from '@lunadefend/contract'
import type { Caller } from '../domain/actor.ts'
import { refused } from '../domain/audit.ts'
import { subjectOf } from './audit-trail.ts'
import { lookUpRecords } from './look-up.ts'
import type { Needs } from './needs.ts'
import { DENIED, type Result } from './result.ts'
import { type Shredded, shred } from './shred.ts'

/** Ends a token for good. Also one whose time to live is over, or whose record is damaged. */
export async function deleteToken(needs: Needs, caller: Caller, token: TokenId): Promise<Result<Shredded>> {
  const subject = subjectOf(needs, caller, 'delete-token', token)
  const [found] = await lookUpRecords(needs, caller.actor.app, [token])
  const record = found?.record
  if (!record || record.deletedAt !== null) {
    await needs.database.commit.recordAudit([refused(subject, record ? 'token-deleted' : 'unknown-token')])
    return DENIED
  }
  const shredded = await shred(needs, record, subject)
  return shredded === null ? DENIED : { ok: true, data: shredded }
}
