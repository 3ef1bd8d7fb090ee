import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort, type LunaDefend as Service, startLunaDefend } from '../../testing/src/index.ts'
import { LunaDefend } from '../src/index.ts'
import { tokenNumber } from './stand-in.ts'

let directory: string
let service: Service
let client: LunaDefend
let site: Server
let origin: string
let logins = 0
const code = (code: string) => expect.objectContaining({ name: 'LunaDefendClientError', code })
/** A login of its own for each test. */
const newSid = () => client.sid(`login-${++logins}`)

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'node-sdk-'))
  const port = await freePort()
  origin = `http://localhost:${port}`
  service = await startLunaDefend({ directory, apps: [{ id: 'shop', origins: [origin] }] })
  const { tokenizerUrl } = service
  client = new LunaDefend({ tokenizerUrl, app: 'shop', signingKey: service.signingKey('shop') })
  const router = client.router({
    pinning: 'off',
    session: () => ({ id: 'login-of-the-page', subject: 'user-1' }),
  })
  site = createServer((req, res) => router(req, res, () => res.end())).listen(port, '127.0.0.1')
  await once(site, 'listening')
})

afterAll(async () => {
  site.closeAllConnections()
  site.close()
  await service.close()
  await rm(directory, { recursive: true })
})

describe('with the real Tokenizer and the real object store', () => {
  test.each(['0', 'false', '0.10', '9007199254740993', '"quoted"', '😀', '\ufeffx', 'ش', ''])(
    'a value comes back as it went in: %j',
    async (value) => {
      const sid = newSid()
      const token = await client.tokenize(sid, value, { metadata: { kind: 'test' } })
      await client.grants.verify(sid, token)
      await client.grants.create(sid, token)
      expect(await client.detokenizeText(sid, token)).toBe(value)
    },
  )

  test('a text of 8 KiB comes back as it went in', async () => {
    const sid = newSid()
    const token = await client.tokenize(sid, 'é'.repeat(4096))
    await client.grants.create(sid, token)
    expect(await client.detokenizeText(sid, token)).toBe('é'.repeat(4096))
  })

  test('who has made a token may store it, and no other session', async () => {
    const [mine, theirs] = [newSid(), newSid()]
    const token = await client.tokenize(mine, 'x')
    await client.grants.create(theirs, token)
    await client.grants.verify(mine, { ssn: token })
    await expect(client.grants.verify(theirs, { ssn: token })).rejects.toEqual(code('not_granted'))
    await client.grants.verify(theirs, { ssn: token }, { stored: { ssn: token } })
  })

  test('who has made a token may not read it without a grant; a grant ends with its uses and when it is revoked', async () => {
    const sid = newSid()
    const token = await client.tokenize(sid, 'x')
    const read = () => client.detokenizeText(sid, token)
    await expect(read()).rejects.toMatchObject({
      code: 'access_denied',
      status: 403,
      requestId: expect.any(String),
    })
    await client.grants.create(sid, token, { maxUses: 1 })
    expect(await read()).toBe('x')
    await expect(read()).rejects.toEqual(code('access_denied'))
    await client.grants.create(sid, [token, token], { ttl: '1m', purpose: 'test' })
    expect(await read()).toBe('x')
    expect(await client.grants.revoke({ sid, tokens: token })).toBeGreaterThan(0)
    await expect(read()).rejects.toEqual(code('access_denied'))
  })

  test('an unknown token gets no grant, alone or among others, and then none of them does', async () => {
    const sid = newSid()
    const token = await client.tokenize(sid, 'x')
    await expect(client.grants.create(sid, tokenNumber(1))).rejects.toEqual(code('access_denied'))
    await expect(client.grants.create(sid, [token, tokenNumber(1)])).rejects.toEqual(code('access_denied'))
    await expect(client.detokenize(sid, token)).rejects.toEqual(code('access_denied'))
    await expect(client.grants.verify(sid, [token, tokenNumber(1)])).rejects.toEqual(code('not_granted'))
  })

  test.each([[0], [-5], ['25h'], ['soon']])('the ttl %j is refused in words', async (ttl) => {
    const sid = newSid()
    const token = await client.tokenize(sid, 'x')
    const refused = client.grants.create(sid, token, { ttl })
    await expect(refused).rejects.toMatchObject({ code: 'invalid_request', status: 400 })
    await expect(refused).rejects.toThrow('ttl')
  })

  test('more than 1,000 tokens go in parts', async () => {
    const sid = newSid()
    const many = Array.from({ length: 1001 }, (_, n) => tokenNumber(n))
    await expect(client.grants.verify(sid, many)).rejects.toEqual(code('not_granted'))
    expect(await client.grants.revoke({ sid, tokens: many })).toBe(0)
  })

  test('sessions.revoke takes all grants of the session with it', async () => {
    const sid = newSid()
    const token = await client.tokenize(sid, 'x')
    await client.grants.create(sid, token)
    await client.sessions.revoke(sid)
    await expect(client.detokenize(sid, token)).rejects.toEqual(code('access_denied'))
    await expect(client.grants.verify(sid, token)).rejects.toEqual(code('not_granted'))
  })

  test('after tokens.delete the value is gone for everybody', async () => {
    const sid = newSid()
    const token = await client.tokenize(sid, 'x')
    await client.grants.create(sid, token)
    await client.tokens.delete(token)
    await expect(client.detokenize(sid, token)).rejects.toEqual(code('access_denied'))
    await expect(client.grants.create(sid, token)).rejects.toEqual(code('access_denied'))
  })

  test('another application’s key is worth nothing here', async () => {
    const { privateKey } = await generateKeyPair('EdDSA', { extractable: true })
    const { kid } = service.signingKey('shop')
    const signingKey = { ...(await exportJWK(privateKey)), alg: 'EdDSA', kid }
    const thief = new LunaDefend({ tokenizerUrl: service.tokenizerUrl, app: 'shop', signingKey })
    await expect(thief.grants.create('x', tokenNumber(1))).rejects.toMatchObject({
      code: 'unauthenticated',
      status: 401,
    })
  })

  test('the object store down, the Tokenizer down: an error each, and it works again afterwards', async () => {
    const sid = newSid()
    await service.objects.stop()
    await expect(client.tokenize(sid, 'x')).rejects.toEqual(code('store_unreachable'))
    await service.objects.start()
    await service.tokenizer.stop()
    await expect(client.tokenize(sid, 'x')).rejects.toEqual(code('tokenizer_unreachable'))
    await service.tokenizer.start()
    const token = await client.tokenize(sid, 'x')
    await client.grants.verify(sid, token)
  })
})

describe('the assertion of the router', () => {
  test('opens a session, once, for the key that it names', async () => {
    const frame = await makeFrame()
    const { challenge } = await post<{ challenge: string }>('/session/challenge', { app: 'shop' })
    const assertion = await askSite(await calculateJwkThumbprint(frame.publicJwk), challenge)
    const body = { assertion, proof: await frame.prove(assertion, challenge), keep: 'memory' }
    const opened = await post<{ sessionHash: string; accessToken: string }>('/session', body)
    expect(opened.accessToken).toEqual(expect.any(String))
    await expect(post('/session', body)).rejects.toThrow('unauthenticated')
  })

  test('is worth nothing with the proof of another key', async () => {
    const [frame, thief] = [await makeFrame(), await makeFrame()]
    const { challenge } = await post<{ challenge: string }>('/session/challenge', { app: 'shop' })
    const assertion = await askSite(await calculateJwkThumbprint(frame.publicJwk), challenge)
    const proof = await thief.prove(assertion, challenge)
    await expect(post('/session', { assertion, proof, keep: 'memory' })).rejects.toThrow('unauthenticated')
  })

  test('is worth nothing once the session was revoked', async () => {
    const frame = await makeFrame()
    const { challenge } = await post<{ challenge: string }>('/session/challenge', { app: 'shop' })
    const assertion = await askSite(await calculateJwkThumbprint(frame.publicJwk), challenge)
    await client.sessions.revoke(client.sid('login-of-the-page'))
    const proof = await frame.prove(assertion, challenge)
    await expect(post('/session', { assertion, proof, keep: 'memory' })).rejects.toThrow('unauthenticated')
  })
})

/** The part of a secure frame that opens sessions. */
async function makeFrame() {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const { kty, crv, x, y } = await exportJWK(publicKey)
  const publicJwk = { kty, crv, x, y } as JWK
  const prove = (assertion: string, nonce: string) =>
    new SignJWT({
      aud: service.tokenizerUrl,
      iat: Math.floor(Date.now() / 1000),
      nonce,
      ath: createHash('sha256').update(assertion).digest('base64url'),
      origin,
    })
      .setProtectedHeader({ typ: 'lunadefend-proof+jwt', alg: 'ES256', jwk: publicJwk })
      .sign(privateKey)
  return { publicJwk, prove }
}

async function askSite(thumbprint: string, challenge: string): Promise<string> {
  const answer = await fetch(`${origin}/.lunadefend/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin', origin },
    body: JSON.stringify({ thumbprint, challenge }),
  })
  return ((await answer.json()) as { assertion: string }).assertion
}

/** A call of the frame. Throws the code of a refusal. */
async function post<T>(path: string, body: object): Promise<T> {
  const answer = await fetch(service.tokenizerUrl + path, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      origin: service.tokenizerUrl,
      'sec-fetch-site': 'same-origin',
    },
    body: JSON.stringify(body),
  })
  const envelope = (await answer.json()) as { success: boolean; data: T; error: { code: string } }
  if (!envelope.success) throw new Error(envelope.error.code)
  return envelope.data
}

test('the kill switch stops what is named, and lifts what this application has set', async () => {
  const sid = client.sid('a login that is stopped')
  const token = await client.tokenize(sid, 'x')
  await client.grants.create(sid, token)
  for (const target of [{ token }, { sid }, 'app'] as const) {
    const blockId = await client.blocks.set(target, { ttl: '1h', reason: 'fraud' })
    await expect(client.detokenizeText(sid, token)).rejects.toMatchObject({ code: 'access_denied' })
    const [block] = await client.blocks.list()
    expect(block).toMatchObject({ blockId, reason: 'fraud' })
    expect(block?.until?.getTime()).toBeGreaterThan(Date.now())
    expect(await client.blocks.lift(target === 'app' ? { blockId } : target)).toBe(1)
    expect(await client.detokenizeText(sid, token)).toBe('x')
  }
})
