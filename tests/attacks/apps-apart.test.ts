import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { handshakeRequest, type UserSession } from '../harness/handshake.ts'
import { type Installation, install } from '../harness/installation.ts'
import type { Answer } from '../harness/wire.ts'

/** Two apps on one Tokenizer, whose users have the same names and whose sessions have the same ids. */
const APPS = [
  { id: 'acme', origins: ['http://localhost:3999'] },
  { id: 'other', origins: ['http://localhost:3998'] },
]

let on: Installation
let ours: UserSession
let theirs: UserSession
let ourToken: string
let theirToken: string
let theirUpload: string
const sid = 'the same login'

beforeAll(async () => {
  on = await install({ apps: APPS })
  ours = await on.logIn(sid, 'acme')
  theirs = await on.logIn(sid, 'other')
  ourToken = await on.protect(ours, 'ours')
  theirToken = await on.protect(theirs, 'theirs')
  const parts = { contentLength: 17 * 1024 ** 2, accept: ['parts'] }
  const begun = await on.wire.call('/tokenize', { headers: theirs.headers, body: parts })
  theirUpload = begun.body.data.tokenId
  await grant('acme', ourToken)
  await grant('other', theirToken)
})
afterAll(() => on[Symbol.asyncDispose]())

const grant = async (app: string, tokenId: string) =>
  on.wire.call('/grant/set', {
    headers: await on.application({}, app),
    body: { sessionId: sid, tokenId },
  })
/** What an outsider sees of an answer: all but what is new with each. */
const seen = ({ status, headers, body }: Answer) => {
  const { requestId: _, ...error } = body.error ?? {}
  const kept = [...headers].filter(([name]) => !['date', 'x-request-id', 'content-length'].includes(name))
  return { status, headers: kept.sort(), body: { ...body, error } }
}

const CREDENTIALS: [string, () => Promise<Record<string, string>>][] = [
  ['the application token', () => on.application({ sid }, 'acme')],
  ['the cookie', async () => ({ ...ours.headers })],
  [
    'a bearer token',
    async () => {
      const made = await handshakeRequest(on.wire, on.who(sid, 'acme'), { keep: 'memory' })
      const { body } = await on.wire.call('/session', made)
      return { authorization: `Bearer ${body.data.accessToken}` }
    },
  ],
]

type Named = (tokenId: string) => object
const CALLS: [string, string, Named][] = [
  ['reading', '/detokenize', (tokenId) => ({ tokenId })],
  ['reading metadata', '/metadata/get', (tokenId) => ({ tokenId })],
  ['presigning parts', '/upload/parts', (tokenId) => ({ tokenId, partNumbers: [1] })],
  ['completing an upload', '/upload/complete', (tokenId) => ({ tokenId })],
  ['aborting an upload', '/upload/abort', (tokenId) => ({ tokenId })],
  ['granting', '/grant/set', (tokenId) => ({ sessionId: sid, tokenId })],
  ['granting to store', '/grant/set', (tokenId) => ({ sessionId: sid, tokenId, access: 'store' })],
  ['deleting', '/token/delete', (tokenId) => ({ tokenId })],
  ['re-keying', '/token/rekey', (tokenId) => ({ tokenId })],
  ['re-keying by the client', '/token/rekey', (tokenId) => ({ tokenId, by: 'client' })],
]

describe.each(CREDENTIALS)('%s of one app, and a token of the other', (_, credential) => {
  test.each(CALLS)('%s: refused exactly as for a token that nobody ever made', async (_, path, body) => {
    const headers = await credential()
    const send = (tokenId: string) => on.wire.call(path, { headers, body: body(tokenId) })
    const unknown = seen(await send(`lunasec-${randomUUID()}`))
    expect(unknown.status).toBe(403)
    for (const token of [theirToken, theirUpload]) expect(seen(await send(token))).toEqual(unknown)
  })
})

describe('what the application of one app says of the other', () => {
  const call = async (path: string, body: object) =>
    (await on.wire.call(path, { headers: await on.application({}, 'acme'), body })).body.data

  test('verifies nothing', async () => {
    for (const access of ['read', 'store']) {
      expect(await call('/grant/verify', { sessionId: sid, tokenId: theirToken, access })).toEqual({
        valid: false,
      })
    }
  })

  test('lists only its own', async () => {
    expect(await call('/grant/list', { tokenId: theirToken })).toEqual({ grants: [] })
    const mine = await call('/grant/list', {})
    const bySession = await call('/grant/list', { sessionId: sid })
    expect(bySession.grants).toEqual(mine.grants)
    const token = (await call('/grant/list', { tokenId: ourToken })).grants[0].token
    expect(new Set(mine.grants.map((each: { token: string }) => each.token))).toEqual(new Set([token]))
  })

  test('revokes neither grants nor the session of the same name', async () => {
    expect(await call('/grant/revoke', { tokenId: theirToken })).toEqual({ revoked: 0 })
    await call('/grant/revoke', { sessionId: sid })
    await call('/grant/revoke', { all: true })
    await call('/session/revoke', { sessionId: sid })
    expect((await on.detokenize(theirs, theirToken)).status).toBe(200)
    expect((await on.detokenize(ours, ourToken)).status).toBe(401)
    // The same sid, after the second in which it was revoked: a new login of this test's other parts.
    await new Promise((resolve) => setTimeout(resolve, 1100))
    ours = await on.logIn(sid, 'acme')
    await grant('acme', ourToken)
  })
})

describe('cookies and handshakes', () => {
  test('each app has a cookie of its own name', () => {
    expect(ours.cookie).toMatch(/^access_token_acme=/)
    expect(theirs.cookie).toMatch(/^access_token_other=/)
    expect(ours.sessionHash).not.toBe(theirs.sessionHash)
  })

  test("one app's cookie under the other's name is still the one app's", async () => {
    const cookie = ours.cookie.replace('access_token_acme', 'access_token_other')
    const headers = { cookie, 'sec-fetch-site': 'same-origin' }
    const refused = await on.wire.call('/detokenize', { headers, body: { tokenId: theirToken } })
    expect(refused.status).toBe(403)
    const asTheirs = { ...headers, 'lunasec-session-hash': theirs.sessionHash }
    expect(
      (await on.wire.call('/detokenize', { headers: asTheirs, body: { tokenId: theirToken } })).status,
    ).toBe(401)
  })

  test('with the cookies of both, the hash says which counts', async () => {
    const cookie = `${ours.cookie}; ${theirs.cookie}`
    const read = (session: UserSession, tokenId: string) =>
      on.wire.call('/detokenize', { headers: { ...session.headers, cookie }, body: { tokenId } })
    expect((await read(theirs, theirToken)).status).toBe(200)
    expect((await read(ours, theirToken)).status).toBe(403)
    expect((await read(ours, ourToken)).status).toBe(200)
  })

  const challengeOf = async (app: string) =>
    (await on.wire.call('/session/challenge', { body: { app } })).body.data.challenge

  test("an assertion of one app opens nothing with the other's challenge, origin, key or name", async () => {
    const [acme, other] = [on.who(sid, 'acme'), on.who(sid, 'other')]
    const crossed = [
      await handshakeRequest(on.wire, acme, { challenge: await challengeOf('other') }),
      await handshakeRequest(on.wire, { ...acme, origin: other.origin }),
      await handshakeRequest(on.wire, acme, { signingKey: other.signingKey }),
      await handshakeRequest(on.wire, acme, { assertionClaims: { iss: 'other' } }),
      await handshakeRequest(on.wire, acme, { assertionHeader: { kid: other.signingKey.kid } }),
    ]
    const answers = await Promise.all(crossed.map((made) => on.wire.call('/session', made)))
    const [first, ...others] = answers.map(seen)
    expect(first?.status).toBe(401)
    for (const answer of others) expect(answer).toEqual(first)
  })

  test("one app's key signs no token of the other", async () => {
    const headers = await on.application({ iss: 'other' }, 'acme')
    expect((await on.wire.call('/grant/list', { headers, body: {} })).status).toBe(401)
  })
})
