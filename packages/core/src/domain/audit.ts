import type { AppId } from '@lunadefend/contract'
import type { Actor } from './actor.ts'

export type Action =
  | 'tokenize'
  | 'detokenize'
  | 'read-metadata'
  | 'set-grant'
  | 'verify-grant'
  /** Asking the object store whether an upload arrived; takes the data key, so it is a decision of its own. */
  | 'prove-stored'
  | 'revoke-grant'
  | 'open-session'
  | 'close-session'
  | 'revoke-session'
  | 'delete-token'

/** Why something was refused. The audit log says it; the caller never learns it. */
export type Refusal =
  | 'unknown-token'
  | 'token-deleted'
  | 'no-grant'
  | 'grant-expired'
  | 'grant-used-up'
  | 'not-stored'
  /** Between reading and committing something was revoked, spent, deleted or logged out. */
  | 'changed-meanwhile'

/** What a decision is about. Pseudonyms are keyed by epoch; no token, session id or value is in a row. */
export interface AuditSubject {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly requestId: string
  readonly app: AppId
  readonly actor: Actor['kind']
  readonly action: Action
  /** The 30-day period whose audit key made the pseudonyms. */
  readonly epoch: number
  readonly session: string | null
  readonly token: string | null
}

export interface AuditEvent extends AuditSubject {
  /** `null` = allowed. */
  readonly refusal: Refusal | null
}

export function allowed(subject: AuditSubject): AuditEvent {
  return { ...subject, refusal: null }
}

export function refused(subject: AuditSubject, refusal: Refusal): AuditEvent {
  return { ...subject, refusal }
}
