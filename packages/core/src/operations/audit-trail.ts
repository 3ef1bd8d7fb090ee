import type { AppId, SessionId, TokenId } from '@lunadefend/contract'
import { type PseudonymKind, pseudonymOf } from '../crypto/identifiers.ts'
import { currentAuditKey } from '../crypto/key-ring.ts'
import type { AppActor, Caller, Operator } from '../domain/actor.ts'
import type { Action, AuditSubject } from '../domain/audit.ts'
import type { Needs } from './needs.ts'

type Trail = Pick<Needs, 'keys' | 'clock'>

/** What the audit row of this decision is about. Throws when the ring lacks the epoch's key: then nothing is done. */
export function subjectOf(needs: Trail, caller: Caller, action: Action, token: TokenId | null): AuditSubject {
  const { actor, requestId, network } = caller
  const subject = actor.kind === 'user' ? actor.subject : ''
  return subjectFor(needs, { ...actor, subject, network }, requestId, action, token)
}

/** Whom a row of audit is about, before their names are made pseudonyms. */
export interface Who {
  readonly kind: AppActor['kind']
  readonly app: AppId | null
  readonly sid: SessionId | null
  /** `''` = not known. */
  readonly subject: string
  readonly network: string | null
}

/** The same for somebody who is not yet, or no longer, an actor. */
export function subjectFor(
  { keys, clock }: Trail,
  who: Who,
  requestId: string,
  action: Action,
  token: TokenId | null,
): AuditSubject {
  const at = clock.now()
  const current = currentAuditKey(keys.ring, at)
  if (current === null) throw new Error('The key ring has no audit key for this period.')
  const { epoch, key } = current
  const pseudonym = (kind: PseudonymKind, name: string | null) =>
    name === null || name === '' ? null : pseudonymOf(key, kind, who.app ?? '', name)
  return {
    at,
    requestId,
    app: who.app,
    actor: who.kind,
    operator: null,
    action,
    epoch,
    session: pseudonym('session', who.sid),
    user: pseudonym('subject', who.subject),
    token: pseudonym('token', token),
    network: pseudonym('network', who.network),
    generation: null,
    policy: null,
    count: 1,
  }
}

/** The same for an operator, who acts on an application from outside. `app` `null` = on all of them. */
export function operatorSubject(
  needs: Trail,
  { actor, requestId, network }: Caller<Operator>,
  app: AppId | null,
  action: Action,
  token: TokenId | null,
  sid: SessionId | null = null,
): AuditSubject {
  const about = { kind: 'application', app, sid, subject: '', network } as const
  const subject = subjectFor(needs, about, requestId, action, token)
  return { ...subject, actor: actor.kind, operator: actor.id }
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
  const about = { session: null, user: null, token: null, network: null, generation: null, policy: null }
  return { at, requestId, app, actor: 'system', operator: null, action, epoch, ...about, count }
}
