import {
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  type KeyObject,
  sign as signBytes,
} from 'node:crypto'
import { CompactSign, calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  asApplication,
  type Bends,
  handshakeRequest,
  type SigningKey,
  shakeHands,
} from '../harness/handshake.ts'
import { type Installation, install, ORIGIN } from '../harness/installation.ts'

const apps = [
  { id: 'acme', origins: [ORIGIN] },
  { id: 'other', origins: ['http://localhost:3998'] },
]
let on: Installation
beforeAll(async () => {
  on = await install({ apps })
})
afterAll(() => on[Symbol.asyncDispose]())

const now = () => Math.floor(Date.now() / 1000)
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** The answer to a call that only an application may make. */
async function asApp(headers: Record<string, string>): Promise<number> {
  return (await on.wire.call('/grant/revoke', { headers, body: { sessionId: 's' } })).status
}

async function strangersKey(kid: string): Promise<SigningKey> {
  const { privateKey } = await generateKeyPair('EdDSA', { extractable: true })
  return { ...(await exportJWK(privateKey)), kid, alg: 'EdDSA' }
}

describe('application tokens', () => {
  const signed = (claims = {}, header = {}) =>
    asApplication(on.wire, 'acme', on.lunaDefend.signingKey('acme'), claims, header)

  test('an honest one is accepted', async () => expect(await asApp(await signed())).toBe(200))
  test('without the word Bearer too', async () => {
    const { authorization = '' } = await signed()
    expect(await asApp({ authorization: authorization.slice('Bearer '.length) })).toBe(200)
  })

  const bent: [string, object, object][] = [
    ['wrong audience', { aud: 'http://localhost:1' }, {}],
    ['audience with a trailing slash', () => ({ aud: `${on.wire.url}/` }), {}],
    ['audience in a list', () => ({ aud: [on.wire.url] }), {}],
    ['no audience', { aud: undefined }, {}],
    ['unknown issuer', { iss: 'nobody' }, {}],
    ['issuer __proto__', { iss: '__proto__' }, {}],
    ['another app as issuer', { iss: 'other' }, {}],
    ['wrong type', {}, { typ: 'lunadefend-session+jwt' }],
    ['expired', () => ({ iat: now() - 400, exp: now() - 100 }), {}],
    ['no expiry', { exp: undefined }, {}],
    ['a life of more than 300 seconds', () => ({ exp: now() + 3600 }), {}],
    ['issued in the future', () => ({ iat: now() + 120, exp: now() + 200 }), {}],
    ['not yet valid', () => ({ nbf: now() + 120 }), {}],
    ['no issue time', { iat: undefined }, {}],
    ['a user', { sub: 'user-7' }, {}],
    ['an operator', { sub: 'operator' }, {}],
    ['a nonce', { nonce: 'x' }, {}],
    ['a confirmation', { cnf: { jkt: 'x' } }, {}],
    ['a session id that is no text', { sid: 7 }, {}],
    ['an empty session id', { sid: '' }, {}],
    ['jku', {}, { jku: 'http://localhost:1/jwks.json' }],
    ['jwk', {}, { jwk: { kty: 'OKP', crv: 'Ed25519', x: 'AAAA' } }],
    ['x5u', {}, { x5u: 'http://localhost:1/' }],
    ['kid that is unknown', {}, { kid: 'nothing' }],
    ['kid __proto__', {}, { kid: '__proto__' }],
    ['no kid', {}, { kid: undefined }],
  ].map(([name, claims, header]) => [name, claims, header] as [string, object, object])
  test.each(bent)('refused: %s', async (_name, claims, header) => {
    const value = typeof claims === 'function' ? claims() : claims
    expect(await asApp(await signed(value, header))).toBe(401)
  })

  test("refused: another app's kid and key", async () => {
    const other = on.lunaDefend.signingKey('other')
    expect(await asApp(await asApplication(on.wire, 'acme', other))).toBe(401)
  })

  test('refused: a stranger who uses the right kid', async () => {
    const key = await strangersKey(on.lunaDefend.signingKey('acme').kid)
    expect(await asApp(await asApplication(on.wire, 'acme', key))).toBe(401)
  })

  test('refused: alg none', async () => {
    const { kid } = on.lunaDefend.signingKey('acme')
    const claims = part({ iss: 'acme', aud: on.wire.url, sub: 'application', iat: now(), exp: now() + 60 })
    for (const alg of ['none', 'None', 'NONE', '']) {
      expect(await asApp({ authorization: `Bearer ${part({ alg, kid, typ: 'JWT' })}.${claims}.` })).toBe(401)
    }
  })

  test('refused: HS256 with the public key as the secret', async () => {
    const key = on.lunaDefend.signingKey('acme')
    const publicKey: KeyObject = createPublicKey({
      key: { kty: 'OKP', crv: 'Ed25519', x: String(key.x) },
      format: 'jwk',
    })
    const forms = [publicKey.export({ type: 'spki', format: 'pem' }), Buffer.from(String(key.x), 'base64url')]
    for (const secret of forms) {
      const token = await new SignJWT({
        iss: 'acme',
        aud: on.wire.url,
        sub: 'application',
        iat: now(),
        exp: now() + 60,
      })
        .setProtectedHeader({ alg: 'HS256', kid: key.kid })
        .sign(createSecretKey(Buffer.from(secret)))
      expect(await asApp({ authorization: `Bearer ${token}` })).toBe(401)
    }
  })

  test('refused: an algorithm that is not that of the key', async () => {
    const { kid } = on.lunaDefend.signingKey('acme')
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const body = `${part({ alg: 'RS256', kid })}.${part({ iss: 'acme', aud: on.wire.url, sub: 'application', iat: now(), exp: now() + 60 })}`
    const signature = signBytes('sha256', Buffer.from(body), privateKey).toString('base64url')
    expect(await asApp({ authorization: `Bearer ${body}.${signature}` })).toBe(401)
  })

  test('refused: an assertion used as an application token', async () => {
    const { body } = await handshakeRequest(on.wire, on.who('s'))
    expect(await asApp({ authorization: `Bearer ${body.assertion}` })).toBe(401)
  })
})

describe('assertions and proofs', () => {
  const attempt = async (bends: Bends) => (await shakeHands(on.wire, on.who('sid-1'), bends)).status

  test('an honest handshake is accepted, and sets a cookie that script cannot read', async () => {
    const answer = await shakeHands(on.wire, on.who('sid-1'))
    expect(answer.status).toBe(200)
    expect(answer.headers.get('set-cookie')).toMatch(
      /^access_token_acme=[A-Za-z0-9_-]{43}; Path=\/; Max-Age=600; HttpOnly; Secure; SameSite=Strict$/,
    )
    expect(answer.body.data).not.toHaveProperty('accessToken')
  })

  const bent: [string, Bends | (() => Bends | Promise<Bends>)][] = [
    ['wrong type', { assertionHeader: { typ: 'JWT' } }],
    ['no type', { assertionHeader: { typ: undefined } }],
    ['jku in the assertion', { assertionHeader: { jku: 'http://localhost:1' } }],
    ['wrong audience', { assertionClaims: { aud: 'http://localhost:1' } }],
    ['wrong issuer', { assertionClaims: { iss: 'other' } }],
    ['a user called application', { assertionClaims: { sub: 'application' } }],
    ['a user called operator', { assertionClaims: { sub: 'operator' } }],
    ['a user that is a number', { assertionClaims: { sub: 7 } }],
    ['expired', () => ({ assertionClaims: { iat: now() - 120, exp: now() - 60 } })],
    ['a life of more than 60 seconds', () => ({ assertionClaims: { exp: now() + 300 } })],
    ['no session id', { assertionClaims: { sid: undefined } }],
    ['a session id of 257 bytes', { assertionClaims: { sid: 'x'.repeat(257) } }],
    ['no jti', { assertionClaims: { jti: undefined } }],
    ['a challenge that was never issued', { challenge: Buffer.alloc(52, 1).toString('base64url') }],
    [
      'a challenge for another app',
      async () => ({
        challenge: (await on.wire.call('/session/challenge', { body: { app: 'other' } })).body.data.challenge,
      }),
    ],
    [
      'an origin that is not registered',
      { assertionClaims: { origin: 'https://evil.test' }, proofClaims: { origin: 'https://evil.test' } },
    ],
    ['origins that differ', { proofClaims: { origin: 'http://localhost:3998' } }],
    ["another app's key", () => ({ signingKey: on.lunaDefend.signingKey('other') })],
    ['a thumbprint of another key', { assertionClaims: { cnf: { jkt: 'A'.repeat(43) } } }],
    ['no thumbprint', { assertionClaims: { cnf: undefined } }],
    ['a proof by another key', async () => ({ proofKey: (await generateKeyPair('ES256')).privateKey })],
    ['a proof for another assertion', { proofClaims: { ath: Buffer.alloc(32).toString('base64url') } }],
    ['a proof for another challenge', { proofClaims: { nonce: 'x' } }],
    ['a proof for another Tokenizer', { proofClaims: { aud: 'http://localhost:1' } }],
    ['a proof from the future', () => ({ proofClaims: { iat: now() + 300 } })],
    ['a user of 257 characters', { assertionClaims: { sub: 'x'.repeat(257) } }],
    ['an old proof', () => ({ proofClaims: { iat: now() - 300 } })],
    ['a proof of another type', { proofHeader: { typ: 'JWT' } }],
    ['a proof with a kid', { proofHeader: { kid: 'x' } }],
    ['a request from the page', { headers: { 'sec-fetch-site': 'same-site' } }],
    ['a request from another site', { headers: { 'sec-fetch-site': 'cross-site' } }],
  ]
  test.each(bent)('refused: %s', async (_name, bends) => {
    expect(await attempt(typeof bends === 'function' ? await bends() : bends)).toBe(401)
  })

  test.each(['null', '5', '"text"', '[]', '{}', ''])('refused: a proof that says %s', async (payload) => {
    const frame = await generateKeyPair('ES256', { extractable: true })
    const { kty, crv, x, y } = await exportJWK(frame.publicKey)
    const jwk = { kty, crv, x, y } as JWK
    const bends = { assertionClaims: { cnf: { jkt: await calculateJwkThumbprint(jwk) } } }
    const { body, headers } = await handshakeRequest(on.wire, on.who('alice'), bends)
    const proof = await new CompactSign(Buffer.from(payload))
      .setProtectedHeader({ typ: 'lunadefend-proof+jwt', alg: 'ES256', jwk })
      .sign(frame.privateKey)
    expect((await on.wire.call('/session', { body: { ...body, proof }, headers })).status).toBe(401)
  })

  test('refused: a private key in the proof', async () => {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true })
    expect(await attempt({ proofHeader: { jwk: await exportJWK(privateKey) }, proofKey: privateKey })).toBe(
      401,
    )
  })

  test('refused: a replayed challenge, with the same or a new assertion', async () => {
    const request = await handshakeRequest(on.wire, on.who('sid-2'))
    expect((await on.wire.call('/session', request)).status).toBe(200)
    expect((await on.wire.call('/session', request)).status).toBe(401)
    const challenge = (await on.wire.call('/session/challenge', { body: { app: 'acme' } })).body.data
      .challenge
    expect(await attempt({ challenge })).toBe(200)
    expect(await attempt({ challenge })).toBe(401)
  })

  test('of 16 racing exchanges of one challenge exactly one succeeds', async () => {
    const challenge = (await on.wire.call('/session/challenge', { body: { app: 'acme' } })).body.data
      .challenge
    const statuses = await Promise.all(Array.from({ length: 16 }, () => attempt({ challenge })))
    expect(statuses.filter((status) => status === 200)).toHaveLength(1)
  })

  test('kept in memory the token comes in the body, works as Bearer, and sets no cookie', async () => {
    const answer = await shakeHands(on.wire, on.who('sid-3'), { keep: 'memory' })
    expect(answer.headers.get('set-cookie')).toBeNull()
    const headers = { authorization: `Bearer ${answer.body.data.accessToken}` }
    expect((await on.wire.call('/session', { method: 'GET', headers })).status).toBe(200)
  })

  test('a proof over the limit is refused before anything is verified', async () => {
    const { body, headers } = await handshakeRequest(on.wire, on.who('sid-4'))
    const answer = await on.wire.call('/session', { body: { ...body, proof: 'x'.repeat(4097) }, headers })
    expect(answer.status).toBe(400)
  })
})
