import { randomUUID } from 'node:crypto'
import { mkdirSync, rmdirSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { LIMIT_TABLE } from '@lunadefend/core'
import { readAudit } from '@lunadefend/stores/sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { UserSession } from '../harness/handshake.ts'
import { type Installation, install, ORIGIN } from '../harness/installation.ts'
import type { Answer } from '../harness/wire.ts'

/** So slow that nothing comes back while a test runs. */
const few = (burst: number) => ({ burst, perSecond: 0.001 })
const app = (id: string, limits: object) => ({ id, origins: [ORIGIN], limits })

/** One app for each limit; all the others are the defaults. */
const APPS = [
  app('acme', {}),
  app('by-session', { rates: { detokenize: { session: few(3) } } }),
  app('by-token', { rates: { detokenize: { token: few(3) } } }),
  app('by-app', { rates: { detokenize: { app: few(3) } } }),
  app('by-network', { rates: { detokenize: { network: few(3) } } }),
  app('by-session-budget', { budgets: { session: { most: 3, seconds: 3600 } } }),
  app('by-app-budget', { budgets: { app: { most: 3, seconds: 86_400 } } }),
  app('by-budget-only', { budgets: { app: { most: 3, seconds: 86_400 } } }),
  app('loud', {
    rates: { detokenize: { token: few(3) }, other: { app: few(4) } },
    budgets: { app: { most: 3, seconds: 86_400 } },
  }),
  app('misused', { rates: { other: { session: few(3) } } }),
  app('again', {
    rates: { detokenize: { session: { burst: 1, perSecond: 0.5 } }, other: { session: few(2) } },
  }),
]

let on: Installation
let offset = 0
beforeAll(async () => {
  const clock = { now: () => Date.now() + offset }
  on = await install({ apps: APPS, limits: {}, operators: ['ops'], surroundings: { clock } })
})
afterAll(() => on[Symbol.asyncDispose]())

/** What the contract says of the answers is checked elsewhere; these are many. */
function post({ headers }: UserSession, path: string, body: object): Promise<Response> {
  const type = { 'content-type': 'application/json' }
  return fetch(on.wire.url + path, {
    method: 'POST',
    headers: { ...headers, ...type },
    body: JSON.stringify(body),
  })
}

/** Tokens of this session that it may read. */
async function tokens(session: UserSession, count: number, id = 'acme', more = {}): Promise<string[]> {
  const made = Array.from({ length: count }, async () => (await post(session, '/tokenize', {})).json())
  const tokenIds: string[] = (await Promise.all(made)).map(({ data }) => data.tokenId)
  const headers = await on.application({}, id)
  const granted = await on.wire.call('/grant/set', {
    headers,
    body: { sessionId: session.sid, tokenIds, ...more },
  })
  expect(granted.status).toBe(200)
  return tokenIds
}

function rowsOf(requestIds: readonly string[]) {
  return readAudit(on.lunaDefend.paths.database).filter(({ requestId }) => requestIds.includes(requestId))
}

function expectLimited({ status, headers, body }: Answer): number {
  expect([status, body.error.code]).toEqual([429, 'too_many_requests'])
  const seconds = headers.get('retry-after') ?? ''
  expect(seconds).toMatch(/^[1-9]\d*$/)
  return Number(seconds)
}

test('a page with 500 values works with the limits and the signals that everybody has, at once and in a batch, and so does a reload', async () => {
  const session = await on.logIn('somebody with a long list')
  const tokenIds = await tokens(session, 500)
  const batch = () => post(session, '/detokenize', { tokenIds })
  const singles = () => Promise.all(tokenIds.map((tokenId) => post(session, '/detokenize', { tokenId })))
  for (const { status } of await singles()) expect(status).toBe(200)
  for (let reload = 0; reload < 2; reload += 1) {
    const { data } = await (await batch()).json()
    expect(data.results.map(({ success }: { success: boolean }) => success)).toEqual(Array(500).fill(true))
  }
  await batch()
  const refused = await on.wire.call('/detokenize', { headers: session.headers, body: { tokenIds } })
  // 500 more are back after that.
  const seconds = expectLimited(refused)
  expect(seconds).toBeLessThanOrEqual(25)
  const [row, ...others] = rowsOf([refused.body.error.requestId])
  expect(others).toEqual([])
  expect(row).toMatchObject({ action: 'detokenize', refusal: 'too-many', count: 500, token: null })
  expect(row?.session).not.toBeNull()
  const rows = readAudit(on.lunaDefend.paths.database)
  expect(rows.filter(({ action }) => action.startsWith('alarm-'))).toEqual([])
})

describe('most specific wins: the cell of the app', () => {
  test.each([
    ['by-session', 'too-many', { session: true, token: false, both: false }],
    ['by-token', 'too-many', { session: false, token: true, both: false }],
    ['by-app', 'too-many', { session: true, token: true, both: true }],
    ['by-network', 'too-many', { session: true, token: true, both: true }],
    ['by-session-budget', 'over-budget', { session: true, token: false, both: false }],
    ['by-app-budget', 'over-budget', { session: true, token: false, both: true }],
  ])('%s', async (id, refusal, refused) => {
    const [one, other] = [await on.logIn('one', id), await on.logIn('other', id)]
    const ids = await tokens(one, 5, id)
    const [first = '', second = '', third = '', fourth = '', fifth = ''] = ids
    const headers = await on.application({}, id)
    await on.wire.call('/grant/set', { headers, body: { sessionId: other.sid, tokenIds: ids } })
    const three = id.endsWith('budget') ? [first, second, third] : [first, first, first]
    for (const token of three) expect((await on.detokenize(one, token)).status).toBe(200)
    const at = async (session: UserSession, token: string) => {
      const answer = await on.detokenize(session, token)
      if (answer.status === 200) return false
      expectLimited(answer)
      return true
    }
    // The same session with another token, another session with the same token, both others.
    expect(await at(one, fourth)).toBe(refused.session)
    expect(await at(other, first)).toBe(refused.token)
    expect(await at(other, fifth)).toBe(refused.both)
    const over = id === 'by-session-budget' || id === 'by-app-budget' ? fourth : first
    offset += 1100
    const last = await on.detokenize(one, over)
    expectLimited(last)
    expect(rowsOf([last.body.error.requestId])).toMatchObject([{ refusal, count: 1, app: id }])
    // What was met already goes on counting as one.
    expect((await on.detokenize(one, first)).status).toBe(id.endsWith('budget') ? 200 : 429)
    // Nobody else has lost anything by it.
    const stranger = await on.logIn('elsewhere')
    const [theirs = ''] = await tokens(stranger, 1)
    expect((await on.detokenize(stranger, theirs)).status).toBe(200)
  })

  test('the buckets of an app that sends other sessions are those of these sessions', async () => {
    const headers = await on.application({ sid: 'third' }, 'by-session')
    const { body } = await on.wire.call('/tokenize', { headers, body: {} })
    const { tokenId } = body.data
    for (let call = 1; call <= 4; call += 1) {
      const { status } = await on.wire.call('/detokenize', { headers, body: { tokenId } })
      expect(status).toBe(call <= 3 ? 403 : 429)
    }
    const others = await on.application({ sid: 'fourth' }, 'by-session')
    expect((await on.wire.call('/detokenize', { headers: others, body: { tokenId } })).status).toBe(403)
  })
})

describe('who may read nothing uses up nothing of those who may', () => {
  test('neither the budget of the app, by names that they make up, nor the limit of a token that they have heard of', async () => {
    const [owner, crowd] = [await on.logIn('owner', 'loud'), await on.logIn('crowd', 'loud')]
    const [token = '', other = ''] = await tokens(owner, 2, 'loud')
    const madeUp = Array.from({ length: 20 }, () => `lunasec-${randomUUID()}`)
    const { data } = await (await post(crowd, '/detokenize', { tokenIds: madeUp })).json()
    expect(data.results.map(({ error }: { error: object }) => error)).toMatchObject(
      madeUp.map(() => ({ code: 'access_denied' })),
    )
    for (const path of ['/detokenize', '/metadata/get'])
      for (let call = 0; call < 4; call += 1) await post(crowd, path, { tokenId: token })
    // Their own is used up; in a budget of three there is still room for two.
    expectLimited(await on.detokenize(crowd, token))
    for (const tokenId of [token, other]) expect((await on.detokenize(owner, tokenId)).status).toBe(200)
  })

  test("nor what the app's server needs to stop them", async () => {
    const users = [await on.logIn('many', 'loud'), await on.logIn('more', 'loud')]
    const states = users.flatMap((user) =>
      Array.from({ length: 4 }, () => on.wire.call('/session', { method: 'GET', headers: user.headers })),
    )
    expect((await Promise.all(states)).some(({ status }) => status === 429)).toBe(true)
    const headers = await on.application({}, 'loud')
    const body = { scope: 'session', sessionId: 'many' }
    expect((await on.wire.call('/block/set', { headers, body })).status).toBe(200)
  })
})

test("who holds an app's key reads by re-keying no more than its budget has", async () => {
  const session = await on.logIn('re-keyed', 'by-budget-only')
  const ids = await tokens(session, 4, 'by-budget-only')
  const headers = await on.application({ sid: session.sid }, 'by-budget-only')
  const rekey = (tokenId: string) =>
    on.wire.call('/token/rekey', { headers, body: { tokenId, by: 'client' } })
  const answers = []
  for (const tokenId of ids) answers.push(await rekey(tokenId))
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429])
  expect(rowsOf([answers[3]?.body.error.requestId])).toMatchObject([
    { action: 'rekey-token', refusal: 'over-budget' },
  ])
})

test('a page that sends the cookie again and again makes no flood of rows, and keeps nobody from logging out', async () => {
  const session = await on.logIn('misused', 'misused')
  const misuse = () => fetch(`${on.wire.url}/session`, { headers: { cookie: session.cookie } })
  const answers = []
  for (let call = 0; call < 12; call += 1) answers.push(await misuse())
  expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, ...Array(9).fill(429)])
  const rows = rowsOf(answers.map(({ headers }) => headers.get('x-request-id') ?? ''))
  expect(rows.filter(({ refusal }) => refusal === 'not-the-frame')).toHaveLength(3)
  expect(rows.filter(({ refusal }) => refusal === 'too-many').length).toBeGreaterThan(0)
  expect(rows.length).toBeLessThan(answers.length)
  expect((await on.wire.call('/session', { method: 'DELETE', headers: session.headers })).status).toBe(200)
})

test('nothing is spent on a 429, and after Retry-After it works', async () => {
  const session = await on.logIn('patient', 'again')
  const [first = '', second = ''] = await tokens(session, 2, 'again', { maxUses: 1 })
  expect((await on.detokenize(session, first)).status).toBe(200)
  const seconds = expectLimited(await on.detokenize(session, second))
  expect(seconds).toBe(2)
  for (let call = 0; call < 5; call += 1) expectLimited(await on.detokenize(session, second))
  offset += seconds * 1000
  expect((await on.detokenize(session, second)).status).toBe(200)
  offset += seconds * 1000
  expect((await on.detokenize(session, second)).status).toBe(403)
})

test('a flood of refusals is one row a second', async () => {
  const session = await on.logIn('flood', 'by-session')
  const [token = ''] = await tokens(session, 1, 'by-session')
  for (let call = 0; call < 3; call += 1) await on.detokenize(session, token)
  const flood = async () => {
    const answers = await Promise.all(Array.from({ length: 40 }, () => on.detokenize(session, token)))
    answers.forEach(expectLimited)
    return rowsOf(answers.map(({ body }) => body.error.requestId))
  }
  const before = offset
  // On a clock of its own: two of these take less than a second of it, whatever the machine is doing.
  const rows = await flood()
  expect(rows.length).toBeGreaterThanOrEqual(1)
  expect(rows.length).toBeLessThanOrEqual(3)
  offset = before + 10_000
  expect((await flood()).length).toBeGreaterThanOrEqual(1)
})

test('a batch of more than a bucket ever holds is told so', async () => {
  const session = await on.logIn('greedy', 'by-app')
  const tokenIds = Array.from(
    { length: 4 },
    (_, index) => `lunasec-00000000-0000-4000-8000-00000000000${index}`,
  )
  const { status, body } = await on.wire.call('/detokenize', { headers: session.headers, body: { tokenIds } })
  expect([status, body.error.code]).toEqual([400, 'invalid_request'])
  expect(body.error.message).toContain('at most 3 tokens')
})

test('a token that is named often in a batch costs often', async () => {
  const session = await on.logIn('repeats', 'by-token')
  const [token = ''] = await tokens(session, 1, 'by-token')
  const ask = (times: number) =>
    on.wire.call('/detokenize', { headers: session.headers, body: { tokenIds: Array(times).fill(token) } })
  expectLimited(await ask(4))
  expect((await ask(3)).status).toBe(200)
  expectLimited(await ask(1))
})

test('operators are not limited', async () => {
  const headers = await on.operator()
  const body = { app: 'again', tokenId: 'lunasec-00000000-0000-4000-8000-000000000000' }
  for (let call = 0; call < 5; call += 1) {
    expect((await on.wire.call('/token/delete', { headers, body })).status).toBe(403)
  }
})

test('whoever enumerates by other calls is limited, too', async () => {
  const session = await on.logIn('other calls', 'again')
  const read = () => on.wire.call('/session', { method: 'GET', headers: session.headers })
  expect((await read()).status).toBe(200)
  expect((await read()).status).toBe(200)
  expectLimited(await read())
})

describe('strangers', () => {
  const { burst } = LIMIT_TABLE['bad-credential'].network
  const limits = {
    rates: { 'bad-credential': { network: few(5) }, 'open-session': { network: few(6) } },
  }
  const bad = { authorization: `Bearer ${'A'.repeat(43)}` }

  test('are counted by network, and a header of theirs changes nothing', async () => {
    await using strict = await install({ limits })
    const call = (headers: Record<string, string>) =>
      strict.wire.call('/detokenize', { headers: { ...bad, ...headers }, body: {} })
    for (let ip = 1; ip <= 5; ip += 1) {
      expect((await call({ 'x-forwarded-for': `203.0.${ip}.7` })).status).toBe(401)
    }
    for (const name of ['x-forwarded-for', 'forwarded', 'x-real-ip', 'cf-connecting-ip', 'true-client-ip']) {
      expectLimited(await call({ [name]: name === 'forwarded' ? 'for=203.0.113.99' : '203.0.113.99' }))
    }
    // Who has a credential goes on, from the same network.
    const session = await strict.logIn('a user')
    expect((await strict.detokenize(session, await strict.protect(session, 'a value'))).status).toBe(403)
    const challenge = () => strict.wire.call('/session/challenge', { body: { app: 'acme' } })
    for (let call = 0; call < 4; call += 1) expect((await challenge()).status).toBe(200)
    expectLimited(await challenge())
    // Nobody is known, so nothing is decided about anybody.
    const rows = readAudit(strict.lunaDefend.paths.database)
    expect(rows.filter(({ refusal }) => refusal === 'too-many')).toEqual([])
    expect(burst).toBeGreaterThan(100)
  })

  test('behind a proxy that is named are counted by the address that it saw, and cannot choose it', async () => {
    await using proxied = await install({ limits, trustedProxies: ['127.0.0.0/8', '10.0.0.0/8'] })
    const call = (from: string) =>
      proxied.wire.call('/detokenize', { headers: { ...bad, 'x-forwarded-for': from }, body: {} })
    for (let host = 1; host <= 5; host += 1) expect((await call(`203.0.113.${host}`)).status).toBe(401)
    expectLimited(await call('203.0.113.99'))
    // What the caller wrote itself stands on the left, what the proxies saw on the right.
    expectLimited(await call('198.51.100.1, 203.0.113.6'))
    expectLimited(await call('198.51.100.2, 203.0.113.6, 10.1.2.3'))
    expect((await call('203.0.114.1')).status).toBe(401)
    for (let host = 1; host <= 5; host += 1) {
      expect((await call(`2001:db8:1:${host}::1`)).status).toBe(401)
    }
    expectLimited(await call('2001:db8:1:ffff::2'))
    expect((await call('2001:db8:2::1')).status).toBe(401)
  })
})

test('the store of limits holds no name of anybody, and neither does the log', async () => {
  const session = await on.logIn('canary-of-a-session')
  const [token = ''] = await tokens(session, 1)
  await on.detokenize(session, token)
  using db = new DatabaseSync(`${on.lunaDefend.paths.database}.limits`)
  const rows = db.prepare('SELECT ref, counts FROM limits').all() as {
    ref: Uint8Array
    counts: Uint8Array | null
  }[]
  expect(rows.length).toBeGreaterThan(5)
  const bytes = Buffer.concat(rows.flatMap(({ ref, counts }) => [ref, counts ?? new Uint8Array()])).toString(
    'latin1',
  )
  const uuid = Buffer.from(token.slice('lunasec-'.length).replaceAll('-', ''), 'hex').toString('latin1')
  for (const name of [session.sid, token, uuid, 'acme', '127.0.0']) expect(bytes).not.toContain(name)
})

test('a store that is away: half of it, said in /ready and /metrics, and back again by itself', async () => {
  const limits = { rates: { detokenize: { session: few(6) } } }
  await using strict = await install({ limits })
  const file = `${strict.lunaDefend.paths.database}.limits`
  await strict.lunaDefend.tokenizer.stop()
  for (const end of ['', '-wal', '-shm']) rmSync(file + end, { force: true })
  mkdirSync(file)
  await strict.lunaDefend.tokenizer.start()
  const session = await strict.logIn('a user')
  const token = await strict.protect(session, 'a value')
  await strict.grant(session.sid, token)
  const statuses = async (calls: number) => {
    const answers = await Promise.all(Array.from({ length: calls }, () => strict.detokenize(session, token)))
    return answers.filter(({ status }) => status === 200).length
  }
  const state = async () => {
    const ready = await (await fetch(`${strict.wire.url}/ready`)).json()
    const metrics = await (await fetch(`${strict.wire.url}/metrics`)).text()
    return [ready.data.ready, ready.data.limiter, /^lunadefend_limiter_local (\d)$/m.exec(metrics)?.[1]]
  }
  expect(await statuses(20)).toBe(3)
  expect(await state()).toEqual([true, 'local', '1'])
  rmdirSync(file)
  await expect.poll(state, { timeout: 10_000 }).toEqual([true, 'shared', '0'])
  expect(await statuses(20)).toBe(6)
})
