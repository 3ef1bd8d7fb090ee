import type { AppId, SessionId, TokenId } from '@lunadefend/contract'
import { pseudonymOf } from '../crypto/identifiers.ts'
import { currentAuditKey } from '../crypto/key-ring.ts'
import type { Actor, Caller } from '../domain/actor.ts'
import type { Action, AuditSubject } from '../domain/audit.ts'
import type { Needs } from './needs.ts'

type Trail = Pick<Needs, 'keys' | 'clock'>

/** What the audit row of this decision is about. Throws when the ring lacks the epoch's key: then nothing is done. */
export function subjectOf(needs: Trail, caller: Caller, action: Action, token: TokenId | null): AuditSubject {
  const { actor, requestId } = caller
  return subjectFor(needs, { kind: actor.kind, app: actor.app, sid: actor.sid }, requestId, action, token)
}

/** The same for somebody who is not yet, or no longer, an actor. */
export function subjectFor(
  { keys, clock }: Trail,
  who: { readonly kind: Actor['kind']; readonly app: AppId; readonly sid: SessionId | null },
  requestId: string,
  action: Action,
  token: TokenId | null,
): AuditSubject {
  const at = clock.now()
  const current = currentAuditKey(keys.ring, at)
  if (current === null) throw new Error('The key ring has no audit key for this period.')
  const { epoch, key } = current
  return {
    at,
    requestId,
    app: who.app,
    actor: who.kind,
    action,
    epoch,
    session: who.sid === null ? null : pseudonymOf(key, 'session', who.app, who.sid),
    token: token === null ? null : pseudonymOf(key, 'token', who.app, token),
    count: 1,
  }
}

/** What the audit row of background work is about. `app` `null` = of no single one. */
export function systemSubject(
  { keys, clock }: Trail,
  requestId: string,
  action: Action,
  app: AppId | null,
  count: number,
): AuditSubject {
  const at = clock.now()
  const epoch = currentAuditKey(keys.ring, at)?.epoch ?? 0
  return { at, requestId, app, actor: 'system', action, epoch, session: null, token: null, count }
}
