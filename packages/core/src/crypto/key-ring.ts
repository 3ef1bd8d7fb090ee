import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { NONCE_BYTES, newNonce, open, SealBroken, seal } from './aead.ts'
import { ByteReader, lp, u32 } from './encoding.ts'
import { kdf, type Prf } from './kdf.ts'

/**
 * The Tokenizer's own keys, each random and independent of the others. In the database they lie in one sealed row.
 * The audit key changes every 30 days (an epoch), so that pseudonyms of different epochs cannot be linked without it.
 */
export interface KeyRing {
  readonly version: number
  readonly locator: KeyObject
  readonly grant: KeyObject
  readonly session: KeyObject
  readonly audit: ReadonlyMap<number, KeyObject>
  /** Seed of the key that signs audit checkpoints. */
  readonly checkpoint: KeyObject
}

/** As it lies in the database: `sealed` is salt(32) ‖ nonce(12) ‖ ciphertext ‖ tag. */
export interface SealedKeyRing {
  readonly version: number
  readonly kid: string
  readonly sealed: Uint8Array
}

const SALT_BYTES = 32
const AUDIT_EPOCH_MS = 30 * 24 * 60 * 60 * 1000
const newKey = () => createSecretKey(randomBytes(32))

export function auditEpoch(now: number): number {
  return Math.floor(now / AUDIT_EPOCH_MS)
}

export function newKeyRing(now: number): KeyRing {
  const ring = { locator: newKey(), grant: newKey(), session: newKey(), checkpoint: newKey() }
  return { version: 1, ...ring, audit: missingAuditKeys(new Map(), now) }
}

/** The next version of the ring with audit keys for this epoch and the next; `null` when it has both already. */
export function withAuditKeys(ring: KeyRing, now: number): KeyRing | null {
  const missing = missingAuditKeys(ring.audit, now)
  if (missing.size === 0) return null
  return { ...ring, version: ring.version + 1, audit: new Map([...ring.audit, ...missing]) }
}

function missingAuditKeys(present: ReadonlyMap<number, KeyObject>, now: number): Map<number, KeyObject> {
  const epochs = [auditEpoch(now), auditEpoch(now) + 1].filter((epoch) => !present.has(epoch))
  return new Map(epochs.map((epoch) => [epoch, newKey()]))
}

export async function sealKeyRing(prf: Prf, kid: string, ring: KeyRing): Promise<SealedKeyRing> {
  const plaintext = Buffer.from(JSON.stringify(toJson(ring)))
  const sealed = await sealKeyRingWith(prf, kid, ring.version, plaintext, randomBytes(SALT_BYTES), newNonce())
  plaintext.fill(0)
  return { version: ring.version, kid, sealed }
}

/** Throws SealBroken when the row was changed or the root key is another one. */
export async function openKeyRing(prf: Prf, row: SealedKeyRing): Promise<KeyRing> {
  const reader = new ByteReader(row.sealed)
  const salt = reader.take(SALT_BYTES)
  const nonce = reader.take(NONCE_BYTES)
  const key = await keyRingKey(prf, row.kid, row.version, salt)
  const rest = row.sealed.subarray(SALT_BYTES + NONCE_BYTES)
  return fromJson(
    row.version,
    JSON.parse(open(key, nonce, keyRingAad(row.version, row.kid), rest).toString()),
  )
}

/** With salt and nonce given: for the known answers only. */
export async function sealKeyRingWith(
  prf: Prf,
  kid: string,
  version: number,
  plaintext: Uint8Array,
  salt: Uint8Array,
  nonce: Uint8Array,
): Promise<Buffer> {
  const key = await keyRingKey(prf, kid, version, salt)
  return Buffer.concat([salt, nonce, seal(key, nonce, keyRingAad(version, kid), plaintext)])
}

export function keyRingKey(prf: Prf, kid: string, version: number, salt: Uint8Array): Promise<Uint8Array> {
  return kdf(prf, kid, 'lunadefend/v1/keyring', Buffer.concat([u32(version), salt]))
}

function keyRingAad(version: number, kid: string): Buffer {
  return Buffer.concat([lp('lunadefend/keyring/v1'), u32(version), lp(kid)])
}

interface KeyRingJson {
  locator: string
  grant: string
  session: string
  checkpoint: string
  audit: Record<string, string>
}

function toJson(ring: KeyRing): KeyRingJson {
  const text = (key: KeyObject) => key.export().toString('base64')
  return {
    locator: text(ring.locator),
    grant: text(ring.grant),
    session: text(ring.session),
    checkpoint: text(ring.checkpoint),
    audit: Object.fromEntries([...ring.audit].map(([epoch, key]) => [epoch, text(key)])),
  }
}

function fromJson(version: number, json: KeyRingJson): KeyRing {
  const audit = Object.entries(json.audit).map(([epoch, text]) => [Number(epoch), keyFrom(text)] as const)
  return {
    version,
    locator: keyFrom(json.locator),
    grant: keyFrom(json.grant),
    session: keyFrom(json.session),
    checkpoint: keyFrom(json.checkpoint),
    audit: new Map(audit),
  }
}

function keyFrom(text: string): KeyObject {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length !== 32) throw new SealBroken()
  return createSecretKey(bytes)
}
