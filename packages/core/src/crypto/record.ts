import { hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'
import type { AppId, TokenId } from '@lunadefend/contract'
import { NONCE_BYTES, newNonce, open, SealBroken, seal } from './aead.ts'
import { ByteReader, lp, u32 } from './encoding.ts'
import { kdf, type Prf } from './kdf.ts'

/** How the object is protected: 1 by the store with a key of ours (SSE-C), 2 end to end. 3 is reserved. */
export type Mode = 1 | 2

/** The two keys of a value. Independent and random; each is used in its own mode only. 32 bytes each. */
export interface DataKeys {
  readonly sseKey: Uint8Array
  readonly contentKey: Uint8Array
}

/** What a record holds besides its place. */
export interface OpenRecord {
  readonly mode: Mode
  readonly objectKey: string
  readonly keys: DataKeys
}

/** The key that the object store is given; `null` in mode 2, where it gets none and sees what the client encrypted. */
export function storeKeyOf({ mode, keys }: Pick<OpenRecord, 'mode' | 'keys'>): Uint8Array | null {
  return mode === 1 ? keys.sseKey : null
}

/** The key that the client is given, to encrypt and decrypt the value itself; `null` in mode 1. */
export function contentKeyOf({ mode, keys }: Pick<OpenRecord, 'mode' | 'keys'>): Uint8Array | null {
  return mode === 2 ? keys.contentKey : null
}

/** What binds a sealed record to its place. */
export interface RecordPlace {
  readonly app: AppId
  readonly recordId: Uint8Array
  readonly kid: string
  readonly generation: number
}

/** The columns of a sealed record: `sealed` is outerNonce ‖ ciphertext ‖ tag. */
export interface SealedRecord {
  readonly recordSalt: Uint8Array
  readonly sealed: Uint8Array
}

/** Everything random that goes into a record. */
export interface RecordRandoms {
  readonly tokenSalt: Uint8Array
  readonly recordSalt: Uint8Array
  readonly innerNonce: Uint8Array
  readonly outerNonce: Uint8Array
}

type OuterRandoms = Pick<RecordRandoms, 'recordSalt' | 'outerNonce'>

const SALT_BYTES = 32
const VERSION = 1

/** Seals fresh keys for a value: record format v1, two layers. Keys go out, none comes in. */
export async function sealRecord(
  prf: Prf,
  place: RecordPlace,
  token: TokenId,
  mode: Mode,
  objectKey: string,
) {
  const keys: DataKeys = { sseKey: randomBytes(32), contentKey: randomBytes(32) }
  const randoms = {
    tokenSalt: randomBytes(SALT_BYTES),
    recordSalt: randomBytes(SALT_BYTES),
    innerNonce: newNonce(),
    outerNonce: newNonce(),
  }
  return { keys, ...(await sealRecordWith(prf, place, token, mode, objectKey, keys, randoms)) }
}

/** With keys and randomness given: for the known answers only. */
export async function sealRecordWith(
  prf: Prf,
  place: RecordPlace,
  token: TokenId,
  mode: Mode,
  objectKey: string,
  keys: DataKeys,
  randoms: RecordRandoms,
): Promise<SealedRecord> {
  const { tokenKey, commitment } = tokenLayer(place, token, randoms.tokenSalt)
  const dataKeys = Buffer.concat([keys.sseKey, keys.contentKey])
  const inner = seal(tokenKey, randoms.innerNonce, innerAad(place, mode, objectKey), dataKeys)
  dataKeys.fill(0)
  const head = [
    Buffer.from([VERSION, mode]),
    lp(objectKey),
    randoms.tokenSalt,
    commitment,
    randoms.innerNonce,
  ]
  return sealOuterBytes(prf, place, Buffer.concat([...head, inner]), randoms)
}

/** Puts an outer layer around what `openOuterBytes` took out of one. Needs no token. */
export async function sealOuterBytes(
  prf: Prf,
  place: RecordPlace,
  content: Uint8Array,
  { recordSalt, outerNonce }: OuterRandoms = { recordSalt: randomBytes(SALT_BYTES), outerNonce: newNonce() },
): Promise<SealedRecord> {
  const key = await recordKey(prf, place, recordSalt)
  return { recordSalt, sealed: Buffer.concat([outerNonce, seal(key, outerNonce, outerAad(place), content)]) }
}

/** A record with its outer layer off: where the object lies, not what opens it. */
export interface OuterRecord {
  readonly mode: Mode
  readonly objectKey: string
  readonly tokenSalt: Uint8Array
  readonly commitment: Uint8Array
  readonly innerNonce: Uint8Array
  readonly innerCiphertext: Uint8Array
}

/** Needs the root key, not the token. Throws SealBroken when any byte of the record or its place is another one. */
export async function openOuter(prf: Prf, place: RecordPlace, record: SealedRecord): Promise<OuterRecord> {
  return parseOuter(await openOuterBytes(prf, place, record))
}

/** What lies under the outer layer, as it is. Needs the root key, not the token. Throws SealBroken. */
export async function openOuterBytes(prf: Prf, place: RecordPlace, record: SealedRecord): Promise<Buffer> {
  const key = await recordKey(prf, place, record.recordSalt)
  const nonce = record.sealed.subarray(0, NONCE_BYTES)
  return open(key, nonce, outerAad(place), record.sealed.subarray(NONCE_BYTES))
}

/** Needs root key and token. Throws SealBroken when either is another one. */
export async function openRecord(
  prf: Prf,
  place: RecordPlace,
  record: SealedRecord,
  token: TokenId,
): Promise<OpenRecord> {
  const outer = await openOuter(prf, place, record)
  return { mode: outer.mode, objectKey: outer.objectKey, keys: openInner(place, outer, token) }
}

/** Whether a record is this token's. Opens no data key. */
export function isOf(token: TokenId, place: RecordPlace, outer: OuterRecord): boolean {
  return timingSafeEqual(tokenLayer(place, token, outer.tokenSalt).commitment, outer.commitment)
}

function openInner(place: RecordPlace, outer: OuterRecord, token: TokenId): DataKeys {
  const { tokenKey, commitment } = tokenLayer(place, token, outer.tokenSalt)
  if (!timingSafeEqual(commitment, outer.commitment)) throw new SealBroken()
  const keys = open(
    tokenKey,
    outer.innerNonce,
    innerAad(place, outer.mode, outer.objectKey),
    outer.innerCiphertext,
  )
  if (keys.length !== 64) throw new SealBroken()
  return { sseKey: keys.subarray(0, 32), contentKey: keys.subarray(32) }
}

function parseOuter(plaintext: Uint8Array): OuterRecord {
  const reader = new ByteReader(plaintext)
  const [version, mode] = reader.take(2)
  if (version !== VERSION || (mode !== 1 && mode !== 2)) throw new SealBroken()
  return {
    mode,
    objectKey: Buffer.from(reader.takeLp()).toString(),
    tokenSalt: reader.take(SALT_BYTES),
    commitment: reader.take(32),
    innerNonce: reader.take(NONCE_BYTES),
    innerCiphertext: reader.take(64 + 16),
  }
}

/** HKDF-SHA-256 (RFC 5869) of the whole token: its prefix is the same in all of them and carries nothing. */
export function tokenLayer(place: RecordPlace, token: TokenId, tokenSalt: Uint8Array) {
  const info = Buffer.concat([Buffer.from('lunadefend/v1/token-layer\0'), lp(place.app), place.recordId])
  const bytes = Buffer.from(hkdfSync('sha256', token, tokenSalt, info, 64))
  return { tokenKey: bytes.subarray(0, 32), commitment: bytes.subarray(32) }
}

export function recordKey(prf: Prf, place: RecordPlace, recordSalt: Uint8Array): Promise<Uint8Array> {
  const context = [lp(place.app), place.recordId, recordSalt, u32(place.generation)]
  return kdf(prf, place.kid, 'lunadefend/v1/record-layer', Buffer.concat(context))
}

export function outerAad(place: RecordPlace): Buffer {
  return placeAad('lunadefend/record/outer/v1', place)
}

export function innerAad(place: RecordPlace, mode: Mode, objectKey: string): Buffer {
  const label = lp('lunadefend/record/inner/v1')
  return Buffer.concat([label, lp(place.app), place.recordId, Buffer.from([mode]), lp(objectKey)])
}

function placeAad(label: string, place: RecordPlace): Buffer {
  return Buffer.concat([lp(label), lp(place.app), place.recordId, u32(place.generation), lp(place.kid)])
}

/** Metadata is sealed by the root key alone, so that policies can see it without the token. salt ‖ nonce ‖ … ‖ tag. */
export function sealMetadata(prf: Prf, place: RecordPlace, json: string): Promise<Buffer> {
  return sealMetadataWith(prf, place, json, randomBytes(SALT_BYTES), newNonce())
}

/** With salt and nonce given: for the known answers only. */
export async function sealMetadataWith(
  prf: Prf,
  place: RecordPlace,
  json: string,
  salt: Uint8Array,
  nonce: Uint8Array,
): Promise<Buffer> {
  const key = await metadataKey(prf, place, salt)
  return Buffer.concat([
    salt,
    nonce,
    seal(key, nonce, placeAad('lunadefend/metadata/v1', place), Buffer.from(json)),
  ])
}

/** Throws SealBroken. */
export async function openMetadata(prf: Prf, place: RecordPlace, sealed: Uint8Array): Promise<string> {
  // Where they end too early, there is no tag either.
  const salt = sealed.subarray(0, SALT_BYTES)
  const nonce = sealed.subarray(SALT_BYTES, SALT_BYTES + NONCE_BYTES)
  const key = await metadataKey(prf, place, salt)
  const rest = sealed.subarray(SALT_BYTES + NONCE_BYTES)
  return open(key, nonce, placeAad('lunadefend/metadata/v1', place), rest).toString()
}

export function metadataKey(prf: Prf, place: RecordPlace, salt: Uint8Array): Promise<Uint8Array> {
  const context = [lp(place.app), place.recordId, salt, u32(place.generation)]
  return kdf(prf, place.kid, 'lunadefend/v1/metadata', Buffer.concat(context))
}
