import type { ErrorCode, LunaDefendError } from '@lunadefend/contract'

/** While it is under way, the first of several equal calls keeps the others out for so long; then one may take over. */
export const LEASE_MS = 60_000
/** How long an idempotency key is remembered. */
export const REPEATS_MS = 24 * 60 * 60 * 1000

/** What a call came to: what its operation answered, or the code that it threw. */
export type Told = { readonly value: unknown } | { readonly code: ErrorCode }

/**
 * The codes that are decisions. All others say that nothing was decided: the request was wrong, something did not
 * answer, or the caller must do something first. They are not kept, and the same call may be made again.
 */
const DECIDED: readonly ErrorCode[] = [
  ...(['access_denied', 'no_upload', 'upload_incomplete', 'too_many_grants'] as const),
]

/** `null` = nothing was decided. */
export function toldBy({ code }: LunaDefendError): Told | null {
  return DECIDED.includes(code) ? { code } : null
}

/** A call that carries an idempotency key and whose turn it is. */
export interface Attempt {
  /** The name of its row. */
  readonly ref: Uint8Array
  /** A random name of this attempt: whoever takes over has another one. */
  readonly holder: string
  /** As it is stored. */
  seal(told: Told): Uint8Array
  /** Whether a commit of the operation has noted the whole answer. */
  settled: boolean
}
