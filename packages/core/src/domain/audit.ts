import type { AppId, OperatorId } from '@lunadefend/contract'
import type { Actor } from './actor.ts'
import type { AlarmKind } from './alarm.ts'
import type { Stop } from './block.ts'

export type Action =
  | 'tokenize'
  | 'detokenize'
  | 'read-metadata'
  | 'set-grant'
  | 'verify-grant'
  /** Asking the object store whether an upload arrived; takes the data key, so it is a decision of its own. */
  | 'prove-stored'
  | 'revoke-grant'
  | 'list-grants'
  | 'open-session'
  | 'close-session'
  /** A call with a session's credential that did not get as far as to be another action. */
  | 'use-session'
  | 'revoke-session'
  | 'delete-token'
  | 'upload-parts'
  | 'upload-complete'
  | 'upload-abort'
  /** A new data key and a new object for a token. */
  | 'rekey-token'
  /** Records sealed anew under the active root key. */
  | 'reseal-records'
  /** Records whose objects are found under the present key from now on. */
  | 'refer-objects'
  | 'rotate-key'
  | 'retire-key'
  /** The kill switch. */
  | 'set-block'
  | 'lift-block'
  /** An alarm, and what it does to the session. */
  | `alarm-${AlarmKind}`
  /** The user of a session has logged in again, as was asked for: see `BlockEffect`. */
  | 'pass-step-up'
  /** The answer to an earlier call with the same idempotency key, once more: no second decision. */
  | 'repeat-call'
  /** A token whose time to live is over. */
  | 'expire-token'
  /** A record whose value never arrived. */
  | 'reap-record'
  /** Objects, and uploads in parts, that no record refers to. */
  | 'reap-objects'
  /** Rows can be written again; `count` is how many commits failed meanwhile. */
  | 'resume-audit'

/** Why something was refused. The audit log says it; the caller never learns it. */
export type Refusal =
  | 'unknown-token'
  /** An application has named another one. */
  | 'other-app'
  | 'token-deleted'
  | 'token-expired'
  /** The row under the token's name is another token's: somebody has written to the database. */
  | 'record-of-another'
  | 'no-grant'
  | 'grant-expired'
  | 'grant-used-up'
  /** The session has as many grants as it may have. */
  | 'too-many-grants'
  | 'not-stored'
  /** The value is, or would have to be, encrypted end to end, and the client cannot do that. */
  | 'end-to-end-only'
  /** The cookie came with a request that was not the secure frame's: script on a page, most likely. */
  | 'not-the-frame'
  /** A user's session asked for what only servers may ask for. */
  | 'not-for-users'
  /** The handshake was made before: somebody says once more what they have overheard. */
  | 'challenge-used'
  /** The application had ended this session before it signed for it again. */
  | 'session-revoked'
  /** A policy said no, or could not be asked; the row says which. */
  | 'policy-denied'
  /** A policy shows a part of the value, and the client does not take parts. */
  | 'masked-only'
  /** A policy shows a part of the value, and that part would be all of it. */
  | 'nothing-hidden'
  /** The kill switch is on for the token, the session, the app or everything; or the session must log in again. */
  | Stop
  /** Everything is stopped by who runs the installation, not by an application. */
  | 'operators-only'
  /** Between reading and committing something was revoked, spent, deleted or logged out. */
  | 'changed-meanwhile'
  /** Faster than a limit lets through. */
  | 'too-many'
  /** More different tokens than a budget has. */
  | 'over-budget'
  /** The first call with this idempotency key is still under way. */
  | 'repeat-under-way'
  /** Another request was made with this idempotency key. */
  | 'repeat-differs'
  /** A key that rows still name, or that is the only one. */
  | 'key-in-use'
  /** So much is without a record that the database, not the objects, looks wrong. */
  | 'too-many-orphans'

/** What a decision is about. Pseudonyms are keyed by epoch; no token, session id or value is in a row. */
export interface AuditSubject {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly requestId: string
  /** `null` = what is done concerns no single app. */
  readonly app: AppId | null
  /** `system` is the Tokenizer itself, at its background work. */
  readonly actor: Actor['kind'] | 'system'
  /** Which operator; in the clear, for it is no secret. `null` = none. */
  readonly operator: OperatorId | null
  readonly action: Action
  /** The audit key that made the pseudonyms: its 30-day period times 1000, plus how often it was replaced in it. */
  readonly epoch: number
  readonly session: string | null
  /** Who the session belongs to, where the application has said so. */
  readonly user: string | null
  readonly token: string | null
  /** From where the caller came: a pseudonym of its network, see `networkOf`. */
  readonly network: string | null
  /** Which seal of the record was looked at: where it falls, an older record was put back. `null` = none was. */
  readonly generation: number | null
  /** The policy that spoke, by the name that its author gave it; `null` = none did. */
  readonly policy: string | null
  /** How many records or objects it is about. */
  readonly count: number
}

export interface AuditEvent extends AuditSubject {
  /** `null` = allowed. */
  readonly refusal: Refusal | null
}

/** One row of the audit log. */
export interface AuditRow extends AuditEvent {
  /** A random name of whoever wrote it: one opening of the database, or one connection to it. */
  readonly writer: string
  /** Counts the rows of its writer from 1 without a gap, in the order of commits. */
  readonly seq: number
}

export function allowed(subject: AuditSubject): AuditEvent {
  return { ...subject, refusal: null }
}

export function refused(subject: AuditSubject, refusal: Refusal): AuditEvent {
  return { ...subject, refusal }
}
