import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import type { JWK } from 'jose'
import { LunaDefendClientError } from './client-error.ts'

/** The kinds of key that an application can sign with (RFC 8037, RFC 7518 §3.4), and what their JWK must say. */
const ALGORITHMS = {
  EdDSA: { kty: 'OKP', crv: 'Ed25519', coordinates: ['x'] },
  ES256: { kty: 'EC', crv: 'P-256', coordinates: ['x', 'y'] },
} as const
export type SigningAlgorithm = keyof typeof ALGORITHMS

/** An application's private key, and the half of it that everybody may see. */
export interface SigningKey {
  readonly alg: SigningAlgorithm
  readonly kid: string
  readonly privateKey: KeyObject
  readonly publicJwk: JWK
}

/** RFC 8037 §2, RFC 7518 §6.2.2.1: 32 bytes for both. */
const SECRET = /^[A-Za-z0-9_-]{43}$/

type Members = Readonly<Record<string, unknown>>

/**
 * Reads and checks a private JWK (RFC 7517), given as an object or as JSON text.
 * No error repeats what was given, and none carries the error of a parser, which would.
 */
export function readSigningKey(given: unknown): SigningKey {
  const members = readMembers(given)
  const alg = readAlgorithm(members)
  const kid = members['kid']
  if (typeof kid !== 'string' || kid.length === 0 || kid.length > 256) {
    throw flaw(
      '`kid` must be a text of 1 to 256 characters: the name under which the Tokenizer knows the key.',
    )
  }
  checkUse(members)
  const privateKey = importPrivate(members, alg)
  return { alg, kid, privateKey, publicJwk: publicPart(members, alg, kid, privateKey) }
}

function readMembers(given: unknown): Members {
  const value = typeof given === 'string' ? parseJson(given) : given
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw flaw('`signingKey` must be a private JWK, as an object or as JSON text.')
  }
  // A copy: what was checked is what is used.
  return { ...value }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw flaw('`signingKey` is a text but not JSON. Give the content of the key file, not its path.')
  }
}

function readAlgorithm(members: Members): SigningAlgorithm {
  const alg = members['alg']
  if (typeof alg !== 'string' || !Object.hasOwn(ALGORITHMS, alg)) throw flaw('`alg` must be EdDSA or ES256.')
  const row = ALGORITHMS[alg as SigningAlgorithm]
  if (members['kty'] !== row.kty || members['crv'] !== row.crv) {
    throw flaw(`with \`alg\` ${alg}, \`kty\` must be ${row.kty} and \`crv\` must be ${row.crv}.`)
  }
  const secret = members['d']
  if (typeof secret !== 'string')
    throw flaw('`d` is missing: this is a public key, the private one is needed.')
  // OpenSSL leaves an error behind for a longer one, and WebCrypto's next success ends the process then (Node 24).
  if (!SECRET.test(secret)) throw flaw('`d` must be 32 bytes in base64url.')
  return alg as SigningAlgorithm
}

function checkUse(members: Members): void {
  if (members['use'] !== undefined && members['use'] !== 'sig') throw flaw('`use` must be sig, or absent.')
  const operations = members['key_ops']
  if (operations === undefined) return
  if (!Array.isArray(operations) || !operations.includes('sign'))
    throw flaw('`key_ops` must name sign, or be absent.')
}

function importPrivate(members: Members, alg: SigningAlgorithm): KeyObject {
  const { kty, crv, coordinates } = ALGORITHMS[alg]
  const jwk: Record<string, unknown> = { kty, crv, d: members['d'] }
  for (const name of coordinates) jwk[name] = members[name]
  try {
    return createPrivateKey({ key: jwk, format: 'jwk' })
  } catch {
    throw flaw(`\`d\` and \`${coordinates.join('`, `')}\` are not a ${crv} key in base64url.`)
  }
}

/** Made from the private half, and equal to what the JWK says: a mixed-up file would only show at the first login. */
function publicPart(members: Members, alg: SigningAlgorithm, kid: string, privateKey: KeyObject): JWK {
  const { kty, crv, coordinates } = ALGORITHMS[alg]
  const derived = createPublicKey(privateKey).export({ format: 'jwk' })
  if (coordinates.some((name) => derived[name] !== members[name])) {
    throw flaw('its public and its private half do not belong together.')
  }
  const half = Object.fromEntries(coordinates.map((name) => [name, derived[name]]))
  return { kty, crv, ...half, kid, alg, use: 'sig' }
}

function flaw(detail: string): LunaDefendClientError {
  return new LunaDefendClientError('invalid_signing_key', `Signing key: ${detail}`)
}
