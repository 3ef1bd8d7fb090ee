import { compactVerify, decodeJwt, decodeProtectedHeader, type JWTPayload } from 'jose'
import type { Signer } from './apps.ts'

/** A clock may be off by this much, in seconds, on either side. */
const SKEW_SECONDS = 30

/** A JWT whose signature, issuer, audience and times are right. */
export interface SignedToken<S extends Signer> {
  readonly signer: S
  readonly claims: JWTPayload & { readonly iat: number; readonly exp: number }
  /** Whether its key is still one of the signer's. */
  isBelieved(): Promise<boolean>
}

/** What is expected of a JWT (RFC 7519, RFC 8725). Times in seconds. */
export interface Expectation {
  readonly audience: string
  /** `null`: `JWT` or absent. Another type of token can so never pass for this one. */
  readonly type: string | null
  readonly maxLifeSeconds: number
  readonly nowSeconds: number
}

/** The token, verified with a key of the signer that it names; `null` when anything at all is not as expected. */
export async function verifySignedToken<S extends Signer>(
  signers: ReadonlyMap<string, S>,
  jwt: string,
  expected: Expectation,
): Promise<SignedToken<S> | null> {
  try {
    const header = decodeProtectedHeader(jwt)
    if (!headerAllowed(header, expected.type)) return null
    const signer = signers.get(String(decodeJwt(jwt).iss))
    // The algorithm belongs to the key; what the token says of it only has to agree.
    const kid = String(header.kid)
    const key = await signer?.keys.find(kid)
    if (signer === undefined || !key || header.alg !== key.alg) return null
    const { payload } = await compactVerify(jwt, key.key, { algorithms: [key.alg] })
    const claims: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload))
    if (!claimsAllowed(claims, signer, expected)) return null
    return { signer, claims, isBelieved: async () => (await signer.keys.find(kid)) === key }
  } catch {
    return null
  }
}

/** Only these members: no `jku`, `jwk`, `x5u`, `crit` or whatever else could choose a key. */
function headerAllowed(header: Readonly<Record<string, unknown>>, type: string | null): boolean {
  const known = Object.keys(header).every((name) => name === 'alg' || name === 'kid' || name === 'typ')
  return (
    known && (type === null ? header['typ'] === undefined || header['typ'] === 'JWT' : header['typ'] === type)
  )
}

function claimsAllowed(
  claims: unknown,
  signer: Signer,
  expected: Expectation,
): claims is SignedToken<Signer>['claims'] {
  if (typeof claims !== 'object' || claims === null) return false
  const { iss, aud, iat, exp, nbf } = claims as Record<string, unknown>
  if (iss !== signer.id || aud !== expected.audience) return false
  if (!isSeconds(iat) || !isSeconds(exp) || exp <= iat || exp > iat + expected.maxLifeSeconds) return false
  if (nbf !== undefined && !(isSeconds(nbf) && nbf <= expected.nowSeconds + SKEW_SECONDS)) return false
  return iat <= expected.nowSeconds + SKEW_SECONDS && exp > expected.nowSeconds - SKEW_SECONDS
}

function isSeconds(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}

/** Whether a proof that was made now, more or less. */
export function isRecent(iat: unknown, nowSeconds: number): boolean {
  return isSeconds(iat) && Math.abs(nowSeconds - iat) <= 60 + SKEW_SECONDS
}
