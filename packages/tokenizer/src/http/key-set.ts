import type { Clock } from '@lunadefend/core'
import { type CryptoKey, importJWK, type JWK } from 'jose'

/** A public key of whoever signs, with the one algorithm that it is for. */
export interface SignerKey {
  readonly alg: 'EdDSA' | 'ES256'
  readonly key: CryptoKey
}

/** The public keys of one signer, as they are at this moment. */
export interface KeySet {
  /** `null` = there is no such key, or it cannot be known. The same object as long as the key is believed. */
  find(kid: string): Promise<SignerKey | null>
}

/** Keys that stand in the settings. Rejects when one is no public key of its algorithm. */
export async function fixedKeySet(keys: readonly PublicKey[]): Promise<KeySet> {
  const imported = new Map(
    await Promise.all(keys.map(async (jwk) => [jwk.kid, await importPublic(jwk)] as const)),
  )
  return { find: async (kid) => imported.get(kid) ?? null }
}

interface PublicKey {
  readonly kid: string
  readonly alg: 'EdDSA' | 'ES256'
}

export interface RemoteKeys {
  /** One attempt, bounded in size and time: the parsed JSON. Rejects when there is none. */
  fetch(): Promise<unknown>
  readonly clock: Clock
  /** Whether somebody else has the key: then it is not believed, whoever publishes it. */
  isForeign(key: { readonly crv: string; readonly x: string }): boolean
  /** Hears what was wrong with an attempt, for the log. Names no key. */
  tell(problem: string): void
}

/** So long a fetched set is believed without another look: so long, at most, a key that was removed is good. In ms. */
export const FRESH_MS = 5 * 60_000
/** So long, after that, a set is believed while it cannot be fetched anew, in milliseconds. Then nothing is. */
export const STALE_MS = 60 * 60_000
/** An unknown kid, or a set that is no longer fresh, causes one fetch in so many milliseconds. */
export const REFETCH_MS = 30_000
/** The same while there has never been a set: an app's server may start after us. */
const FIRST_MS = 5_000
/** Keys in one set. */
const MOST_KEYS = 20

/**
 * Keys that the signer publishes (RFC 7517), fetched when they are first needed and when a token names an unknown one.
 * jose's own remote sets count from the last *successful* fetch, so that unknown kids flood a server that fails; they
 * have no cap, and forget everything when a fetch fails.
 */
export function remoteKeySet({ fetch, clock, isForeign, tell }: RemoteKeys): KeySet {
  let keys: ReadonlyMap<string, SignerKey> | null = null
  let fetchedAt = 0
  let triedAt: number | null = null
  let pending: Promise<void> | null = null

  const isWithin = (since: number, limit: number) => {
    const age = clock.now() - since
    // A clock that was set back says nothing about age.
    return age >= 0 && age < limit
  }
  const mayTry = () => triedAt === null || !isWithin(triedAt, keys === null ? FIRST_MS : REFETCH_MS)

  async function refetch(): Promise<void> {
    triedAt = clock.now()
    try {
      const fetched = await readKeySet(await fetch(), isForeign)
      keys = fetched
      fetchedAt = triedAt
    } catch (error) {
      tell(error instanceof Error ? error.message : 'unknown')
    }
  }

  async function refresh(): Promise<void> {
    if (pending === null && mayTry()) {
      pending = refetch().finally(() => {
        pending = null
      })
    }
    await pending
  }

  return {
    async find(kid) {
      if (keys === null || !isWithin(fetchedAt, FRESH_MS) || !keys.has(kid)) await refresh()
      if (keys === null || !isWithin(fetchedAt, FRESH_MS + STALE_MS)) return null
      return keys.get(kid) ?? null
    },
  }
}

/** The usable keys of a set; those that are none, or are for something else, are left out. Rejects when it is no set. */
async function readKeySet(
  json: unknown,
  isForeign: RemoteKeys['isForeign'],
): Promise<Map<string, SignerKey>> {
  const list = typeof json === 'object' && json !== null && 'keys' in json ? json.keys : null
  if (!Array.isArray(list)) throw new Error('it is no set of keys')
  if (list.length > MOST_KEYS) throw new Error(`it has more than ${MOST_KEYS} keys`)
  const usable = list.filter((jwk): jwk is UsableKey => isUsable(jwk) && !isForeign(jwk))
  if (new Set(usable.map(({ kid }) => kid)).size !== usable.length)
    throw new Error('two keys have the same kid')
  const imported = await Promise.all(usable.map((jwk) => importPublic(jwk).catch(() => null)))
  const pairs = usable.map(({ kid }, index) => [kid, imported[index] ?? null] as const)
  return new Map(pairs.filter((pair): pair is [string, SignerKey] => pair[1] !== null))
}

interface UsableKey extends PublicKey {
  readonly crv: string
  readonly x: string
}

const KINDS = { EdDSA: { kty: 'OKP', crv: 'Ed25519' }, ES256: { kty: 'EC', crv: 'P-256' } } as const

/** Says its one algorithm, is for signatures, and keeps its private half to itself. */
function isUsable(jwk: unknown): jwk is UsableKey {
  if (typeof jwk !== 'object' || jwk === null || Array.isArray(jwk)) return false
  const { kid, alg, kty, crv, x, use, key_ops: ops } = jwk as Readonly<Record<string, unknown>>
  if (typeof kid !== 'string' || kid === '' || kid.length > 256 || typeof x !== 'string') return false
  if (alg !== 'EdDSA' && alg !== 'ES256') return false
  if (kty !== KINDS[alg].kty || crv !== KINDS[alg].crv) return false
  if (use !== undefined && use !== 'sig') return false
  if (ops !== undefined && !(Array.isArray(ops) && ops.length === 1 && ops[0] === 'verify')) return false
  return !PRIVATE.some((member) => Object.hasOwn(jwk, member))
}

/** RFC 7518 §6.2.2, §6.3.2, §6.4.1. */
const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'] as const

/** Only what makes the key: nothing else of what was published has a say. */
async function importPublic(given: PublicKey): Promise<SignerKey> {
  const { kty, crv, x, y, d } = given as JWK
  if (d !== undefined) throw new TypeError('A private key is no public key.')
  const jwk = { kty, crv, x, ...(y === undefined ? {} : { y }) } as JWK
  return { alg: given.alg, key: (await importJWK(jwk, given.alg)) as CryptoKey }
}
