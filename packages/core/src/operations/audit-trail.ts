import type { AppId, SessionId, TokenId } from '@lunadefend/contract'
import { pseudonymOf } from '../crypto/identifiers.ts'
import { auditEpoch } from '../crypto/key-ring.ts'
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
  const epoch = auditEpoch(at)
  const key = keys.ring.audit.get(epoch)
  if (key === undefined) throw new Error(`The key ring has no audit key for epoch ${epoch}.`)
  return {
    at,
    requestId,
    app: who.app,
    actor: who.kind,
    action,
    epoch,
    session: who.sid === null ? null : pseudonymOf(key, 'session', who.app, who.sid),
    token: token === null ? null : pseudonymOf(key, 'token', who.app, token),
  }
}
