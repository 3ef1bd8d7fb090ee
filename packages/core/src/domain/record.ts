import type { AppId } from '@lunadefend/contract'

/** The Tokenizer's row for a token. Times in milliseconds since 1970. */
export interface TokenRecord {
  readonly recordId: Uint8Array
  readonly app: AppId
  /** The root key of the outer layer. */
  readonly kid: string
  readonly generation: number
  readonly recordSalt: Uint8Array
  readonly sealed: Uint8Array
  readonly sealedMetadata: Uint8Array | null
  /** The version of the locator key under which it is found. */
  readonly locatorVersion: number
  /** The version of the key under which its object is found. */
  readonly objectVersion: number
  readonly createdAt: number
  /** When its time to live is over; `null` = never. */
  readonly expiresAt: number | null
  /** When the upload was first proven; `null` = not yet. */
  readonly storedAt: number | null
  /** When the keys were shredded; `null` = the token lives. */
  readonly deletedAt: number | null
}
