import { type AppId, LunaDefendError, type SessionId } from '@lunadefend/contract'
import type { KeyRing } from '../crypto/key-ring.ts'
import type { Actor, AppActor } from '../domain/actor.ts'
import type { GrantLimits } from '../domain/grant.ts'
import type { Limits } from '../domain/limits.ts'
import type { Protection } from '../domain/protection.ts'
import type { Authorizers, Clock, Database, Limiter, ObjectStore, RootKeys } from '../ports.ts'
import type { Watch } from './watch.ts'

/** The Tokenizer's keys: the ring that the database keeps sealed, and the root key that seals it. */
export interface Keys {
  readonly ring: KeyRing
  readonly root: RootKeys
}

/** All that an operation can ask for. Each names the few that it takes. */
export interface Needs {
  readonly database: Database
  readonly objectStore: ObjectStore
  readonly keys: Keys
  readonly clock: Clock
  readonly protection: Protection
  /** `null` = there are no policies: grants alone decide. */
  readonly authorizers: Authorizers | null
  readonly grants: GrantLimits
  readonly limiter: Limiter
  readonly watch: Watch
  /** What holds for an app; `null` = for whoever has not said for which. */
  limits(app: AppId | null): Limits
}

/** Whose things are meant, where an actor may name an app. Throws `invalid_request` for an operator that names none. */
export function appOf(actor: Actor, named: AppId | null): AppId {
  if (named !== null) return named
  if (actor.kind !== 'operator') return actor.app
  throw new LunaDefendError('invalid_request', 'body/app: an operator must name the app')
}

/** The session for which the actor acts. Throws `invalid_request` for an application that names none. */
export function sidOf(actor: AppActor): SessionId {
  if (actor.sid !== null) return actor.sid
  throw new LunaDefendError(
    'invalid_request',
    'The application token must carry the claim sid for this call.',
  )
}
