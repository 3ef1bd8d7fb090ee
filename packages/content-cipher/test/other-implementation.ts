import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto'

// The format once more, on node:crypto and whole buffers, written from its description alone: the judge of the other one.

const CHUNK = 16384
const LABEL = Buffer.from('c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0')

/** HKDF-Expand with SHA-512 (RFC 5869 §2.3). */
function expand(key: Uint8Array, info: Buffer, length: number): Buffer {
  const blocks: Buffer[] = []
  for (let counter = 1; blocks.length * 64 < length; counter += 1) {
    const hmac = createHmac('sha512', key)
    if (counter > 1) hmac.update(blocks.at(-1) ?? '')
    blocks.push(hmac.update(info).update(Buffer.of(counter)).digest())
  }
  return Buffer.concat(blocks).subarray(0, length)
}

function schedule(key: Uint8Array, context: Uint8Array, salt: Uint8Array) {
  const bytes = expand(key, Buffer.concat([LABEL, salt, context]), 76)
  return { key: bytes.subarray(0, 32), nonce: bytes.subarray(32, 44), commitment: bytes.subarray(44) }
}

function nonceAt(base: Buffer, index: number): Buffer {
  const counter = Buffer.alloc(12)
  counter.writeUInt32BE(index, 8)
  return Buffer.from(base.map((byte, at) => byte ^ (counter[at] ?? 0)))
}

export function encryptOther(
  key: Uint8Array,
  context: Uint8Array,
  salt: Uint8Array,
  plain: Uint8Array,
): Buffer {
  const keys = schedule(key, context, salt)
  const parts: Uint8Array[] = [salt, keys.commitment]
  for (let index = 0; index * CHUNK <= plain.length; index += 1) {
    const cipher = createCipheriv('aes-256-gcm', keys.key, nonceAt(keys.nonce, index))
    parts.push(
      cipher.update(plain.subarray(index * CHUNK, (index + 1) * CHUNK)),
      cipher.final(),
      cipher.getAuthTag(),
    )
  }
  return Buffer.concat(parts)
}

/** Whether it may be the key of the object: by the first 20 bytes of the commitment, which take one block. */
export function mayOpen(key: Uint8Array, context: Uint8Array, object: Uint8Array): boolean {
  const info = Buffer.concat([LABEL, object.subarray(0, 24), context])
  return expand(key, info, 64).subarray(44).equals(object.subarray(24, 44))
}

export function decryptOther(key: Uint8Array, context: Uint8Array, object: Uint8Array): Buffer {
  const keys = schedule(key, context, object.subarray(0, 24))
  if (!timingSafeEqual(keys.commitment, object.subarray(24, 56))) throw new Error('another key')
  const plain: Buffer[] = []
  for (let index = 0, at = 56; at < object.length; index += 1, at += CHUNK + 16) {
    const chunk = object.subarray(at, at + CHUNK + 16)
    const decipher = createDecipheriv('aes-256-gcm', keys.key, nonceAt(keys.nonce, index))
    decipher.setAuthTag(chunk.subarray(-16))
    plain.push(decipher.update(chunk.subarray(0, -16)), decipher.final())
  }
  return Buffer.concat(plain)
}

export function padOther(value: Uint8Array, length: number): Buffer {
  const padded = Buffer.alloc(length)
  padded.writeBigUInt64BE(BigInt(value.length))
  padded.set(value, 8)
  return padded
}
