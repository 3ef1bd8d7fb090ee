import { u32 } from './encoding.ts'

/** HMAC-SHA-256 under the root key that `kid` names. A KMS or an HSM may hold the key, hence the promise. */
export type Prf = (kid: string, input: Uint8Array) => Promise<Uint8Array>

const ZERO = Buffer.from([0])
const ONE_BLOCK = u32(1)
const OUTPUT_BITS = u32(256)

/** KDF in counter mode with HMAC-SHA-256, one block of 32 bytes (NIST SP 800-108r1 §4.1). */
export async function kdf(prf: Prf, kid: string, label: string, context: Uint8Array): Promise<Uint8Array> {
  return prf(kid, Buffer.concat([ONE_BLOCK, Buffer.from(label), ZERO, context, OUTPUT_BITS]))
}

/** The name of a root key is derived from it, so that a wrong key under a right name cannot happen. */
export async function deriveKid(prf: (input: Uint8Array) => Promise<Uint8Array>): Promise<string> {
  const output = await kdf((_, input) => prf(input), '', 'lunadefend/v1/kid', Buffer.alloc(0))
  return `r${Buffer.from(output).toString('hex').slice(0, 16)}`
}
