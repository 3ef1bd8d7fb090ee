import { createHmac, type KeyObject } from 'node:crypto'
import { NONCE_BYTES, newNonce, open, seal } from './aead.ts'
import { lp } from './encoding.ts'

/**
 * Checking a grant needs the session id; the caller brings an opaque secret. So the session's row holds the id sealed
 * under a key that takes both, the secret and the key ring: the database alone, or with the root key, does not give
 * it, and nobody who can only write to the database can make a session. docs/decisions/0005 says more.
 */
export function sealSession(key: KeyObject, accessToken: string, context: Uint8Array, text: string): Buffer {
  const nonce = newNonce()
  return Buffer.concat([nonce, seal(sealKey(key, accessToken), nonce, aad(context), Buffer.from(text))])
}

/** The text that `sealSession` took. Throws SealBroken. */
export function openSession(
  key: KeyObject,
  accessToken: string,
  context: Uint8Array,
  sealed: Uint8Array,
): string {
  const nonce = sealed.subarray(0, NONCE_BYTES)
  return open(sealKey(key, accessToken), nonce, aad(context), sealed.subarray(NONCE_BYTES)).toString()
}

function sealKey(key: KeyObject, accessToken: string): Buffer {
  return createHmac('sha256', key).update('lunadefend/v1/session-seal\0').update(lp(accessToken)).digest()
}

function aad(context: Uint8Array): Buffer {
  return Buffer.concat([lp('lunadefend/session/v1'), context])
}
