import type { Mask, Question } from '@lunadefend/core'
import type { ActionName } from './circumstances.ts'

/** What a TypeScript authorizer is asked. Everything in it is frozen, and a copy. */
export interface AuthorizerQuestion {
  /** Who asks: `kind` is `user`, `application` or `operator`. */
  readonly actor: Question['principal']
  readonly action: ActionName
  /** Never the token itself. */
  readonly token: Question['token']
  readonly metadata: Question['metadata']
  readonly context: Question['context'] & {
    /** 0 to 23, in the configured time zone. */
    readonly hour: number
    /** 0 to 59. */
    readonly minute: number
    /** 1 (Monday) to 7 (Sunday). */
    readonly weekday: number
  }
}

/** What it answers. Anything else is a denial. */
export type AuthorizerAnswer =
  | { readonly kind: 'allow' }
  | { readonly kind: 'deny'; readonly policy: string }
  | { readonly kind: 'mask'; readonly mask: Mask }

export type Authorizer = (question: AuthorizerQuestion) => AuthorizerAnswer | Promise<AuthorizerAnswer>

/** The default export of a module of policies: one function that is asked about everything. */
export function defineAuthorizer(authorizer: Authorizer): Authorizer {
  return authorizer
}

/** Nothing against it. What grants, other authorizers and limits say is not changed by it. */
export function allow(): AuthorizerAnswer {
  return { kind: 'allow' }
}

/**
 * No. The reason is a name, 1 to 64 of `A–Z a–z 0–9 . _ -`: it stands in the audit log, and the caller never learns it.
 */
export function deny(reason: string): AuthorizerAnswer {
  return { kind: 'deny', policy: reason }
}

/** Only so many bytes of the value, 1 to 64, from its beginning or its end. For `detokenize` alone. */
export function mask({ show, count }: Mask): AuthorizerAnswer {
  return { kind: 'mask', mask: { show, count } }
}
