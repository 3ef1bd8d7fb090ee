import { createHmac, hash, type KeyObject } from 'node:crypto'
import type { Access, AppId, SessionId, TokenId } from '@lunadefend/contract'
import { lp } from './encoding.ts'

const ZERO = Buffer.from([0])

function keyed(key: KeyObject, label: string, ...fields: (string | Uint8Array)[]): Buffer {
  const message = Buffer.concat([Buffer.from(label), ZERO, ...fields.map(lp)])
  return createHmac('sha256', key).update(message).digest()
}

/** So many names are remembered for each key, some 300 bytes each; then it begins anew. */
const MOST_NAMES = 10_000
const NAMES = new WeakMap<KeyObject, Map<string, Buffer>>()

/**
 * The same, for what is named again in each call of a session, and never with a token: that is not to stay in memory after
 * its call. Nobody writes into what it gives.
 */
function rememberedKeyed(key: KeyObject, label: string, ...fields: string[]): Buffer {
  const names = NAMES.get(key) ?? new Map<string, Buffer>()
  NAMES.set(key, names)
  const text = JSON.stringify([label, ...fields])
  const known = names.get(text)
  if (known !== undefined) return known
  if (names.size >= MOST_NAMES) names.clear()
  const name = keyed(key, label, ...fields)
  names.set(text, name)
  return name
}

/** Where the record of a token is found. The token itself is stored nowhere. 32 bytes. */
export function locatorOf(key: KeyObject, app: AppId, token: TokenId): Buffer {
  return keyed(key, 'lunadefend/v1/locator', app, token)
}

/**
 * Where the record of a honeytoken is found: so the database does not tell which records are, and whoever looks for a token
 * looks in both places. 32 bytes.
 */
export function honeytokenLocatorOf(key: KeyObject, app: AppId, token: TokenId): Buffer {
  return keyed(key, 'lunadefend/v1/honeytoken', app, token)
}

/** Where the record of an object is found, by whoever has its name but no token. 32 bytes. */
export function objectRefOf(key: KeyObject, objectKey: string): Buffer {
  return keyed(key, 'lunadefend/v1/object', objectKey)
}

/** The key of a grant: whoever can write to the database but lacks the key cannot make one. 32 bytes. */
export function grantIdOf(
  key: KeyObject,
  app: AppId,
  sid: SessionId,
  token: TokenId,
  access: Access,
): Buffer {
  return keyed(key, 'lunadefend/v1/grant', app, sid, token, access)
}

/** What a grant was used for, so that the same use can be told from another one. 32 bytes. */
export function usedForOf(key: KeyObject, grantId: Uint8Array, record: string): Buffer {
  return keyed(key, 'lunadefend/v1/used-for', grantId, record)
}

/** What an application gets to see in place of a name inside the database: equal where that is. 16 bytes in hex. */
export function handleOf(kind: 'grant' | 'session' | 'token', name: Uint8Array): string {
  const text = hash('sha256', Buffer.concat([lp(`lunadefend/v1/handle-${kind}`), name]), 'hex')
  return text.slice(0, 32)
}

/** A session's name inside the database. 32 bytes. */
export function sessionRefOf(key: KeyObject, app: AppId, sid: SessionId): Buffer {
  return rememberedKeyed(key, 'lunadefend/v1/session', app, sid)
}

/** What `lunasec-session-hash` carries: 20 bytes in hex. Another user, another login: another hash. */
export function sessionHashOf(key: KeyObject, app: AppId, sid: SessionId, subject: string): string {
  return keyed(key, 'lunadefend/v1/session-hash', app, sid, subject).subarray(0, 20).toString('hex')
}

export type PseudonymKind = 'token' | 'session' | 'subject' | 'network'

/** What an audit row says in place of a token, a session, a user or a network: 16 bytes in hex, keyed by epoch. */
export function pseudonymOf(key: KeyObject, kind: PseudonymKind, app: AppId | '', name: string): string {
  const named = kind === 'token' ? keyed : rememberedKeyed
  return named(key, `lunadefend/v1/audit-${kind}`, app, name).subarray(0, 16).toString('hex')
}

/** The name of something that is counted, in the limiter's store; `ofToken`: a token is among `names`. 32 bytes. */
export function limitRefOf(key: KeyObject, names: readonly string[], ofToken = false): Buffer {
  const named = ofToken ? keyed : rememberedKeyed
  return named(key, 'lunadefend/v1/limit', ...names)
}

/** A call that carries an idempotency key: whose it is, and the key. The key itself is stored nowhere. 32 bytes. */
export function repeatRefOf(key: KeyObject, owner: readonly string[], idempotencyKey: string): Buffer {
  return keyed(key, 'lunadefend/v1/repeat', ...owner, idempotencyKey)
}

/** What such a call asked, so that another request under the same key can be told from it. 32 bytes. */
export function fingerprintOf(key: KeyObject, ref: Uint8Array, request: string): Buffer {
  return keyed(key, 'lunadefend/v1/repeat-request', ref, digestOf(request))
}

/** The form in which a bearer secret of 256 random bits, or a challenge, is stored. 32 bytes. */
export function digestOf(secret: string): Buffer {
  return hash('sha256', secret, 'buffer')
}
