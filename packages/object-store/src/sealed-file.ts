/**
 * One sealed file: an object, a part of one, or the beginning of a multipart upload.
 *
 *     magic(8) ‖ protection(1) ‖ salt(32) ‖ commitment(32) ‖ u32(length of description) ‖ u32(length of label)
 *     chunk 0 ‖ chunk 1 ‖ … : each 64 KiB of the content (the last one shorter, possibly empty), sealed
 *     description: sealed JSON, for whoever has the secret of the file
 *     label: sealed JSON, for the store itself, which has to list and to compare without a customer's key
 *
 * key(32) ‖ commitment(32) = HKDF-SHA-256(secret, salt, label ‖ protection ‖ SHA-256(LP(bucket) ‖ LP(key) ‖ …), 64)
 *
 * - The salt is random, so each file has a key of its own, and nonces can count: kind(1) ‖ last(1) ‖ index(10).
 *   The description is written once, with kind 0; a chunk has kind 1. The label has a key of its own.
 * - AES-GCM alone opens under more than one key; the commitment names the one, and is compared before anything is opened.
 * - The name of the object goes into the key, so a file that was moved onto another name does not open.
 * - The header is authenticated with description and label, the description holds the size, and each chunk its place and
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
import type { Checksum } from './checksums.ts'

const CHUNK_BYTES = 65_536
const TAG_BYTES = 16
const MAGIC = Buffer.from('LDobj\0\0\x02', 'latin1')
const HEADER_BYTES = 81
/** Enough for 10,000 parts. */
const MAX_TEXT_BYTES = 1024 ** 2
const LABEL = 'lunadefend/objects/v2/file'

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
  /** `place`: which file of an upload it is, where it is one. */
  readonly name: ObjectName & { readonly place?: string }
}

/** What seals a file: its lock, and the store's key for labels (32 bytes). */
export interface Seal extends Lock {
  readonly labelKey: Uint8Array
}

/** What whoever has the secret is told. */
export interface Description {
  /** Bytes of content in this file. */
  readonly size: number
  /** Milliseconds since 1970. */
  readonly lastModified: number
  /** Without quotation marks. */
  readonly etag: string
  /** The headers to answer with, names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly checksum: Checksum | null
  /** Where the content lies when it is not in this file, in order. */
  readonly parts?: readonly PartPlace[]
}

export interface PartPlace {
  readonly number: number
  /** Bytes. */
  readonly size: number
  /** That of the part as it was chosen: another one that was sent under its number is not it. */
  readonly etag: string
}

/** What the store may know of a file without its secret. */
export interface Label extends ObjectName {
  /** Bytes of the whole object, or of the part. */
  readonly size: number
  readonly lastModified: number
  readonly etag: string
  /** Of an object whose content lies in parts: the upload that they came with. */
  readonly upload?: string
  /** Of a part: its number. */
  readonly part?: number
  /** Of the beginning of an upload: the checksum that its object is to have. */
  readonly checksum?: Omit<Checksum, 'value'>
}

/** The file is not as it was written. */
export class DamagedFile extends Error {
  constructor(what: string) {
    super(`a stored object is damaged: ${what}`)
    this.name = 'DamagedFile'
  }
}

/**
 * Writes a whole file. `content` must yield exactly `size` bytes; `describe` is asked after that. Holds one chunk in
 * memory.
 */
export async function sealFile(
  handle: FileHandle,
  seal: Seal,
  size: number,
  content: AsyncIterable<Uint8Array>,
  describe: () => Promise<{ description: Description; label: Label }>,
): Promise<void> {
  const salt = randomBytes(32)
  const { key, commitment } = deriveKey(seal, salt)
  await sealChunks(handle, key, size, content)
  const { description, label } = await describe()
  const texts = [description, label].map((text) => Buffer.from(JSON.stringify(text))) as [Buffer, Buffer]
  const lengths = Buffer.alloc(8)
  texts.forEach((text, i) => void lengths.writeUInt32BE(text.length + TAG_BYTES, 4 * i))
  const header = Buffer.concat([MAGIC, Buffer.of(PROTECTIONS[seal.protection]), salt, commitment, lengths])
  const sealed = [
    sealBytes(key, textNonce, texts[0], header),
    sealBytes(deriveLabelKey(seal.labelKey, salt), textNonce, texts[1], header),
  ]
  await writeAll(handle, Buffer.concat(sealed), HEADER_BYTES + sealedSize(size))
  await writeAll(handle, header, 0)
}

async function sealChunks(
  handle: FileHandle,
  key: Buffer,
  size: number,
  content: AsyncIterable<Uint8Array>,
): Promise<void> {
  const last = lastChunk(size)
  const buffer = bufferFor(size)
  let index = 0
  let written = 0
  for await (const chunk of inChunks(content, Math.min(size, CHUNK_BYTES))) {
    const sealed = sealBytes(key, chunkNonce(index, index === last), chunk, undefined, buffer)
    await writeAll(handle, sealed, HEADER_BYTES + index * (CHUNK_BYTES + TAG_BYTES))
    index += 1
    written += chunk.length
  }
  if (written !== size) throw new RangeError('the content has another length than was announced')
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
  /**
   * Bytes `first` to `last`, both included; reads and opens only the chunks that hold them. Of content without bytes
   * (`last` is -1) that is one chunk, too.
   *
   * @throws {DamagedFile} while it is read
   */
  read(first: number, last: number): AsyncGenerator<Uint8Array>
}

/** @throws {DamagedFile} */
export async function readProtection(handle: FileHandle): Promise<Protection> {
  return (await readHeader(handle)).protection
}

/** @throws {DamagedFile} */
export async function readLabel(handle: FileHandle, labelKey: Uint8Array): Promise<Label> {
  const header = await readHeader(handle)
  const sealed = await readExactly(handle, header.fileBytes - header.labelBytes, header.labelBytes)
  return JSON.parse(open(deriveLabelKey(labelKey, header.salt), textNonce, sealed, header.bytes).toString())
}

/**
 * `null` when `lock` is not the one that the file was written with.
 *
 * @throws {DamagedFile}
 */
export async function openSealedFile(handle: FileHandle, lock: Lock): Promise<SealedFile | null> {
  const header = await readHeader(handle)
  const { key, commitment } = deriveKey(lock, header.salt)
  if (!timingSafeEqual(commitment, header.commitment)) return null
  const textBytes = header.descriptionBytes + header.labelBytes
  const sealed = await readExactly(handle, header.fileBytes - textBytes, header.descriptionBytes)
  const description: Description = JSON.parse(open(key, textNonce, sealed, header.bytes).toString())
  if (header.fileBytes !== HEADER_BYTES + sealedSize(description.size) + textBytes)
    throw new DamagedFile('its length')
  const read = (first: number, last: number) => {
    const buffer = bufferFor(description.size)
    return readChunks((index) => openChunk(handle, key, index, description.size, buffer), first, last)
  }
  return { description, read }
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

async function openChunk(handle: FileHandle, key: Buffer, index: number, size: number, buffer: Buffer) {
  const bytes = Math.min(CHUNK_BYTES, size - index * CHUNK_BYTES)
  const position = HEADER_BYTES + index * (CHUNK_BYTES + TAG_BYTES)
  const sealed = await readExactly(handle, position, bytes + TAG_BYTES, buffer)
  return open(key, chunkNonce(index, index === lastChunk(size)), sealed)
}

function lastChunk(size: number): number {
  return Math.max(Math.ceil(size / CHUNK_BYTES) - 1, 0)
}

function sealedSize(size: number): number {
  return size + (lastChunk(size) + 1) * TAG_BYTES
}

interface Header {
  readonly bytes: Buffer
  readonly protection: Protection
  readonly salt: Buffer
  readonly commitment: Buffer
  readonly descriptionBytes: number
  readonly labelBytes: number
  readonly fileBytes: number
}

async function readHeader(handle: FileHandle): Promise<Header> {
  const bytes = await readExactly(handle, 0, HEADER_BYTES)
  if (!bytes.subarray(0, 8).equals(MAGIC)) throw new DamagedFile('its first bytes')
  const protection = (['customer', 'store'] as const).find((name) => PROTECTIONS[name] === bytes[8])
  if (protection === undefined) throw new DamagedFile('its kind of protection')
  const [descriptionBytes, labelBytes] = [bytes.readUInt32BE(73), bytes.readUInt32BE(77)]
  const { size: fileBytes } = await handle.stat()
  // Not authenticated yet, and about to be allocated.
  const tooLong = descriptionBytes > MAX_TEXT_BYTES || labelBytes > MAX_TEXT_BYTES
  if (tooLong || HEADER_BYTES + descriptionBytes + labelBytes > fileBytes)
    throw new DamagedFile('the length of its description')
  const [salt, commitment] = [bytes.subarray(9, 41), bytes.subarray(41, 73)]
  return { bytes, protection, salt, commitment, descriptionBytes, labelBytes, fileBytes }
}

function deriveKey({ protection, secret, name }: Lock, salt: Uint8Array) {
  const info = Buffer.concat([Buffer.from(LABEL), Buffer.of(PROTECTIONS[protection]), hashName(name)])
  const bytes = Buffer.from(hkdfSync('sha256', secret, salt, info, 64))
  return { key: bytes.subarray(0, 32), commitment: bytes.subarray(32) }
}

function deriveLabelKey(labelKey: Uint8Array, salt: Uint8Array): Buffer {
  return Buffer.from(hkdfSync('sha256', labelKey, salt, `${LABEL}/label`, 32))
}

function hashName(name: Lock['name']): Buffer {
  return createHash('sha256').update(encodeName(name)).digest()
}

/** LP(bucket) ‖ LP(key), and LP(place) where there is one: no two names have the same encoding. */
export function encodeName({ bucket, key, place }: Lock['name']): Buffer {
  const texts = place === undefined ? [bucket, key] : [bucket, key, place]
  const parts = texts.flatMap((text) => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(Buffer.byteLength(text))
    return [length, Buffer.from(text)]
  })
  return Buffer.concat(parts)
}

const NONCE_BYTES = 12
const textNonce = Buffer.alloc(NONCE_BYTES)

function chunkNonce(index: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES)
  nonce[0] = 1
  nonce[1] = isLast ? 1 : 0
  nonce.writeUIntBE(index, NONCE_BYTES - 6, 6)
  return nonce
}

/** `into` holds the result until it is used again; otherwise there is a buffer for each. */
function sealBytes(
  key: Buffer,
  nonce: Buffer,
  plaintext: Uint8Array,
  aad?: Buffer,
  into: Buffer = Buffer.allocUnsafe(plaintext.length + TAG_BYTES),
): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  if (aad !== undefined) cipher.setAAD(aad)
  into.set(cipher.update(plaintext))
  // A stream cipher holds nothing back: the end has no bytes, and makes the tag.
  cipher.final()
  into.set(cipher.getAuthTag(), plaintext.length)
  return into.subarray(0, plaintext.length + TAG_BYTES)
}

/** For one chunk after the other: buffers that are thrown away are swept up too late to keep the memory small. */
function bufferFor(size: number): Buffer {
  return Buffer.allocUnsafeSlow(Math.min(size, CHUNK_BYTES) + TAG_BYTES)
}

function open(key: Buffer, nonce: Buffer, sealed: Buffer, aad?: Buffer): Buffer {
  if (sealed.length < TAG_BYTES) throw new DamagedFile('a part is too short')
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  if (aad !== undefined) decipher.setAAD(aad)
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES))
  const plaintext = decipher.update(sealed.subarray(0, -TAG_BYTES))
  try {
    // Nothing is given out before this: it checks the tag.
    decipher.final()
    return plaintext
  } catch {
    throw new DamagedFile('a part is not what was written')
  }
}

async function readExactly(
  handle: FileHandle,
  position: number,
  length: number,
  buffer: Buffer = Buffer.alloc(length),
): Promise<Buffer> {
  let filled = 0
  while (filled < length) {
    const { bytesRead } = await handle.read(buffer, filled, length - filled, position + filled)
    if (bytesRead === 0) throw new DamagedFile('it ends too early')
    filled += bytesRead
  }
  return buffer.subarray(0, length)
}

async function writeAll(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  let written = 0
  while (written < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, position + written)
    written += bytesWritten
  }
}
