import { randomUUID } from 'node:crypto'
import { CALLS, type Call } from '@lunadefend/contract'
import { readAudit } from '@lunadefend/stores/sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { handshakeRequest, type UserSession } from '../harness/handshake.ts'
import { type Installation, install, ORIGIN } from '../harness/installation.ts'
import type { Answer } from '../harness/wire.ts'

const apps = [
  { id: 'acme', origins: [ORIGIN] },
  { id: 'other', origins: ['http://localhost:3998'] },
]
/** A clock that a test can move. */
const clock = { ahead: 0, now: () => Date.now() + clock.ahead }

let on: Installation
let alice: UserSession
let bob: UserSession
let secret: string
beforeAll(async () => {
  on = await install({ apps, surroundings: { clock } })
  alice = await on.logIn('alice')
  bob = await on.logIn('bob')
  secret = await on.protect(alice, '078-05-1120')
})
afterAll(() => on[Symbol.asyncDispose]())

/** The answer without what is different in every answer. */
function shape({ status, headers, body }: Answer) {
  const kept = [...headers].filter(
    ([name]) => !['date', 'x-request-id', 'lunasec-session-hash'].includes(name),
  )
  return { status, headers: Object.fromEntries(kept), error: { ...body.error, requestId: '' } }
}

async function reasonOf(answer: Answer): Promise<string | null | undefined> {
  const requestId = answer.headers.get('x-request-id')
  const rows = await readAudit(on.lunaDefend.paths.database)
  return rows.find((row) => row.requestId === requestId)?.refusal
}

describe('every refusal looks the same to the caller, and is told apart in the audit log', () => {
  const attempts: [string, string, () => Promise<Answer>][] = [
    ['no grant', 'no-grant', () => on.detokenize(alice, secret)],
    ['an unknown token', 'unknown-token', () => on.detokenize(alice, `lunasec-${randomUUID()}`)],
    [
      "another session's token",
      'no-grant',
      async () => {
        const token = await on.protect(alice, 'a')
        await on.grant('alice', token)
        return on.detokenize(bob, token)
      },
    ],
    [
      'a token that this session only stored',
      'no-grant',
      async () => on.detokenize(bob, await on.protect(bob, 'b')),
    ],
    [
      'an expired grant',
      'grant-expired',
      async () => {
        const token = await on.protect(alice, 'c')
        await on.grant('alice', token, { ttl: 2 })
        clock.ahead += 2000
        return on.detokenize(alice, token)
      },
    ],
    [
      'a revoked grant',
      'no-grant',
      async () => {
        const token = await on.protect(alice, 'd')
        await on.grant('alice', token)
        await on.wire.call('/grant/revoke', {
          headers: await on.application(),
          body: { sessionId: 'alice', tokenId: token },
        })
        return on.detokenize(alice, token)
      },
    ],
    [
      'a used-up grant',
      'grant-used-up',
      async () => {
        const token = await on.protect(alice, 'e')
        await on.grant('alice', token, { maxUses: 1 })
        expect((await on.detokenize(alice, token)).status).toBe(200)
        return on.detokenize(alice, token)
      },
    ],
    [
      'a deleted token',
      'token-deleted',
      async () => {
        const token = await on.protect(alice, 'f')
        await on.grant('alice', token)
        await on.wire.call('/token/delete', { headers: await on.application(), body: { tokenId: token } })
        return on.detokenize(alice, token)
      },
    ],
    [
      "another app's token",
      'unknown-token',
      async () => {
        const stranger = await on.logIn('alice', 'other')
        const token = await on.protect(alice, 'g')
        await on.grant('alice', token)
        return on.detokenize(stranger, token)
      },
    ],
  ]
  let first: ReturnType<typeof shape>
  test.each(attempts)('%s', async (_name, reason, attempt) => {
    const answer = await attempt()
    expect(answer.status).toBe(403)
    first ??= shape(answer)
    expect(shape(answer)).toEqual(first)
    expect(await reasonOf(answer)).toBe(reason)
  })

  test('the same session with a grant succeeds, so the refusals above are refusals', async () => {
    await on.grant('alice', secret)
    expect(await on.reveal(await on.detokenize(alice, secret))).toBe('078-05-1120')
  })
})

describe('what is refused before it is any action leaves a row', () => {
  const forServers = Object.values(CALLS).filter(
    ({ callers }: Call) => !callers.includes('user') && !callers.includes('anyone'),
  )
  test.each(forServers.map(({ path }) => [path]))('a user at %s, which is for servers', async (path) => {
    const answer = await on.wire.call(path, { headers: alice.headers, body: {} })
    expect([answer.status, await reasonOf(answer)]).toEqual([403, 'not-for-users'])
  })

  test('a handshake that is said once more', async () => {
    const { body, headers } = await handshakeRequest(on.wire, on.who('overheard'))
    expect((await on.wire.call('/session', { body, headers })).status).toBe(200)
    const again = await on.wire.call('/session', { body, headers })
    expect([again.status, await reasonOf(again)]).toEqual([401, 'challenge-used'])
  })

  test('a handshake for a session that its application has ended', async () => {
    const request = await handshakeRequest(on.wire, on.who('ended'))
    const ended = { headers: await on.application(), body: { sessionId: 'ended' } }
    expect((await on.wire.call('/session/revoke', ended)).status).toBe(200)
    const late = await on.wire.call('/session', request)
    expect([late.status, await reasonOf(late)]).toEqual([401, 'session-revoked'])
  })
})

describe('grants', () => {
  test('a token of another app cannot be granted, verified or deleted', async () => {
    const headers = await on.application({}, 'other')
    const body = { sessionId: 'alice', tokenId: secret }
    expect((await on.wire.call('/grant/set', { headers, body })).status).toBe(403)
    expect((await on.wire.call('/grant/verify', { headers, body })).body.data).toEqual({ valid: false })
    expect((await on.wire.call('/token/delete', { headers, body: { tokenId: secret } })).status).toBe(403)
  })

  test('a batch with one unknown token grants nothing', async () => {
    const token = await on.protect(bob, 'x')
    const body = { sessionId: 'bob', tokenIds: [token, `lunasec-${randomUUID()}`] }
    expect((await on.wire.call('/grant/set', { headers: await on.application(), body })).status).toBe(403)
    expect((await on.detokenize(bob, token)).status).toBe(403)
  })

  test('a token that was deleted cannot be granted any more', async () => {
    const token = await on.protect(bob, 'x')
    await on.wire.call('/token/delete', { headers: await on.application(), body: { tokenId: token } })
    const answer = await on.grant('bob', token)
    expect(answer.status).toBe(403)
    expect(await reasonOf(answer)).toBe('token-deleted')
  })

  test('verify counts as a use only when it is asked to', async () => {
    const token = await on.protect(alice, 'x')
    await on.grant('alice', token, { access: 'store', maxUses: 2 })
    const verify = async (more: object) => {
      const body = { sessionId: 'alice', tokenId: token, ...more }
      return (await on.wire.call('/grant/verify', { headers: await on.application(), body })).body.data.valid
    }
    for (const more of [{}, {}, { consume: false }, { consume: true }, {}, { consume: true }])
      expect(await verify(more)).toBe(true)
    expect(await verify({})).toBe(false)
  })

  test('a read grant never counts as a store grant, nor a store grant as a read grant', async () => {
    const token = await on.protect(alice, 'x')
    await on.grant('bob', token)
    const verify = async (sessionId: string, access: string) => {
      const body = { sessionId, tokenId: token, access }
      return (await on.wire.call('/grant/verify', { headers: await on.application(), body })).body.data.valid
    }
    expect(await verify('bob', 'read')).toBe(true)
    expect(await verify('bob', 'store')).toBe(false)
    expect(await verify('alice', 'store')).toBe(true)
    expect(await verify('alice', 'read')).toBe(false)
  })

  test('a token whose value never arrived is not valid to store', async () => {
    const made = await on.wire.call('/tokenize', { headers: alice.headers, body: {} })
    const body = { sessionId: 'alice', tokenId: made.body.data.tokenId }
    const answer = await on.wire.call('/grant/verify', { headers: await on.application(), body })
    expect(answer.body.data).toEqual({ valid: false })
  })

  test('of 64 racing requests for the last use exactly one succeeds', async () => {
    const token = await on.protect(alice, 'x')
    await on.grant('alice', token, { maxUses: 1 })
    const answers = await Promise.all(Array.from({ length: 64 }, () => on.detokenize(alice, token)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 403)).toHaveLength(63)
  })

  test('a user cannot grant, verify, revoke or delete', async () => {
    for (const path of ['/grant/set', '/grant/verify', '/grant/revoke', '/session/revoke', '/token/delete']) {
      const answer = await on.wire.call(path, {
        headers: alice.headers,
        body: { sessionId: 'alice', tokenId: secret },
      })
      expect(answer.status).toBe(403)
    }
  })
})

describe('sessions', () => {
  test('an application token that was used already ends with its own life', async () => {
    const headers = await on.application()
    const ask = async () =>
      (await on.wire.call('/grant/revoke', { headers, body: { sessionId: 'x' } })).status
    expect(await ask()).toBe(200)
    clock.ahead += 331_000
    expect(await ask()).toBe(401)
    clock.ahead -= 331_000
    expect(await ask()).toBe(200)
  })

  test('revoking a session ends it and its grants, and refuses assertions from before', async () => {
    const carol = await on.logIn('carol')
    const token = await on.protect(carol, 'x')
    await on.grant('carol', token)
    const revoked = await on.wire.call('/session/revoke', {
      headers: await on.application(),
      body: { sessionId: 'carol' },
    })
    expect(revoked.status).toBe(200)
    expect((await on.detokenize(carol, token)).status).toBe(401)
    await expect(on.logIn('carol')).rejects.toThrow('401')
  })

  test('a session ends by itself after ten minutes', async () => {
    const dave = await on.logIn('dave')
    clock.ahead += 10 * 60 * 1000
    expect((await on.wire.call('/session', { method: 'GET', headers: dave.headers })).status).toBe(401)
    clock.ahead -= 10 * 60 * 1000
  })

  test("a cookie counts only for the Tokenizer's own frame", async () => {
    await on.grant('alice', secret)
    const call = (headers: Record<string, string>) =>
      on.wire.call('/detokenize', { headers, body: { tokenId: secret } })
    const { cookie } = alice
    expect((await call({ cookie })).status).toBe(401)
    expect((await call({ cookie, origin: ORIGIN })).status).toBe(401)
    for (const site of ['same-site', 'cross-site', 'none', 'same-origin, cross-site']) {
      expect((await call({ cookie, origin: on.wire.url, 'sec-fetch-site': site })).status).toBe(401)
    }
    expect((await call({ cookie, 'sec-fetch-site': 'same-origin' })).status).toBe(200)
  })

  test('a wrong session hash is refused, and so are several cookies without one', async () => {
    const call = (headers: Record<string, string>) =>
      on.wire.call('/session', { method: 'GET', headers: { 'sec-fetch-site': 'same-origin', ...headers } })
    const both = `${bob.cookie}; access_token_other=${alice.cookie.split('=')[1]}`
    expect((await call({ cookie: alice.cookie, 'lunasec-session-hash': bob.sessionHash })).status).toBe(401)
    expect((await call({ cookie: alice.cookie, 'lunasec-session-hash': '' })).status).toBe(401)
    expect((await call({ cookie: both })).status).toBe(401)
    const picked = await call({ cookie: both, 'lunasec-session-hash': alice.sessionHash })
    expect(picked.body.data.sessionHash).toBe(alice.sessionHash)
  })

  test('nothing secret is in the audit log', async () => {
    const text = JSON.stringify(await readAudit(on.lunaDefend.paths.database))
    for (const word of ['lunasec-', 'alice', alice.sessionHash, '078-05']) expect(text).not.toContain(word)
  })
})
