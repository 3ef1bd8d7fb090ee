import type { AppId, TokenId } from '@lunadefend/contract'
import { isOf, openOuter } from '../crypto/record.ts'
import type { Actor, Caller } from '../domain/actor.ts'
import { type AuditSubject, type Refusal, refused } from '../domain/audit.ts'
import type { TokenRecord } from '../domain/record.ts'
import { operatorSubject, subjectOf } from './audit-trail.ts'
import { lookUpRecords } from './look-up.ts'
import { appOf, type Needs } from './needs.ts'
import { askPolicies } from './policies.ts'
import { DENIED, isDamage, type Result } from './result.ts'
import { resultOf, type Shredded, shred } from './shred.ts'
import { stopsOf } from './stops.ts'

/**
 * Ends a token for good. Also one whose time to live is over, or whose record is damaged. `named` is the app whose token
 * it is: an operator must name one, an application can only name itself.
 */
export async function deleteToken(
  needs: Needs,
  caller: Caller<Actor>,
  token: TokenId,
  named: AppId | null = null,
): Promise<Result<Shredded>> {
  const app = appOf(caller.actor, named)
  const subject = deletionSubject(needs, caller, app, token)
  const isForeign = caller.actor.kind !== 'operator' && caller.actor.app !== app
  const [found] = isForeign ? [] : await lookUpRecords(needs, app, [token])
  const record = found?.record ?? null
  const refusal = isForeign ? 'other-app' : await refusalOf(needs, record, token)
  if (record === null || refusal !== null) {
    await needs.database.commit.recordAudit([refused(subject, refusal ?? 'unknown-token')])
    return DENIED
  }
  const deed = { caller, app, action: 'delete-token', full: false } as const
  const [verdict] = await askPolicies(needs, deed, [{ token, record, purpose: null }])
  const judged = { ...subject, policy: verdict?.policy ?? null }
  if (verdict?.kind !== 'allow') {
    await needs.database.commit.recordAudit([refused(judged, 'policy-denied')])
    return DENIED
  }
  // What is frozen cannot be destroyed with the key of an application, which may be a stolen one.
  const stops = caller.actor.kind === 'operator' ? [] : stopsOf(needs, app, null, [record.recordId])
  return resultOf(await shred(needs, record, judged, stops, caller))
}

function deletionSubject(needs: Needs, caller: Caller<Actor>, app: AppId, token: TokenId): AuditSubject {
  const { actor } = caller
  if (actor.kind !== 'operator') return subjectOf(needs, { ...caller, actor }, 'delete-token', token)
  return operatorSubject(needs, { ...caller, actor }, app, 'delete-token', token)
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
