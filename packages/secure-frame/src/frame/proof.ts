/** A public P-256 key as a JWK (RFC 7518 §6.2.1) with nothing but what names it. */
export interface PublicJwk {
  readonly crv: string
  readonly kty: string
  readonly x: string
  readonly y: string
}
export interface ProofClaims {
  /** The Tokenizer's public URL. */
  readonly aud: string
  /** Seconds since 1970, by the Tokenizer's clock. */
  readonly iat: number
  /** The challenge. */
  readonly nonce: string
  /** The assertion that this proof belongs to. */
  readonly assertion: string
  /** The page's origin, as the browser told the frame. */
  readonly origin: string
}

const ECDSA = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/** A key that signs and never leaves the browser: `extractable` is false for the private half (WebCrypto §14.3.6). */
export function makeKeyPair(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(ECDSA, false, ['sign', 'verify'])
}

export async function publicJwk({ publicKey }: CryptoKeyPair): Promise<PublicJwk> {
  const { crv = '', kty = '', x = '', y = '' } = await crypto.subtle.exportKey('jwk', publicKey)
  // RFC 7638 §3.2: the required members only, in this order.
  return { crv, kty, x, y }
}

/** JWK thumbprint, RFC 7638 §3: SHA-256 over the members in the order of their names, without white space. */
export function thumbprint(jwk: PublicJwk): Promise<string> {
  return sha256(JSON.stringify(jwk))
}

/** The proof of possession, a compact JWS (RFC 7515 §3.1). WebCrypto's signature is the `R || S` of RFC 7518 §3.4. */
export async function signProof(pair: CryptoKeyPair, jwk: PublicJwk, claims: ProofClaims): Promise<string> {
  const { assertion, ...rest } = claims
  const header = { typ: 'lunadefend-proof+jwt', alg: 'ES256', jwk }
  const payload = { ...rest, ath: await sha256(assertion) }
  const signed = `${base64url(bytesOf(JSON.stringify(header)))}.${base64url(bytesOf(JSON.stringify(payload)))}`
  const signature = await crypto.subtle.sign(ECDSA, pair.privateKey, bytesOf(signed))
  return `${signed}.${base64url(new Uint8Array(signature))}`
}

async function sha256(text: string): Promise<string> {
  return base64url(new Uint8Array(await crypto.subtle.digest('SHA-256', bytesOf(text))))
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text)
}

function base64url(bytes: Uint8Array): string {
  const base64 = btoa(String.fromCharCode(...bytes))
  return base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
