import type { AppId, OperatorId, SessionId } from '@lunadefend/contract'
import type { Attempt } from './repeat.ts'

/** Who belongs to an application. It is always that of the credential, never that of the request. */
export type AppActor =
  /** A user, by the session that their frame opened. */
  | {
      readonly kind: 'user'
      readonly app: AppId
      readonly sid: SessionId
      /** The user, in the application's own words; `''` when it did not say. */
      readonly subject: string
      /** What the application says that the user is; policies may ask for it. */
      readonly roles: readonly string[]
      readonly sessionHash: string
      /** Names the row of the session: the commit checks that it still lives. */
      readonly tokenHash: Uint8Array
      /** Milliseconds since 1970. */
      readonly expiresAt: number
    }
  /** The application's server, for itself or, with a `sid`, for one session. */
  | { readonly kind: 'application'; readonly app: AppId; readonly sid: SessionId | null }

export type User = Extract<AppActor, { kind: 'user' }>

/** Who runs the installation: belongs to no application, has keys of their own, and never sees a value. */
export interface Operator {
  readonly kind: 'operator'
  readonly id: OperatorId
}

/** Who calls. */
export type Actor = AppActor | Operator

/**
 * An actor and the request in which it came: the same id is in the answer and in the audit row. Only what says so takes
 * an operator.
 */
export interface Caller<A extends Actor = AppActor> {
  readonly actor: A
  readonly requestId: string
  /** `203.0.113.0/24`, `2001:db8:1::/48`; `null` = not known. */
  readonly network: string | null
  /** It carries an idempotency key: its commit goes through `commitOnce`. */
  readonly attempt?: Attempt
}
