import { exportJWK, generateKeyPair, type JWK } from 'jose'

export interface TestKey {
  readonly privateJwk: JWK
  readonly publicJwk: JWK
}

export async function makeKey(alg: 'EdDSA' | 'ES256', kid = 'k1'): Promise<TestKey> {
  const pair = await generateKeyPair(alg, { extractable: true })
  const names = { kid, alg }
  return {
    privateJwk: { ...(await exportJWK(pair.privateKey)), ...names },
    publicJwk: { ...(await exportJWK(pair.publicKey)), ...names },
  }
}
