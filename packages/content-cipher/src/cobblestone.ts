import { ContentError } from './content-error.ts'
import { CHUNK_BYTES, COMMITMENT_BYTES, SALT_BYTES, TAG_BYTES } from './lengths.ts'
import { type Bytes, cut, type Pieces } from './pieces.ts'

/*
 * C2SP chunked-encryption, instance Cobblestone-256 (https://c2sp.org/chunked-encryption):
 * salt ‖ commitment, then chunks under AES-256-GCM. A chunk is 16 KiB of plaintext, and the last one is always shorter,
 * so that an object that is cut off between two chunks has no last one.
 */

const KEY_BYTES = 32
const NONCE_BYTES = 12
const PREFIX_BYTES = SALT_BYTES + COMMITMENT_BYTES
const LABEL = 'c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0'

/** The object that holds these bytes. A key may encrypt any number of them: the salt is fresh each time. */
export async function* encrypt(
  contentKey: Uint8Array,
  context: Uint8Array,
  plain: Pieces,
): AsyncGenerator<Bytes> {
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES))
  yield* encryptWith(contentKey, context, salt, plain)
}

/** With the salt given: for the known answers only. */
export async function* encryptWith(
  contentKey: Uint8Array,
  context: Uint8Array,
  salt: Uint8Array,
  plain: Pieces,
): AsyncGenerator<Bytes> {
  const keys = await derive(contentKey, context, salt)
  yield prefixOf(keys)
  let index = 0
  for await (const chunk of cut(plain, () => CHUNK_BYTES)) {
    yield await sealChunk(keys, index, chunk)
    index += 1
  }
}

/**
 * What one object is encrypted with; its salt is fresh. A browser can keep it (structured clone), and the key in it does
 * not come out. For one object only: two contents under the same keys give each other away, because they have the same nonces.
 */
export interface ObjectKeys {
  readonly salt: Bytes
  readonly key: CryptoKey
  readonly baseNonce: Bytes
  readonly commitment: Bytes
}

export function newObjectKeys(contentKey: Uint8Array, context: Uint8Array): Promise<ObjectKeys> {
  return derive(contentKey, context, crypto.getRandomValues(new Uint8Array(SALT_BYTES)))
}

/** What an object begins with. */
export function prefixOf({ salt, commitment }: ObjectKeys): Bytes {
  return join(salt, commitment)
}

export async function sealChunk({ key, baseNonce }: ObjectKeys, index: number, chunk: Bytes): Promise<Bytes> {
  const algorithm = { name: 'AES-GCM', iv: nonceOf(baseNonce, index) }
  return new Uint8Array(await crypto.subtle.encrypt(algorithm, key, chunk))
}

/**
 * The bytes of an object, each chunk only when it is known to be authentic, in its place and under this key and context.
 * Throws `content_damaged`; what came before then is the true beginning of the content, but not all of it.
 */
export async function* decrypt(
  contentKey: Uint8Array,
  context: Uint8Array,
  object: Pieces,
): AsyncGenerator<Bytes> {
  const pieces = cut(object, (index) => (index === 0 ? PREFIX_BYTES : CHUNK_BYTES + TAG_BYTES))
  let keys: ObjectKeys | null = null
  let index = 0
  for await (const piece of pieces) {
    if (keys === null) {
      keys = await keysOf(contentKey, context, piece)
      continue
    }
    yield await openChunk(keys, index, piece)
    index += 1
  }
}

/** GCM alone does not commit to its key; the commitment does, and is compared before anything is decrypted. */
async function keysOf(contentKey: Uint8Array, context: Uint8Array, prefix: Bytes): Promise<ObjectKeys> {
  const keys = await derive(contentKey, context, prefix.subarray(0, SALT_BYTES))
  if (!isEqual(keys.commitment, prefix.subarray(SALT_BYTES))) throw new ContentError('content_damaged')
  return keys
}

async function openChunk({ key, baseNonce }: ObjectKeys, index: number, chunk: Bytes): Promise<Bytes> {
  const algorithm = { name: 'AES-GCM', iv: nonceOf(baseNonce, index) }
  try {
    return new Uint8Array(await crypto.subtle.decrypt(algorithm, key, chunk))
  } catch {
    throw new ContentError('content_damaged')
  }
}

async function derive(contentKey: Uint8Array, context: Uint8Array, salt: Uint8Array): Promise<ObjectKeys> {
  const info = join(new TextEncoder().encode(LABEL), salt, context)
  const bytes = await expand(contentKey, info, KEY_BYTES + NONCE_BYTES + COMMITMENT_BYTES)
  const raw = bytes.subarray(0, KEY_BYTES)
  const key = await crypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['encrypt', 'decrypt'])
  const baseNonce = bytes.slice(KEY_BYTES, KEY_BYTES + NONCE_BYTES)
  return { salt: join(salt), key, baseNonce, commitment: bytes.slice(KEY_BYTES + NONCE_BYTES) }
}

/** HKDF-Expand with SHA-512 (RFC 5869 §2.3). WebCrypto's HKDF would extract first, which this format does not. */
async function expand(pseudorandomKey: Uint8Array, info: Uint8Array, length: number): Promise<Bytes> {
  const hmac = { name: 'HMAC', hash: 'SHA-512' }
  const key = await crypto.subtle.importKey('raw', join(pseudorandomKey), hmac, false, ['sign'])
  let block: Bytes = new Uint8Array(0)
  let output: Bytes = new Uint8Array(0)
  for (let counter = 1; output.length < length; counter += 1) {
    block = new Uint8Array(await crypto.subtle.sign('HMAC', key, join(block, info, Uint8Array.of(counter))))
    output = join(output, block)
  }
  return output.slice(0, length)
}

function nonceOf(baseNonce: Bytes, index: number): Bytes {
  const nonce = baseNonce.slice()
  const view = new DataView(nonce.buffer)
  view.setUint32(NONCE_BYTES - 4, view.getUint32(NONCE_BYTES - 4) ^ index)
  return nonce
}

/** Takes as long wherever they differ. */
function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length
  for (const [index, byte] of a.entries()) difference |= byte ^ (b[index] ?? 0)
  return difference === 0
}

function join(...parts: readonly Uint8Array[]): Bytes {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}
