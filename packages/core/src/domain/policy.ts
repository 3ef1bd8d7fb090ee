import type { AppId } from '@lunadefend/contract'
import type { Actor } from './actor.ts'

/** What policies are asked about. They are asked after the grants, and can only narrow what those allow. */
export type PolicyAction = 'tokenize' | 'detokenize' | 'read-metadata' | 'set-grant' | 'delete-token'

/** What a policy sees. Times in milliseconds since 1970. */
export interface Question {
  readonly action: PolicyAction
  readonly principal: {
    readonly kind: Actor['kind']
    readonly app: AppId
    /** The user, in the application's own words, or the operator's name; `null` = not known. */
    readonly subject: string | null
    readonly roles: readonly string[]
    /** A pseudonym of the session, as in the audit log; `null` = the application acts for none. */
    readonly session: string | null
  }
  readonly token: {
    /** As in the audit log, never the token; `null` = there is none yet. */
    readonly pseudonym: string | null
    readonly createdAt: number | null
  }
  /** What was given at /tokenize; `null` = none, or no policy reads metadata. */
  readonly metadata: Readonly<Record<string, unknown>> | null
  readonly context: {
    readonly now: number
    /** `203.0.113.0/24`; `null` = not known. */
    readonly network: string | null
    /** Of the grant; `null` = it names none. */
    readonly purpose: string | null
    /** Whether the user has asked to see more than the mask. */
    readonly full: boolean
    /** How many different tokens the session has asked for within a minute, this one among them. */
    readonly distinctTokens: number
  }
}

/** Which bytes of a value are given out: the others never leave the object store. */
export interface Mask {
  readonly show: 'first' | 'last'
  /** Bytes, 1 to 64. */
  readonly count: number
}

/** Whether it is one that can be kept: what comes from a policy is not believed. */
export function isMask({ show, count }: Mask): boolean {
  return (show === 'first' || show === 'last') && Number.isInteger(count) && count >= 1 && count <= 64
}

/** `policy` is the name of the one that decided; `null` = none had to. */
export type Verdict =
  | { readonly kind: 'allow'; readonly policy: string | null }
  | { readonly kind: 'mask'; readonly mask: Mask; readonly policy: string | null }
  | { readonly kind: 'deny'; readonly policy: string | null }
