import { randomUUID } from 'node:crypto'
import { readAudit } from '@lunadefend/stores/sqlite'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { shakeHands, type UserSession } from '../harness/handshake.ts'
import { type Installation, install, OPERATOR, ORIGIN } from '../harness/installation.ts'
import { upload } from '../harness/store.ts'
import type { Answer } from '../harness/wire.ts'

/** A clock that a test can move. */
const clock = { ahead: 0, now: () => Date.now() + clock.ahead }
const EVERYTHING = { scope: 'everything' }
const THE_APP = { scope: 'app', app: 'acme' }

let on: Installation
let alice: UserSession
let token: string
let parts: string
beforeAll(async () => {
  const apps = [
    { id: 'acme', origins: [ORIGIN] },
    { id: 'other', origins: ['http://localhost:3998'] },
  ]
  on = await install({
    apps,
    operators: [OPERATOR],

    surroundings: { clock },
  })
  alice = await on.logIn('alice')
  token = await on.protect(alice, '078-05-1120')
  await on.grant('alice', token)
  await on.wire.call('/grant/verify', { headers: await on.application(), body: named({}) })
  const body = { contentLength: 16 * 1024 ** 2, accept: ['parts'] }
  parts = (await on.wire.call('/tokenize', { headers: alice.headers, body })).body.data.tokenId
})
afterAll(() => on[Symbol.asyncDispose]())
afterEach(async () => {
  const headers = await on.operator()
  for (const { blockId } of (await on.wire.call('/block/list', { headers, body: {} })).body.data.blocks)
    await on.wire.call('/block/lift', { headers, body: { blockId } })
})

const named = (more: object) => ({ sessionId: 'alice', tokenId: token, ...more })

async function block(target: object, headers?: Record<string, string>): Promise<Answer> {
  return on.wire.call('/block/set', { headers: headers ?? (await on.operator()), body: target })
}

async function lift(target: object, headers?: Record<string, string>): Promise<Answer> {
  return on.wire.call('/block/lift', { headers: headers ?? (await on.operator()), body: target })
}

async function rowOf(answer: Answer) {
  const requestId = answer.headers.get('x-request-id')
  return (await readAudit(on.lunaDefend.paths.database)).find((row) => row.requestId === requestId)
}

/** The answer without what is different in every answer. */
function shape({ status, headers, body }: Answer) {
  const kept = [...headers].filter(
    ([name]) => !['date', 'x-request-id', 'lunasec-session-hash', 'content-length'].includes(name),
  )
  return { status, headers: Object.fromEntries(kept), error: { ...body.error, requestId: '' } }
}

type Attempt = () => Promise<Answer>
const asUser =
  (path: string, body: () => object): Attempt =>
  () =>
    on.wire.call(path, { headers: alice.headers, body: body() })
const asApp =
  (path: string, body: () => object, claims = {}): Attempt =>
  async () =>
    on.wire.call(path, { headers: await on.application(claims), body: body() })

/** Every call that gives something, and what it is about. */
const GIVING: Record<string, { attempt: Attempt; about: readonly string[] }> = {
  detokenize: { attempt: asUser('/detokenize', () => ({ tokenId: token })), about: ['token', 'session'] },
  'detokenize by the app': {
    attempt: asApp('/detokenize', () => ({ tokenId: token }), { sid: 'alice' }),
    about: ['token', 'session'],
  },
  'the metadata': {
    attempt: asUser('/metadata/get', () => ({ tokenId: token })),
    about: ['token', 'session'],
  },
  tokenize: { attempt: asUser('/tokenize', () => ({})), about: ['session'] },
  'a grant': { attempt: asApp('/grant/set', () => named({})), about: ['token', 'session'] },
  'parts of an upload': {
    attempt: asUser('/upload/parts', () => ({ tokenId: parts, partNumbers: [1] })),
    about: ['session'],
  },
  're-keying by the store': { attempt: asApp('/token/rekey', () => ({ tokenId: token })), about: ['token'] },
  're-keying by the client': {
    attempt: asApp('/token/rekey', () => ({ tokenId: token, by: 'client' }), { sid: 'alice' }),
    about: ['token', 'session'],
  },
}

const SWITCHES: Record<string, () => object> = {
  token: () => ({ scope: 'token', app: 'acme', tokenId: token }),
  session: () => ({ scope: 'session', app: 'acme', sessionId: 'alice' }),
  app: () => THE_APP,
  everything: () => EVERYTHING,
}

describe('each switch, for each call that gives something', () => {
  for (const [scope, target] of Object.entries(SWITCHES)) {
    for (const [name, { attempt, about }] of Object.entries(GIVING)) {
      if (!about.includes(scope) && !['app', 'everything'].includes(scope)) continue
      test(`${scope}: ${name}`, async () => {
        expect((await attempt()).status).toBe(200)
        expect((await block(target())).status).toBe(200)
        const refused = await attempt()
        expect([refused.status, refused.body.error?.code]).toEqual([403, 'access_denied'])
        expect((await rowOf(refused))?.refusal).toBe('blocked')
        expect((await lift(target())).body.data).toEqual({ lifted: 1 })
        expect((await attempt()).status).toBe(200)
      })
    }

    test(`${scope}: a grant is not valid to store`, async () => {
      const verify = asApp('/grant/verify', () => named({}))
      expect((await verify()).body.data).toEqual({ valid: true })
      await block(target())
      const answer = await verify()
      expect([answer.status, answer.body.data]).toEqual([200, { valid: false }])
      expect((await rowOf(answer))?.refusal).toBe('blocked')
    })
  }

  test.each(['session', 'app', 'everything'])('%s: no session is opened', async (scope) => {
    await block(SWITCHES[scope]?.() ?? {})
    const answer = await shakeHands(on.wire, on.who('alice'))
    expect(answer.status).toBe(401)
    expect((await rowOf(answer))?.refusal).toBe('blocked')
    const forged = await shakeHands(on.wire, on.who('alice'), { proofClaims: { nonce: 'x' } })
    expect(shape(answer)).toEqual(shape(forged))
    await lift(SWITCHES[scope]?.() ?? {})
    expect((await shakeHands(on.wire, on.who('alice'))).status).toBe(200)
  })

  test.each(['token', 'app', 'everything'])('%s: an app destroys nothing, an operator may', async (scope) => {
    const doomed = await on.protect(alice, 'x')
    const target = scope === 'token' ? { scope, app: 'acme', tokenId: doomed } : (SWITCHES[scope]?.() ?? {})
    await block(target)
    const remove = async (headers: Record<string, string>) =>
      on.wire.call('/token/delete', { headers, body: { app: 'acme', tokenId: doomed } })
    const refused = await remove(await on.application())
    expect([refused.status, (await rowOf(refused))?.refusal]).toEqual([403, 'blocked'])
    expect((await remove(await on.operator())).status).toBe(200)
  })
})

test('a refusal by a block is like every other to the caller', async () => {
  await block(EVERYTHING)
  const blocked = await on.detokenize(alice, token)
  const unknown = await on.detokenize(alice, `lunasec-${randomUUID()}`)
  expect(shape(blocked)).toEqual(shape(unknown))
})

test('what is not meant goes on', async () => {
  const bob = await on.logIn('bob')
  const own = await on.protect(bob, 'b')
  await on.grant('bob', own)
  const stranger = await on.logIn('alice', 'other')
  await block(SWITCHES['session']?.() ?? {})
  await block(SWITCHES['token']?.() ?? {})
  expect((await on.detokenize(bob, own)).status).toBe(200)
  expect((await on.wire.call('/tokenize', { headers: stranger.headers, body: {} })).status).toBe(200)
  expect((await on.detokenize(alice, token)).status).toBe(403)
})

test('what takes away still works: logout, revocation', async () => {
  const carol = await on.logIn('carol')
  await block(EVERYTHING)
  const body = { sessionId: 'carol' }
  expect((await asApp('/grant/revoke', () => body)()).status).toBe(200)
  expect((await on.wire.call('/session', { method: 'DELETE', headers: carol.headers })).status).toBe(200)
  expect((await asApp('/session/revoke', () => body)()).status).toBe(200)
})

test('a block ends with its time', async () => {
  const set = await block({ ...THE_APP, ttl: '1m' })
  expect(set.body.data.until).toBe(Math.ceil((clock.now() + 60_000) / 1000))
  expect((await on.detokenize(alice, token)).status).toBe(403)
  clock.ahead += 61_000
  expect((await on.detokenize(alice, token)).status).toBe(200)
})

describe('who may do what', () => {
  test('a user may nothing, and a stranger less', async () => {
    for (const path of ['/block/set', '/block/lift', '/block/list']) {
      expect((await on.wire.call(path, { headers: alice.headers, body: EVERYTHING })).status).toBe(403)
      expect((await on.wire.call(path, { body: EVERYTHING })).status).toBe(401)
    }
  })

  test('an application stops itself and what is its own, and nothing else', async () => {
    const other = await on.application({}, 'other')
    const refusals: [object, string][] = [
      [EVERYTHING, 'operators-only'],
      [{ scope: 'app', app: 'acme' }, 'other-app'],
      [{ scope: 'session', app: 'acme', sessionId: 'alice' }, 'other-app'],
      [{ scope: 'token', app: 'acme', tokenId: token }, 'other-app'],
      [{ scope: 'token', tokenId: token }, 'unknown-token'],
    ]
    for (const [target, reason] of refusals) {
      for (const call of [block, lift]) {
        const answer = await call(target, other)
        expect([answer.status, answer.body.error.code]).toEqual([403, 'access_denied'])
        expect((await rowOf(answer))?.refusal).toBe(reason)
      }
    }
    expect((await block({ scope: 'session', sessionId: 'alice' }, other)).status).toBe(200)
    expect((await on.detokenize(alice, token)).status).toBe(200)
    const own = await block({ scope: 'token', tokenId: token }, await on.application())
    expect(await rowOf(own)).toMatchObject({ actor: 'application', action: 'set-block', refusal: null })
    expect((await on.detokenize(alice, token)).status).toBe(403)
  })

  test('an application neither sees nor lifts what an operator has set', async () => {
    const app = await on.application()
    const byOperator = (await block(THE_APP)).body.data.blockId
    const byApp = (await block(THE_APP, app)).body.data.blockId
    const listed = await on.wire.call('/block/list', { headers: app, body: {} })
    expect(listed.body.data.blocks).toMatchObject([{ blockId: byApp, setBy: 'application', scope: 'app' }])
    expect((await lift({ blockId: byOperator }, app)).body.data).toEqual({ lifted: 0 })
    expect((await lift({ blockId: byApp }, await on.application({}, 'other'))).body.data.lifted).toBe(0)
    expect((await lift(THE_APP, app)).body.data).toEqual({ lifted: 1 })
    expect((await on.detokenize(alice, token)).status).toBe(403)
    const lifted = await lift({ blockId: byOperator })
    expect(lifted.body.data).toEqual({ lifted: 1 })
    expect(await rowOf(lifted)).toMatchObject({ operator: OPERATOR, app: 'acme', action: 'lift-block' })
    expect((await on.detokenize(alice, token)).status).toBe(200)
  })

  test('the list of an operator has all of it, and no name of a session or token', async () => {
    for (const target of Object.values(SWITCHES)) await block({ ...target(), reason: 'fraud' })
    const { body } = await on.wire.call('/block/list', { headers: await on.operator(), body: {} })
    expect(body.data.blocks.map(({ scope }: { scope: string }) => scope).toSorted()).toEqual(
      Object.keys(SWITCHES).toSorted(),
    )
    expect(JSON.stringify(body)).not.toMatch(/alice|lunasec-/)
    const set = await block(EVERYTHING)
    expect(await rowOf(set)).toMatchObject({ operator: OPERATOR, app: null, token: null, session: null })
  })

  const wrong: [string, object, string][] = [
    ['no app', { scope: 'app' }, 'body/app'],
    ['no token', { scope: 'token', app: 'acme' }, 'body/tokenId'],
    ['no session', { scope: 'session', app: 'acme' }, 'body/sessionId'],
    ['a session with a token', { scope: 'session', app: 'acme', tokenId: '' }, 'body/tokenId'],
    ['everything of an app', { scope: 'everything', app: 'acme' }, 'body/app'],
    ['a session for a year', { scope: 'session', app: 'acme', sessionId: 's', ttl: '8784h' }, 'body/ttl'],
    ['no time at all', { ...THE_APP, ttl: 0 }, 'body/ttl'],
    ['an unknown reason', { ...THE_APP, reason: 'alarm' }, 'body/reason'],
  ]
  test.each(wrong)('an operator who says it wrong is told so: %s', async (_name, target, where) => {
    const body = JSON.parse(JSON.stringify(target).replace('""', JSON.stringify(token)))
    const answer = await block(body)
    expect(answer.status).toBe(400)
    expect(answer.body.error.message).toContain(where)
  })

  test.each([
    ['an id with a scope', { blockId: 'a'.repeat(32), scope: 'everything' }],
    ['an id with names', { blockId: 'a'.repeat(32), app: 'acme' }],
    ['nothing', {}],
  ])('what is to be lifted is said in one way: not by %s', async (_name, body) => {
    expect((await lift(body)).status).toBe(400)
  })
})

test('of 64 that race with the switch none is let in after it', async () => {
  const racer = await on.logIn('racer')
  const own = await on.protect(racer, 'x')
  await on.grant('racer', own)
  let set = false
  const reads = Array.from({ length: 64 }, async (_, index) => {
    await new Promise((resolve) => setTimeout(resolve, index))
    const after = set
    return { after, status: (await on.detokenize(racer, own)).status }
  })
  await reads[8]
  await block(EVERYTHING)
  set = true
  const late = Array.from({ length: 8 }, async () => ({
    after: true,
    status: (await on.detokenize(racer, own)).status,
  }))
  const answers = await Promise.all([...reads, ...late])
  expect(answers.some(({ status }) => status === 200)).toBe(true)
  expect(answers.filter(({ after }) => after).map(({ status }) => status)).not.toContain(200)
})

test('a URL that is about still works: that is its own minute', async () => {
  const given = await on.detokenize(alice, token)
  await block(EVERYTHING)
  expect(await on.reveal(given)).toBe('078-05-1120')
})

test('an upload URL that is about can still be used', async () => {
  const made = await on.wire.call('/tokenize', { headers: alice.headers, body: { contentLength: 1 } })
  await block(EVERYTHING)
  expect((await upload(made.body.data, 'x')).ok).toBe(true)
})
