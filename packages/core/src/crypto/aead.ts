import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from 'node:crypto'

export const NONCE_BYTES = 12
const TAG_BYTES = 16

/** What was stored does not open: damaged, moved, or sealed under another key. Says no more than that. */
export class SealBroken extends Error {
  constructor() {
    super('A sealed value does not open.')
    this.name = 'SealBroken'
  }
}

// Node takes bytes for a key too, but looks at them four times as long as at a KeyObject.

/** AES-256-GCM, 96-bit nonce, 128-bit tag (NIST SP 800-38D): ciphertext ‖ tag. Each key here seals one message. */
export function seal(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-256-gcm', createSecretKey(key), nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(aad)
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
}

/** The plaintext of `seal`. Throws SealBroken. */
export function open(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Buffer {
  if (sealed.length < TAG_BYTES) throw new SealBroken()
  const decipher = createDecipheriv('aes-256-gcm', createSecretKey(key), nonce, { authTagLength: TAG_BYTES })
  decipher.setAAD(aad)
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES))
  const plaintext = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES))
  try {
    return Buffer.concat([plaintext, decipher.final()])
  } catch {
    plaintext.fill(0)
    throw new SealBroken()
  }
}

export function newNonce(): Buffer {
  return randomBytes(NONCE_BYTES)
}
