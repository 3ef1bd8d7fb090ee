import { createHash, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { type AppId, LIMITS, type OperatorId } from '@lunadefend/contract'
import { challengeExpiry, issueChallenge, type Needs } from '@lunadefend/core'
import fc from 'fast-check'
import { calculateJwkThumbprint, type JWK } from 'jose'
import { expect } from 'vitest'
import { newKeyRing } from '../../packages/core/src/crypto/key-ring.ts'
import { LunaDefendClientError } from '../../packages/node-sdk/src/client-error.ts'
import { readSigningKey } from '../../packages/node-sdk/src/signing-key.ts'
import type { Apps } from '../../packages/tokenizer/src/http/apps.ts'
import { fixedKeySet, remoteKeySet } from '../../packages/tokenizer/src/http/key-set.ts'
import { ServerTokens } from '../../packages/tokenizer/src/http/server-token.ts'
import { verifyExchange } from '../../packages/tokenizer/src/http/session-exchange.ts'
import { type Target, target } from './guard.ts'
import { hostileJson, hostileJsonText, hostileText } from './hostile.ts'

const NOW = Date.now()
const SECONDS = Math.floor(NOW / 1000)
const AUDIENCE = 'https://tokens.example'
const ORIGIN = 'https://shop.example'
const clock = { now: () => NOW }

const ofApp = generateKeyPairSync('ed25519')
const ofOperator = generateKeyPairSync('ed25519')
const ofFrame = generateKeyPairSync('ec', { namedCurve: 'P-256' })
type Pair = Pick<typeof ofApp, 'privateKey' | 'publicKey'>
const jwkOf = ({ publicKey }: Pair) => publicKey.export({ format: 'jwk' }) as JWK
const keysOf = (pair: Pair) => fixedKeySet([{ ...jwkOf(pair), kid: 'k', alg: 'EdDSA' }])
const apps: Apps = new Map([
  ['shop', { id: 'shop' as AppId, origins: [ORIGIN], keys: await keysOf(ofApp), cookies: 'strict' }],
])
const operators = new Map([['ops', { id: 'ops' as OperatorId, keys: await keysOf(ofOperator) }]])
const tokens = new ServerTokens(apps, operators, AUDIENCE, clock)

const part = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
/** Signed as it should be, whatever it says. */
function signed(pair: Pair, header: unknown, claims: unknown): string {
  const text = `${part(header)}.${part(claims)}`
  const key =
    pair.privateKey.asymmetricKeyType === 'ec'
      ? ({ key: pair.privateKey, dsaEncoding: 'ieee-p1363' } as const)
      : pair.privateKey
  return `${text}.${sign(pair === ofFrame ? 'sha256' : null, Buffer.from(text), key).toString('base64url')}`
}

const serverClaims = (iss: string, sub: string) =>
  fc.constant({ iss, sub, aud: AUDIENCE, iat: SECONDS, exp: SECONDS + 300 })
const header = fc.constant({ typ: 'JWT', alg: 'EdDSA', kid: 'k' })
const serverToken = fc.oneof(
  fc.tuple(hostileJson(header), serverClaims('shop', 'application')).map(([h, c]) => signed(ofApp, h, c)),
  fc
    .tuple(header, hostileJsonText(serverClaims('shop', 'application'), 4_000))
    .map(([h, c]) => signed(ofApp, h, c)),
  fc.tuple(header, hostileJson(serverClaims('ops', 'operator'))).map(([h, c]) => signed(ofOperator, h, c)),
)

const needs = { keys: { ring: newKeyRing(NOW) }, clock } as unknown as Needs
const { challenge } = issueChallenge(needs, 'shop' as AppId)
const { kty, crv, x, y } = jwkOf(ofFrame) as Required<JWK>
const jwk = { kty, crv, x, y }
const jkt = await calculateJwkThumbprint(jwk)

const assertionHeader = fc.constant({ typ: 'lunadefend-session+jwt', alg: 'EdDSA', kid: 'k' })
const assertionClaims = fc.constant({
  ...{ iss: 'shop', aud: AUDIENCE, sub: 'alice', sid: 'sid', roles: ['support'], jti: 'j', nonce: challenge },
  ...{ iat: SECONDS, exp: SECONDS + 60, origin: ORIGIN, cnf: { jkt } },
})
const proofHeader = fc.constant({ typ: 'lunadefend-proof+jwt', alg: 'ES256', jwk })
const ath = (assertion: string) => createHash('sha256').update(assertion).digest('base64url')
const proofClaims = (assertion: string) =>
  fc.constant({ aud: AUDIENCE, iat: SECONDS, nonce: challenge, ath: ath(assertion), origin: ORIGIN })

/** One of the four parts is bent; all are signed by whom they should be. */
const exchange = fc
  .oneof(
    fc.record({ head: hostileJson(assertionHeader), claims: assertionClaims }),
    fc.record({ head: assertionHeader, claims: hostileJson(assertionClaims) }),
    fc.record({ head: assertionHeader, claims: assertionClaims }),
  )
  .map(({ head, claims }) => signed(ofApp, head, claims))
  .chain((assertion) =>
    fc
      .oneof(
        fc.tuple(hostileJson(proofHeader), proofClaims(assertion)),
        fc.tuple(proofHeader, hostileJson(proofClaims(assertion))),
        fc.tuple(proofHeader, hostileJsonText(proofClaims(assertion), 2_000)),
      )
      .map(([head, claims]) => ({ assertion, proof: signed(ofFrame, head, claims) })),
  )
const garbled = fc.record({
  assertion: hostileText(
    assertionClaims.map((claims) => signed(ofApp, {}, claims)),
    LIMITS.jwtCharacters,
  ),
  proof: hostileText(
    proofHeader.map((head) => signed(ofFrame, head, {})),
    LIMITS.jwtCharacters,
  ),
})

const publicKey = fc.constantFrom(
  { ...jwkOf(ofApp), kid: 'a', alg: 'EdDSA', use: 'sig' },
  { ...jwk, kid: 'b', alg: 'ES256', key_ops: ['verify'] },
)
const keySet = fc.array(publicKey, { maxLength: 3 }).map((keys) => ({ keys }))
const privateJwk = fc.constantFrom(
  { ...ofApp.privateKey.export({ format: 'jwk' }), kid: 'a', alg: 'EdDSA' },
  { ...ofFrame.privateKey.export({ format: 'jwk' }), kid: 'b', alg: 'ES256' },
)

/** Everything that is signed, and the keys that sign it. */
export const TOKENS: readonly Target[] = [
  target({
    reads: 'tokens of servers, well signed',
    file: 'tokenizer/http/server-token.ts',
    cases: serverToken,
    check: async (jwt) => {
      const actor = await tokens.read(jwt)
      if (actor !== null) expect(['application', 'operator']).toContain(actor.kind)
    },
  }),
  target({
    reads: 'tokens of servers, garbled',
    file: 'tokenizer/http/signed-token.ts',
    cases: hostileText(serverToken, 16_384),
    check: (jwt) => tokens.read(jwt),
    runs: 10_000,
  }),
  target({
    reads: 'assertions and proofs, well signed',
    file: 'tokenizer/http/session-exchange.ts',
    cases: exchange,
    check: async (body) => {
      const opened = await verifyExchange(needs, apps, AUDIENCE, body)
      if (opened !== null) expect(opened.verified).toMatchObject({ app: 'shop', challenge })
    },
  }),
  target({
    reads: 'assertions and proofs, garbled',
    file: 'tokenizer/http/session-exchange.ts',
    cases: garbled,
    check: async (body) => expect(await verifyExchange(needs, apps, AUDIENCE, body)).toBeNull(),
  }),
  target({
    reads: 'challenges',
    file: 'core/crypto/challenge.ts',
    cases: hostileText(fc.constant(challenge), 4_096),
    check: (text) => {
      if (challengeExpiry(needs, 'shop' as AppId, text) !== null) expect(text).toBe(challenge)
    },
  }),
  target({
    reads: 'the key set that an app publishes',
    file: 'tokenizer/http/key-set.ts',
    cases: hostileJson(keySet),
    check: async (json) => {
      const keys = remoteKeySet({ fetch: async () => json, clock, isForeign: () => false, tell: () => {} })
      for (const kid of ['a', 'b', '__proto__']) {
        const found = await keys.find(kid)
        if (found !== null) expect(found.key.type).toBe('public')
      }
    },
  }),
  target({
    reads: "an app's signing key, in its own settings",
    file: 'node-sdk/signing-key.ts',
    cases: fc.oneof(hostileJson(privateJwk), hostileJsonText(privateJwk)),
    check: (given) => {
      const { publicJwk } = readSigningKey(given)
      expect(publicJwk).not.toHaveProperty('d')
      expect(createPublicKey({ key: publicJwk as never, format: 'jwk' }).type).toBe('public')
    },
    refuses: (error) => error instanceof LunaDefendClientError,
    runs: 2_000,
  }),
]
