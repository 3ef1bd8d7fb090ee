import { createHash, randomUUID } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose'
import type { Answer, Wire } from './wire.ts'

/** What a user of the API holds after the handshake. */
export interface UserSession {
  readonly sid: string
  readonly sessionHash: string
  readonly cookie: string
  /** What the frame sends with every call. */
  readonly headers: Readonly<Record<string, string>>
}

export interface SigningKey extends JWK {
  readonly kid: string
}

/** Everything that can be bent in a handshake. `undefined` removes a member. */
export interface Bends {
  readonly assertionHeader?: Readonly<Record<string, unknown>>
  readonly assertionClaims?: Readonly<Record<string, unknown>>
  readonly proofHeader?: Readonly<Record<string, unknown>>
  readonly proofClaims?: Readonly<Record<string, unknown>>
  /** Signs the proof in place of the frame's key. */
  readonly proofKey?: CryptoKey
  readonly signingKey?: SigningKey
  readonly challenge?: string
  readonly keep?: 'cookie' | 'memory'
  readonly headers?: Readonly<Record<string, string>>
}

export interface Who {
  readonly app: string
  readonly origin: string
  readonly signingKey: SigningKey
  readonly sid: string
  readonly subject?: string
}

/** The frame's, the page's and the app server's parts of one handshake, played by hand. */
export async function shakeHands(wire: Wire, who: Who, bends: Bends = {}): Promise<Answer> {
  return wire.call('/session', await handshakeRequest(wire, who, bends))
}

export async function handshakeRequest(wire: Wire, who: Who, bends: Bends = {}) {
  const challenge =
    bends.challenge ?? (await wire.call('/session/challenge', { body: { app: who.app } })).body.data.challenge
  const frame = await generateKeyPair('ES256', { extractable: true })
  const { kty, crv, x, y } = (await exportJWK(frame.publicKey)) as Required<JWK>
  const jwk = { kty, crv, x, y }
  const jkt = await calculateJwkThumbprint(jwk)
  const now = Math.floor(Date.now() / 1000)
  const signingKey = bends.signingKey ?? who.signingKey
  const assertion = await sign(
    { typ: 'lunadefend-session+jwt', alg: signingKey.alg, kid: signingKey.kid, ...bends.assertionHeader },
    {
      iss: who.app,
      aud: wire.url,
      sub: who.subject,
      sid: who.sid,
      iat: now,
      exp: now + 60,
      jti: randomUUID(),
      nonce: challenge,
      origin: who.origin,
      cnf: { jkt },
      ...bends.assertionClaims,
    },
    (await importJWK(signingKey, String(signingKey.alg))) as CryptoKey,
  )
  const ath = createHash('sha256').update(assertion).digest('base64url')
  const proof = await sign(
    { typ: 'lunadefend-proof+jwt', alg: 'ES256', jwk, ...bends.proofHeader },
    { aud: wire.url, iat: now, nonce: challenge, ath, origin: who.origin, ...bends.proofClaims },
    bends.proofKey ?? frame.privateKey,
  )
  const body = { assertion, proof, keep: bends.keep ?? 'cookie' }
  return { body, headers: { 'sec-fetch-site': 'same-origin', ...bends.headers } }
}

/** A session, or the test fails. */
export async function logIn(wire: Wire, who: Who): Promise<UserSession> {
  const answer = await shakeHands(wire, who)
  if (answer.status !== 200)
    throw new Error(`The handshake was refused: ${answer.status} ${answer.body.error.code}`)
  const cookie = (answer.headers.get('set-cookie') ?? '').split(';', 1)[0] ?? ''
  const { sessionHash } = answer.body.data
  const headers = { cookie, 'sec-fetch-site': 'same-origin', 'lunasec-session-hash': sessionHash }
  return { sid: who.sid, sessionHash, cookie, headers }
}

/** The header of an operator who signs with this key. */
export function asOperator(
  wire: Wire,
  operator: string,
  signingKey: SigningKey,
  claims: Readonly<Record<string, unknown>> = {},
): Promise<Record<string, string>> {
  return asApplication(wire, operator, signingKey, { sub: 'operator', ...claims })
}

/** The header of an application that signs with this key. */
export async function asApplication(
  wire: Wire,
  app: string,
  signingKey: SigningKey,
  claims: Readonly<Record<string, unknown>> = {},
  header: Readonly<Record<string, unknown>> = {},
): Promise<Record<string, string>> {
  const now = Math.floor(Date.now() / 1000)
  const token = await sign(
    { typ: 'JWT', alg: signingKey.alg, kid: signingKey.kid, ...header },
    { iss: app, aud: wire.url, sub: 'application', iat: now, exp: now + 300, ...claims },
    (await importJWK(signingKey, String(signingKey.alg))) as CryptoKey,
  )
  return { authorization: `Bearer ${token}` }
}

async function sign(
  header: Record<string, unknown>,
  claims: Record<string, unknown>,
  key: CryptoKey,
): Promise<string> {
  const defined = (members: Record<string, unknown>) => JSON.parse(JSON.stringify(members))
  return new SignJWT(defined(claims)).setProtectedHeader(defined(header)).sign(key)
}
