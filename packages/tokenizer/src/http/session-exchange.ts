import { createHash } from 'node:crypto'
import { LIMITS, parseSessionId } from '@lunadefend/contract'
import { challengeExpiry, type Needs, type VerifiedAssertion } from '@lunadefend/core'
import { calculateJwkThumbprint, compactVerify, decodeProtectedHeader, importJWK, type JWK } from 'jose'
import type { App, Apps } from './apps.ts'
import { isRecent, type SignedToken, verifySignedToken } from './signed-token.ts'

const ASSERTION_TYPE = 'lunadefend-session+jwt'
const PROOF_TYPE = 'lunadefend-proof+jwt'
const MAX_LIFE_SECONDS = 60

type ExchangeNeeds = Pick<Needs, 'database' | 'keys' | 'clock'>

/** A session that may be opened, and the app whose cookie it gets. */
export interface Exchange {
  readonly app: App
  readonly verified: VerifiedAssertion
}

/**
 * Checks the assertion of the app and the proof of the frame, in this order: size, headers, the assertion's signature
 * and claims, the challenge, the proof's signature, that each names the other, the origins. `null` on any failure:
 * all failures look alike.
 */
export async function verifyExchange(
  needs: ExchangeNeeds,
  apps: Apps,
  audience: string,
  { assertion, proof }: { readonly assertion: string; readonly proof: string },
): Promise<Exchange | null> {
  if (assertion.length > LIMITS.jwtCharacters || proof.length > LIMITS.jwtCharacters) return null
  const nowSeconds = needs.clock.now() / 1000
  const expected = { audience, type: ASSERTION_TYPE, maxLifeSeconds: MAX_LIFE_SECONDS, nowSeconds }
  const token = await verifySignedToken(apps, assertion, expected)
  const said = token && readAssertion(token)
  if (!token || !said) return null
  const challengeExpiresAt = challengeExpiry(needs, token.signer.id, said.challenge)
  if (challengeExpiresAt === null) return null
  const shown = await verifyProof(proof)
  if (shown === null || !proofMatches(shown, said, assertion, audience, nowSeconds)) return null
  if (!token.signer.origins.includes(said.origin)) return null
  const { sid, subject, roles, challenge, authenticatedAt } = said
  const issuedAt = token.claims.iat
  const about = { app: token.signer.id, sid, subject, roles }
  return {
    app: token.signer,
    verified: { ...about, issuedAt, authenticatedAt, challenge, challengeExpiresAt },
  }
}

interface Assertion
  extends Pick<VerifiedAssertion, 'sid' | 'subject' | 'roles' | 'challenge' | 'authenticatedAt'> {
  readonly origin: string
  readonly thumbprint: string
}

function readAssertion({ claims }: SignedToken<App>): Assertion | null {
  const said = claims as Record<string, unknown>
  const { sub, sid: sidText, roles = [], nonce, origin, cnf, jti, auth_time: authTime = null } = said
  const sid = typeof sidText === 'string' ? parseSessionId(sidText) : null
  const thumbprint = typeof cnf === 'object' && cnf !== null ? (cnf as Record<string, unknown>)['jkt'] : null
  const texts = [nonce, origin, thumbprint, jti].every((text) => typeof text === 'string' && text !== '')
  if (sid === null || !texts || !(sub === undefined || isSubject(sub)) || !areRoles(roles)) return null
  if (!(authTime === null || isPast(authTime, claims.iat))) return null
  return {
    sid,
    subject: sub ?? '',
    roles,
    authenticatedAt: authTime,
    challenge: nonce as string,
    origin: origin as string,
    thumbprint: thumbprint as string,
  }
}

/** A user may be called anything but the names of the other roles. */
function isSubject(sub: unknown): sub is string {
  return typeof sub === 'string' && sub.length <= 256 && sub !== 'application' && sub !== 'operator'
}

/** `auth_time` of OpenID Connect Core, section 2: seconds, and nobody has logged in after the assertion was made. */
function isPast(authTime: unknown, issuedAt: number): authTime is number {
  return typeof authTime === 'number' && authTime >= 0 && authTime <= issuedAt
}

/** What policies may ask for: up to 32 names of up to 64 characters. */
function areRoles(roles: unknown): roles is string[] {
  if (!Array.isArray(roles) || roles.length > 32) return false
  return roles.every((role) => typeof role === 'string' && role.length >= 1 && role.length <= 64)
}

interface Proof {
  readonly thumbprint: string
  readonly claims: Readonly<Record<string, unknown>>
}

/** A JWS that the frame's own key signed; the key comes along (as in RFC 9449 §4.2). */
async function verifyProof(proof: string): Promise<Proof | null> {
  try {
    const { alg, typ, jwk, ...rest } = decodeProtectedHeader(proof)
    if (alg !== 'ES256' || typ !== PROOF_TYPE || !isPublicP256(jwk) || Object.keys(rest).length > 0)
      return null
    const { payload } = await compactVerify(proof, await importJWK(jwk, 'ES256'), { algorithms: ['ES256'] })
    const claims: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload))
    if (typeof claims !== 'object' || claims === null) return null
    return { thumbprint: await calculateJwkThumbprint(jwk), claims: { ...claims } }
  } catch {
    return null
  }
}

/** Exactly the public members: a private key is no proof of having kept one. */
function isPublicP256(jwk: JWK | undefined): jwk is JWK {
  if (jwk === undefined || jwk.kty !== 'EC' || jwk.crv !== 'P-256') return false
  return Object.keys(jwk).every((name) => ['kty', 'crv', 'x', 'y'].includes(name))
}

function proofMatches(
  proof: Proof,
  said: Assertion,
  assertion: string,
  audience: string,
  nowSeconds: number,
): boolean {
  const { claims } = proof
  return (
    proof.thumbprint === said.thumbprint &&
    claims['ath'] === createHash('sha256').update(assertion).digest('base64url') &&
    claims['nonce'] === said.challenge &&
    claims['aud'] === audience &&
    isRecent(claims['iat'], nowSeconds) &&
    claims['origin'] === said.origin
  )
}
