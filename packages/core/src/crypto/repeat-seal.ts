import { createHmac, type KeyObject } from 'node:crypto'
import { NONCE_BYTES, newNonce, open, seal } from './aead.ts'
import { lp } from './encoding.ts'

/**
 * An answer that is kept for repeats of a call. It holds no secret; it is sealed so that nobody who can only write to
 * the database can put words into it, and bound to the row and to the request that it answered.
 */
export function sealAnswer(key: KeyObject, ref: Uint8Array, fingerprint: Uint8Array, text: string): Buffer {
  const nonce = newNonce()
  return Buffer.concat([nonce, seal(sealKey(key, nonce), nonce, aad(ref, fingerprint), Buffer.from(text))])
}

/** The text that `sealAnswer` took. Throws SealBroken. */
export function openAnswer(
  key: KeyObject,
  ref: Uint8Array,
  fingerprint: Uint8Array,
  sealed: Uint8Array,
): string {
  const nonce = sealed.subarray(0, NONCE_BYTES)
  return open(sealKey(key, nonce), nonce, aad(ref, fingerprint), sealed.subarray(NONCE_BYTES)).toString()
}

/** Another one for each answer. */
function sealKey(key: KeyObject, nonce: Uint8Array): Buffer {
  return createHmac('sha256', key).update('lunadefend/v1/repeat-seal\0').update(lp(nonce)).digest()
}

function aad(ref: Uint8Array, fingerprint: Uint8Array): Buffer {
  return Buffer.concat([lp('lunadefend/repeat/v1'), lp(ref), lp(fingerprint)])
}
