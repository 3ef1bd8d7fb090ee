import type { AppId } from '@lunadefend/contract'

/** A session lives ten minutes; the frame opens a new one before that. The server never prolongs one. */
export const SESSION_MS = 10 * 60 * 1000
/** A tombstone outlives every assertion that was issued before it (60 s, and 30 s of skew on each side). */
export const TOMBSTONE_MS = 10 * 60 * 1000

/** The row of a session. Its secret is not in it, nor, in the clear, its session id. Times in milliseconds. */
export interface Session {
  /** SHA-256 of the access token. */
  readonly tokenHash: Uint8Array
  readonly app: AppId
  readonly sessionRef: Uint8Array
  /** The version of the session key that made reference and seal. */
  readonly sessionVersion: number
  readonly sessionHash: string
  readonly sealedSid: Uint8Array
  readonly expiresAt: number
}
