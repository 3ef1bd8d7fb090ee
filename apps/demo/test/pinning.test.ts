import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { LunaDefend, type Pinning, pinToSession } from '@lunadefend/node-sdk'
import express, { type Request } from 'express'
import session from 'express-session'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { handshakeRequest } from '../../../tests/harness/handshake.ts'
import { type Installation, install } from '../../../tests/harness/installation.ts'

declare module 'express-session' {
  interface SessionData {
    user: string
  }
}

let on: Installation
const servers: Server[] = []
beforeAll(async () => {
  on = await install()
})
afterAll(async () => {
  for (const server of servers) server.close()
  await on[Symbol.asyncDispose]()
})

/** The app of the victim: real sessions, the real router. */
async function site(pinning: Pinning<Request>): Promise<string> {
  const lunadefend = new LunaDefend({
    tokenizerUrl: on.wire.url,
    app: 'acme',
    signingKey: on.lunaDefend.signingKey('acme'),
  })
  const app = express()
  app.use(session({ secret: 'x', resave: false, saveUninitialized: false }))
  app.use(
    lunadefend.router({
      pinning,
      origins: [on.who('').origin],
      session: (req: Request) => (req.session.user ? { id: req.sessionID, subject: req.session.user } : null),
    }),
  )
  app.post('/login', (req, res) => {
    req.session.regenerate(() => {
      req.session.user = 'alice'
      res.end()
    })
  })
  app.post('/logout', (req, res) => void req.session.destroy(() => res.end()))
  const server = createServer(app).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  servers.push(server)
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function logIn(url: string): Promise<string> {
  const answer = await fetch(`${url}/login`, { method: 'POST' })
  return (answer.headers.get('set-cookie') ?? '').split(';', 1)[0] ?? ''
}

interface Frame {
  readonly pair: CryptoKeyPair
  readonly jwk: JWK
  readonly thumbprint: string
}

async function newFrame(): Promise<Frame> {
  const pair = await generateKeyPair('ES256', { extractable: true })
  const { kty, crv, x, y } = (await exportJWK(pair.publicKey)) as Required<JWK>
  const jwk = { kty, crv, x, y }
  return { pair, jwk, thumbprint: await calculateJwkThumbprint(jwk) }
}

/** What page script can do: ask the app's server, as the victim, for an assertion for any key. */
async function ask(url: string, cookie: string, { thumbprint }: Frame) {
  const { body } = await on.wire.call('/session/challenge', { body: { app: 'acme' } })
  const { challenge } = body.data
  const answer = await fetch(`${url}/.lunadefend/session`, {
    method: 'POST',
    headers: {
      cookie,
      'content-type': 'application/json',
      origin: on.who('').origin,
      'sec-fetch-site': 'same-origin',
    },
    body: JSON.stringify({ thumbprint, challenge }),
  })
  return { status: answer.status, challenge, body: await answer.json() }
}

/** What happens on another machine: a session from the assertion and a key of one's own. */
async function openElsewhere({ pair, jwk }: Frame, asked: Awaited<ReturnType<typeof ask>>) {
  const { assertion } = asked.body
  const { createHash } = await import('node:crypto')
  const ath = createHash('sha256').update(String(assertion)).digest('base64url')
  const made = await handshakeRequest(on.wire, on.who('x'), {
    challenge: asked.challenge,
    proofHeader: { jwk },
    proofClaims: { ath },
    proofKey: pair.privateKey,
  })
  return on.wire.call('/session', {
    headers: made.headers,
    body: { ...made.body, assertion: assertion ?? 'none' },
  })
}

const pinned = () => pinToSession((req: Request) => req.session)

describe('script on the page takes the session to another machine', () => {
  test('refused, once the login is pinned: the app signs nothing for another key', async () => {
    const url = await site(pinned())
    const cookie = await logIn(url)
    const victim = await newFrame()
    const thief = await newFrame()
    expect((await openElsewhere(victim, await ask(url, cookie, victim))).status).toBe(200)
    const stolen = await ask(url, cookie, thief)
    expect([stolen.status, stolen.body.error?.code, stolen.body.assertion]).toEqual([
      409,
      'relogin',
      undefined,
    ])
    expect((await openElsewhere(thief, stolen)).status).toBe(401)
    // What is signed for the victim's key is of no use without that key.
    const forVictim = await ask(url, cookie, victim)
    expect((await openElsewhere(thief, forVictim)).status).toBe(401)
    expect((await openElsewhere(victim, await ask(url, cookie, victim))).status).toBe(200)
  })

  test("possible with pinning 'off', and before the first pin: what is given up, and what is left", async () => {
    for (const pinning of ['off', pinned()] as const) {
      const url = await site(pinning)
      const thief = await newFrame()
      const asked = await ask(url, await logIn(url), thief)
      expect((await openElsewhere(thief, asked)).status).toBe(200)
    }
  })
})

describe('pinToSession', () => {
  test('a browser that lost its key must log in again; a new login pins anew, and others are not concerned', async () => {
    const url = await site(pinned())
    const [first, second] = [await newFrame(), await newFrame()]
    const cookie = await logIn(url)
    const other = await logIn(url)
    expect((await ask(url, cookie, first)).status).toBe(200)
    expect((await ask(url, cookie, second)).status).toBe(409)
    expect((await ask(url, other, second)).status).toBe(200)
    const again = await logIn(url)
    expect((await ask(url, again, second)).status).toBe(200)
    expect((await ask(url, again, first)).status).toBe(409)
  })

  test('of many keys that come at the same moment, one is signed for', async () => {
    const url = await site(pinned())
    const cookie = await logIn(url)
    const frames = await Promise.all(Array.from({ length: 8 }, newFrame))
    const asked = await Promise.all(frames.map((frame) => ask(url, cookie, frame)))
    expect(asked.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(asked.filter(({ status }) => status === 409)).toHaveLength(7)
  })

  test('after a logout nothing is signed', async () => {
    const url = await site(pinned())
    const cookie = await logIn(url)
    const frame = await newFrame()
    expect((await ask(url, cookie, frame)).status).toBe(200)
    await fetch(`${url}/logout`, { method: 'POST', headers: { cookie } })
    expect((await ask(url, cookie, frame)).status).toBe(401)
  })
})
