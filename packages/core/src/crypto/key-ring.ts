import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { NONCE_BYTES, newNonce, open, SealBroken, seal } from './aead.ts'
import { lp, u32 } from './encoding.ts'
import { kdf, type Prf } from './kdf.ts'

/**
 * The Tokenizer's own keys, each random and independent of the others. In the database they lie in one sealed row.
 * Each has versions, oldest first: what an older one made stays found until it is retired. The audit key also changes
 * by itself every 30 days, so that pseudonyms of different periods cannot be linked without it.
 */
export interface KeyRing {
  readonly version: number
  /** Under which the record of a token is found. */
  readonly locator: KeyVersions
  /** Under which the record of an object is found. */
  readonly objects: KeyVersions
  readonly grant: KeyVersions
  readonly session: KeyVersions
  /** Seed of the key that signs audit checkpoints. */
  readonly checkpoint: KeyVersions
  /** By the number that audit rows call `epoch`: see `auditEpoch`. */
  readonly audit: ReadonlyMap<number, KeyObject>
}

export interface KeyVersion {
  /** Counts from 1. */
  readonly version: number
  readonly key: KeyObject
  /** Milliseconds since 1970. A little later than it was made, so that by then every process has heard of it. */
  readonly activeFrom: number
}

/** Oldest first, at least one, of which the first is active. */
export type KeyVersions = readonly KeyVersion[]

const VERSIONED = ['locator', 'objects', 'grant', 'session', 'checkpoint'] as const
export type VersionedKeyName = (typeof VERSIONED)[number]
export type RingKeyName = VersionedKeyName | 'audit'

/** As it lies in the database: `sealed` is salt(32) ‖ nonce(12) ‖ ciphertext ‖ tag. */
export interface SealedKeyRing {
  readonly version: number
  readonly kid: string
  readonly sealed: Uint8Array
}

const SALT_BYTES = 32
const AUDIT_PERIOD_MS = 30 * 24 * 60 * 60 * 1000
/** An audit key can be replaced this often within its period. */
const REVISIONS = 1000
/** Every process reads the ring every 30 seconds; then it knows the key well before anybody uses it. */
export const ACTIVATION_DELAY_MS = 90_000
const newKey = () => createSecretKey(randomBytes(32))

/** The one that new rows are made with: the youngest that is active. */
export function currentKey(versions: KeyVersions, now: number): KeyVersion {
  const current = versions.findLast(({ activeFrom }) => activeFrom <= now) ?? versions[0]
  if (current === undefined) throw new SealBroken()
  return current
}

/** The one that names what outlives a rotation: it stays the same as long as any key that the name was made under is held. */
export function oldestKey([oldest]: KeyVersions): KeyVersion {
  if (oldest === undefined) throw new SealBroken()
  return oldest
}

/** The one of this version. Throws SealBroken when it is not held. */
export function keyOfVersion(versions: KeyVersions, version: number): KeyVersion {
  const held = versions.find((each) => each.version === version)
  if (held === undefined) throw new SealBroken()
  return held
}

/** The audit key of this moment: the last revision of its 30-day period. `null` = the ring has none for it. */
export function currentAuditKey(ring: KeyRing, now: number): { epoch: number; key: KeyObject } | null {
  const period = auditPeriod(now)
  const epochs = [...ring.audit.keys()].filter((epoch) => Math.floor(epoch / REVISIONS) === period)
  const epoch = Math.max(...epochs)
  const key = ring.audit.get(epoch)
  return key === undefined ? null : { epoch, key }
}

function auditPeriod(now: number): number {
  return Math.floor(now / AUDIT_PERIOD_MS)
}

export function newKeyRing(now: number): KeyRing {
  const first = (): KeyVersions => [{ version: 1, key: newKey(), activeFrom: 0 }]
  const keys = { locator: first(), objects: first(), grant: first(), session: first(), checkpoint: first() }
  return { version: 1, ...keys, audit: missingAuditKeys(new Map(), now) }
}

/** The next version of the ring with audit keys for this period and the next; `null` when it has both already. */
export function withAuditKeys(ring: KeyRing, now: number): KeyRing | null {
  const missing = missingAuditKeys(ring.audit, now)
  if (missing.size === 0) return null
  return { ...ring, version: ring.version + 1, audit: new Map([...ring.audit, ...missing]) }
}

function missingAuditKeys(present: ReadonlyMap<number, KeyObject>, now: number): Map<number, KeyObject> {
  const held = new Set([...present.keys()].map((epoch) => Math.floor(epoch / REVISIONS)))
  const periods = [auditPeriod(now), auditPeriod(now) + 1].filter((period) => !held.has(period))
  return new Map(periods.map((period) => [period * REVISIONS, newKey()]))
}

/**
 * The next version of the ring, in which this key has one version more, active in `ACTIVATION_DELAY_MS`. An audit key is
 * in use at once: nothing is found by it.
 */
export function withNewVersion(ring: KeyRing, name: RingKeyName, now: number): KeyRing {
  const version = ring.version + 1
  if (name === 'audit') {
    const epoch = (currentAuditKey(ring, now)?.epoch ?? auditPeriod(now) * REVISIONS) + 1
    return { ...ring, version, audit: new Map([...ring.audit, [epoch, newKey()]]) }
  }
  const last = ring[name].at(-1)?.version ?? 0
  const added = { version: last + 1, key: newKey(), activeFrom: now + ACTIVATION_DELAY_MS }
  return { ...ring, version, [name]: [...ring[name], added] }
}

/** The next version of the ring without this version of this key. */
export function withoutVersion(ring: KeyRing, name: RingKeyName, retired: number): KeyRing {
  const version = ring.version + 1
  if (name === 'audit') {
    return { ...ring, version, audit: new Map([...ring.audit].filter(([epoch]) => epoch !== retired)) }
  }
  return { ...ring, version, [name]: ring[name].filter((held) => held.version !== retired) }
}

export async function sealKeyRing(prf: Prf, kid: string, ring: KeyRing): Promise<SealedKeyRing> {
  const plaintext = Buffer.from(JSON.stringify(toJson(ring)))
  const sealed = await sealKeyRingWith(prf, kid, ring.version, plaintext, randomBytes(SALT_BYTES), newNonce())
  plaintext.fill(0)
  return { version: ring.version, kid, sealed }
}

/** Throws SealBroken when the row was changed or the root key is another one. */
export async function openKeyRing(prf: Prf, row: SealedKeyRing): Promise<KeyRing> {
  const salt = row.sealed.subarray(0, SALT_BYTES)
  const nonce = row.sealed.subarray(SALT_BYTES, SALT_BYTES + NONCE_BYTES)
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

type VersionsJson = { version: number; key: string; activeFrom: number }[]
type KeyRingJson = Record<VersionedKeyName, VersionsJson> & { audit: Record<string, string> }

const textOf = (key: KeyObject) => key.export().toString('base64')

function toJson(ring: KeyRing): KeyRingJson {
  const versions = VERSIONED.map((name) => [name, ring[name].map(versionToJson)] as const)
  const audit = [...ring.audit].map(([epoch, key]) => [epoch, textOf(key)] as const)
  return {
    ...(Object.fromEntries(versions) as Record<VersionedKeyName, VersionsJson>),
    audit: Object.fromEntries(audit),
  }
}

function versionToJson({ version, key, activeFrom }: KeyVersion) {
  return { version, key: textOf(key), activeFrom }
}

function fromJson(version: number, json: KeyRingJson): KeyRing {
  const audit = Object.entries(json.audit).map(([epoch, text]) => [Number(epoch), keyFrom(text)] as const)
  const versions = VERSIONED.map((name) => [name, json[name].map(versionFromJson)] as const)
  return {
    version,
    ...(Object.fromEntries(versions) as unknown as Record<VersionedKeyName, KeyVersions>),
    audit: new Map(audit),
  }
}

function versionFromJson({ version, key, activeFrom }: VersionsJson[number]): KeyVersion {
  return { version, key: keyFrom(key), activeFrom }
}

function keyFrom(text: string): KeyObject {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length !== 32) throw new SealBroken()
  return createSecretKey(bytes)
}
