import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { LunaDefend } from '@lunadefend/node-sdk'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Installation, install, ORIGIN } from '../harness/installation.ts'

/*
 * What docs/threat-model.md says is *not* held back; what a writer to the database can do is in
 * tests/attacks/database-writer.test.ts. When one of these fails, something has become better: then the
 * document, SECURITY.md and this file say so.
 */

let on: Installation
beforeAll(async () => {
  on = await install()
})
afterAll(() => on[Symbol.asyncDispose]())

test('script on the page can have a key of its own signed, and reads elsewhere what the session may read', async () => {
  const login = 'the login of the victim'
  const signingKey = on.lunaDefend.signingKey('acme')
  const lunadefend = new LunaDefend({ tokenizerUrl: on.wire.url, app: 'acme', signingKey })
  const sid = lunadefend.sid(login)
  const token = await on.protect(await on.logIn(sid), '078-05-1120')
  await on.grant(sid, token)
  const router = lunadefend.router({ pinning: 'off', origins: [ORIGIN], session: () => ({ id: login }) })
  await using site = createServer((req, res) => router(req, res, () => res.end())).listen(0, '127.0.0.1')
  await once(site, 'listening')

  // The thief, outside of the browser, makes a key; the script on the page has it signed, with the victim's cookie.
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const jwk = await exportJWK(publicKey)
  const { challenge } = (await on.wire.call('/session/challenge', { body: { app: 'acme' } })).body.data
  const signed = await fetch(`http://127.0.0.1:${(site.address() as AddressInfo).port}/.lunadefend/session`, {
    method: 'POST',
    headers: { origin: ORIGIN, 'sec-fetch-site': 'same-origin', 'content-type': 'application/json' },
    body: JSON.stringify({ thumbprint: await calculateJwkThumbprint(jwk), challenge }),
  })
  const { assertion } = (await signed.json()) as { assertion: string }
  const ath = createHash('sha256').update(assertion).digest('base64url')
  const iat = Math.floor(Date.now() / 1000)
  const proof = await new SignJWT({ aud: on.wire.url, iat, nonce: challenge, ath, origin: ORIGIN })
    .setProtectedHeader({ typ: 'lunadefend-proof+jwt', alg: 'ES256', jwk })
    .sign(privateKey)
  const opened = await on.wire.call('/session', {
    headers: { 'sec-fetch-site': 'same-origin' },
    body: { assertion, proof, keep: 'memory' },
  })
  const headers = { authorization: `Bearer ${opened.body.data.accessToken}` }
  const answer = await on.wire.call('/detokenize', { headers, body: { tokenId: token } })
  expect(await on.reveal(answer)).toBe('078-05-1120')
})
