/**
 * One object in one file, encrypted.
 *
 *     magic(8) ‖ protection(1) ‖ salt(32) ‖ commitment(32) ‖ u32(length of description)
 *     description: sealed etag(16) ‖ JSON
 *     chunk 0 ‖ chunk 1 ‖ … : each 64 KiB of the object (the last one shorter, possibly empty), sealed
 *
 * key(32) ‖ commitment(32) = HKDF-SHA-256(secret, salt, label ‖ protection ‖ SHA-256(LP(bucket) ‖ LP(key)), 64)
 *
 * - The salt is random, so each file has a key of its own, and nonces can count: kind(1) ‖ last(1) ‖ index(10).
 *   The description is written once, with kind 0; a chunk has kind 1.
 * - AES-GCM alone opens under more than one key; the commitment names the one, and is compared before anything is opened.
 * - The name of the object goes into the key, so a file that was moved onto another name does not open.
 * - The header is authenticated with the description, the description holds the size, and each chunk its place and
 *   whether it is the last: nothing can be cut off, added, doubled or moved.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'

const CHUNK_BYTES = 65_536
const TAG_BYTES = 16
const ETAG_BYTES = 16
const MAGIC = Buffer.from('LDobj\0\0\x01', 'latin1')
const HEADER_BYTES = 77
const MAX_DESCRIPTION_BYTES = 65_536
const LABEL = 'lunadefend/objects/v1/file'

/** Whose secret opens the file: the customer's (SSE-C) or the store's own. */
export type Protection = 'customer' | 'store'
const PROTECTIONS = { customer: 1, store: 2 } as const satisfies Record<Protection, number>

export interface ObjectName {
  readonly bucket: string
  readonly key: string
}

export interface Lock {
  readonly protection: Protection
  /** 32 bytes. */
  readonly secret: Uint8Array
  readonly name: ObjectName
}

export interface Description {
  /** Bytes of the object. */
  readonly size: number
  /** Milliseconds since 1970. */
  readonly lastModified: number
  /** The headers to answer with, names in lower case. */
  readonly headers: Readonly<Record<string, string>>
}

/** The file is not as it was written. */
export class DamagedFile extends Error {
  constructor(what: string) {
    super(`a stored object is damaged: ${what}`)
    this.name = 'DamagedFile'
  }
}

/**
 * Writes a whole file. `body` must yield exactly `description.size` bytes; `etag` (16 bytes) is asked for after that.
 * Holds one chunk in memory.
 */
export async function sealFile(
  handle: FileHandle,
  lock: Lock,
  description: Description,
  body: AsyncIterable<Uint8Array>,
  etag: () => Uint8Array,
): Promise<void> {
  const json = Buffer.from(JSON.stringify(description))
  const salt = randomBytes(32)
  const { key, commitment } = deriveKey(lock, salt)
  const sealedLength = Buffer.alloc(4)
  sealedLength.writeUInt32BE(ETAG_BYTES + json.length + TAG_BYTES)
  const header = Buffer.concat([
    MAGIC,
    Buffer.of(PROTECTIONS[lock.protection]),
    salt,
    commitment,
    sealedLength,
  ])
  const start = HEADER_BYTES + ETAG_BYTES + json.length + TAG_BYTES
  await sealChunks(handle, key, description.size, start, body)
  // Last, because the etag may depend on the body; its length does not, so the place was known.
  const sealed = seal(key, descriptionNonce, Buffer.concat([etag(), json]), header)
  await writeAll(handle, Buffer.concat([header, sealed]), 0)
}

async function sealChunks(
  handle: FileHandle,
  key: Buffer,
  size: number,
  start: number,
  body: AsyncIterable<Uint8Array>,
): Promise<void> {
  const last = lastChunk(size)
  let index = 0
  let written = 0
  for await (const chunk of inChunks(body, Math.min(size, CHUNK_BYTES))) {
    const sealed = seal(key, chunkNonce(index, index === last), chunk)
    await writeAll(handle, sealed, start + index * (CHUNK_BYTES + TAG_BYTES))
    index += 1
    written += chunk.length
  }
  if (written !== size) throw new RangeError('the body has another length than was announced')
}

/** Full chunks and then a rest, which is empty only when there is nothing else. A chunk is good until the next one. */
async function* inChunks(body: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Uint8Array> {
  const chunk = new Uint8Array(Math.max(bytes, 1))
  let filled = 0
  let yielded = false
  for await (const piece of body) {
    for (let taken = 0; taken < piece.length; ) {
      const some = piece.subarray(taken, taken + chunk.length - filled)
      chunk.set(some, filled)
      filled += some.length
      taken += some.length
      if (filled < chunk.length) continue
      yield chunk
      yielded = true
      filled = 0
    }
  }
  if (filled > 0 || !yielded) yield chunk.subarray(0, filled)
}

export interface SealedFile {
  readonly description: Description
  readonly etag: Buffer
  /**
   * Bytes `first` to `last`, both included; reads and opens only the chunks that hold them. Of an object without bytes
   * (`last` is -1) that is one chunk, too.
   *
   * @throws {DamagedFile} while it is read
   */
  read(first: number, last: number): AsyncGenerator<Uint8Array>
}

/** @throws {DamagedFile} */
export async function readProtection(handle: FileHandle): Promise<Protection> {
  return parseHeader(await readExactly(handle, 0, HEADER_BYTES)).protection
}

/**
 * `null` when `lock` is not the one that the file was written with.
 *
 * @throws {DamagedFile}
 */
export async function openSealedFile(handle: FileHandle, lock: Lock): Promise<SealedFile | null> {
  const bytes = await readExactly(handle, 0, HEADER_BYTES)
  const header = parseHeader(bytes)
  const { key, commitment } = deriveKey(lock, header.salt)
  if (!timingSafeEqual(commitment, header.commitment)) return null
  const sealed = await readExactly(handle, HEADER_BYTES, header.descriptionBytes)
  const opened = open(key, descriptionNonce, sealed, bytes)
  const description: Description = JSON.parse(opened.toString('utf8', ETAG_BYTES))
  const start = HEADER_BYTES + header.descriptionBytes
  await checkLength(handle, start, description.size)
  const chunk = (index: number) => openChunk(handle, key, start, index, description.size)
  return {
    description,
    etag: opened.subarray(0, ETAG_BYTES),
    read: (first, last) => readChunks(chunk, first, last),
  }
}

async function* readChunks(
  chunk: (index: number) => Promise<Buffer>,
  first: number,
  last: number,
): AsyncGenerator<Uint8Array> {
  let index = Math.floor(first / CHUNK_BYTES)
  do {
    const offset = index * CHUNK_BYTES
    yield (await chunk(index)).subarray(Math.max(first - offset, 0), last - offset + 1)
    index += 1
  } while (index * CHUNK_BYTES <= last)
}

async function openChunk(handle: FileHandle, key: Buffer, start: number, index: number, size: number) {
  const bytes = Math.min(CHUNK_BYTES, size - index * CHUNK_BYTES)
  const position = start + index * (CHUNK_BYTES + TAG_BYTES)
  const sealed = await readExactly(handle, position, bytes + TAG_BYTES)
  return open(key, chunkNonce(index, index === lastChunk(size)), sealed)
}

async function checkLength(handle: FileHandle, start: number, size: number): Promise<void> {
  const expected = start + size + (lastChunk(size) + 1) * TAG_BYTES
  if ((await handle.stat()).size !== expected) throw new DamagedFile('its length')
}

function lastChunk(size: number): number {
  return Math.max(Math.ceil(size / CHUNK_BYTES) - 1, 0)
}

interface Header {
  readonly protection: Protection
  readonly salt: Buffer
  readonly commitment: Buffer
  readonly descriptionBytes: number
}

function parseHeader(bytes: Buffer): Header {
  if (!bytes.subarray(0, 8).equals(MAGIC)) throw new DamagedFile('its first bytes')
  const protection = (['customer', 'store'] as const).find((name) => PROTECTIONS[name] === bytes[8])
  if (protection === undefined) throw new DamagedFile('its kind of protection')
  const descriptionBytes = bytes.readUInt32BE(73)
  // Not authenticated yet, and about to be allocated.
  if (descriptionBytes > MAX_DESCRIPTION_BYTES) throw new DamagedFile('the length of its description')
  return { protection, salt: bytes.subarray(9, 41), commitment: bytes.subarray(41, 73), descriptionBytes }
}

function deriveKey({ protection, secret, name }: Lock, salt: Uint8Array) {
  const info = Buffer.concat([Buffer.from(LABEL), Buffer.of(PROTECTIONS[protection]), hashName(name)])
  const bytes = Buffer.from(hkdfSync('sha256', secret, salt, info, 64))
  return { key: bytes.subarray(0, 32), commitment: bytes.subarray(32) }
}

function hashName(name: ObjectName): Buffer {
  return createHash('sha256').update(encodeName(name)).digest()
}

/** LP(bucket) ‖ LP(key): no two names have the same encoding. */
export function encodeName({ bucket, key }: ObjectName): Buffer {
  const parts = [bucket, key].flatMap((text) => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(Buffer.byteLength(text))
    return [length, Buffer.from(text)]
  })
  return Buffer.concat(parts)
}

const NONCE_BYTES = 12
const descriptionNonce = Buffer.alloc(NONCE_BYTES)

function chunkNonce(index: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES)
  nonce[0] = 1
  nonce[1] = isLast ? 1 : 0
  nonce.writeUIntBE(index, NONCE_BYTES - 6, 6)
  return nonce
}

function seal(key: Buffer, nonce: Buffer, plaintext: Uint8Array, aad?: Buffer): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  if (aad !== undefined) cipher.setAAD(aad)
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
}

function open(key: Buffer, nonce: Buffer, sealed: Buffer, aad?: Buffer): Buffer {
  if (sealed.length < TAG_BYTES) throw new DamagedFile('a part is too short')
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  if (aad !== undefined) decipher.setAAD(aad)
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES))
  const plaintext = decipher.update(sealed.subarray(0, -TAG_BYTES))
  try {
    // Nothing is given out before this: it checks the tag.
    return Buffer.concat([plaintext, decipher.final()])
  } catch {
    throw new DamagedFile('a part is not what was written')
  }
}

async function readExactly(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length)
  let filled = 0
  while (filled < length) {
    const { bytesRead } = await handle.read(buffer, filled, length - filled, position + filled)
    if (bytesRead === 0) throw new DamagedFile('it ends too early')
    filled += bytesRead
  }
  return buffer
}

async function writeAll(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  let written = 0
  while (written < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, position + written)
    written += bytesWritten
  }
}
