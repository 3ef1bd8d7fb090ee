import { randomUUID } from 'node:crypto'
import { LunaDefend } from '@lunadefend/node-sdk'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { UserSession } from './harness/handshake.ts'
import { type Installation, install } from './harness/installation.ts'

let on: Installation
let client: LunaDefend
beforeAll(async () => {
  on = await install({ grants: { defaultTtl: '10m', maxTtl: 3600, maxPerSession: 4 } })
  client = new LunaDefend({
    tokenizerUrl: on.lunaDefend.tokenizerUrl,
    app: 'acme',
    signingKey: on.lunaDefend.signingKey('acme'),
  })
})
afterAll(() => on[Symbol.asyncDispose]())

const call = async (path: string, body: object) =>
  on.wire.call(path, { headers: await on.application(), body })
const verify = async (sessionId: string, tokenId: string, more: object) =>
  (await call('/grant/verify', { sessionId, tokenId, ...more })).body.data?.valid
async function listed<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}
const enter = (): Promise<UserSession> => on.logIn(randomUUID())

describe('a token is stored under one record', () => {
  test('the same submit may be repeated; another record may not have the token', async () => {
    const user = await enter()
    const token = await on.protect(user, 'x')
    for (const _ of [1, 2, 3]) await client.grants.verify(user.sid, { ssn: token }, { record: 'profile/1' })
    const elsewhere = client.grants.verify(user.sid, { ssn: token }, { record: 'profile/2' })
    await expect(elsewhere).rejects.toMatchObject({ code: 'not_granted' })
    await expect(client.grants.verify(user.sid, token)).rejects.toMatchObject({ code: 'not_granted' })
    await client.grants.verify(user.sid, token, { record: 'profile/1' })
  })

  test('two submits at the same time, for two records: one of them passes', async () => {
    const user = await enter()
    const token = await on.protect(user, 'x')
    const both = ['a', 'b'].map((record) => client.grants.verify(user.sid, token, { record }))
    const settled = await Promise.allSettled(both)
    expect(settled.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  })

  test('used up without a record, it is good for none', async () => {
    const user = await enter()
    const token = await on.protect(user, 'x')
    expect(await verify(user.sid, token, {})).toBe(true)
    expect(await verify(user.sid, token, { consume: true })).toBe(true)
    expect(await verify(user.sid, token, { consume: true })).toBe(false)
    expect(await verify(user.sid, token, { consume: true, record: 'profile/1' })).toBe(false)
    expect(await verify(user.sid, token, {})).toBe(false)
  })

  test('a value that has not arrived uses nothing up', async () => {
    const user = await enter()
    const { headers } = user
    const made = await on.wire.call('/tokenize', { headers, body: { contentLength: 1 } })
    const { tokenId } = made.body.data
    expect(await verify(user.sid, tokenId, { consume: true, record: 'r' })).toBe(false)
    const { grants } = (await call('/grant/list', { sessionId: user.sid })).body.data
    expect(grants).toMatchObject([{ access: 'store', uses: 0, maxUses: 1 }])
  })

  test.each([undefined, '', 'x'.repeat(257), 7])('a record that is %j verifies nothing', async (record) => {
    const user = await enter()
    const token = await on.protect(user, 'x')
    const verified = client.grants.verify(user.sid, token, { record: record as string })
    await expect(verified).rejects.toMatchObject({ code: 'invalid_argument' })
  })

  test('a record needs consume', async () => {
    const refused = await call('/grant/verify', {
      sessionId: 's',
      tokenId: `lunasec-${randomUUID()}`,
      record: 'r',
    })
    expect([refused.status, refused.body.error.message]).toEqual([
      400,
      expect.stringContaining('body/record'),
    ])
  })
})

describe('how long and how many', () => {
  test('the default and the longest life are those of the settings', async () => {
    const user = await enter()
    const tokenId = await on.protect(user, 'x')
    const now = Math.floor(Date.now() / 1000)
    const lives = async (ttl?: number | string) =>
      (await on.grant(user.sid, tokenId, ttl === undefined ? {} : { ttl })).body.data?.expiresAt - now
    expect(await lives()).toBeCloseTo(600, -2)
    expect(await lives('1h')).toBeCloseTo(3600, -2)
    for (const ttl of [3601, '1h1s', 0, -5, '0m', '1.5h', 'soon', '1h20', '15 m', '']) {
      const refused = await on.grant(user.sid, tokenId, { ttl })
      expect([refused.status, refused.body.error.message], String(ttl)).toEqual([
        400,
        expect.stringContaining('body/ttl: '),
      ])
    }
  })

  test('a session gets so many and no more, all of a batch or none; what is revoked makes room', async () => {
    const user = await enter()
    const tokens = [await on.protect(user, 'a'), await on.protect(user, 'b')]
    const set = (sessionId: string, tokenIds: readonly string[], more = {}) =>
      call('/grant/set', { sessionId, tokenIds, ...more })
    const third = await on.protect(user, 'c')
    const refused = await set(user.sid, tokens)
    expect([refused.status, refused.body.error.code]).toEqual([409, 'too_many_grants'])
    expect((await on.detokenize(user, tokens[0] as string)).status).toBe(403)
    expect((await set(user.sid, [third])).status).toBe(200)
    const full = await on.wire.call('/tokenize', { headers: user.headers, body: {} })
    expect([full.status, full.body.error.code]).toEqual([409, 'too_many_grants'])
    // To grant again what is granted takes no room; another session has its own.
    expect((await set(user.sid, [third], { ttl: '5m' })).status).toBe(200)
    expect((await set('somebody else', tokens)).status).toBe(200)
    await call('/grant/revoke', { sessionId: user.sid, tokenIds: tokens })
    expect((await set(user.sid, tokens)).status).toBe(200)
  })
})

describe('lists', () => {
  test('by session, by token, by access; page by page; without a name of anything', async () => {
    const [alice, bob] = [await enter(), await enter()]
    const [a, b] = [await on.protect(alice, 'a'), await on.protect(bob, 'b')]
    await on.grant(alice.sid, b, { purpose: 'help', maxUses: 3 })
    await on.grant(bob.sid, b)
    await on.detokenize(alice, b)
    const list = async (body: object) => (await call('/grant/list', body)).body.data
    const alices = (await list({ sessionId: alice.sid })).grants
    expect(alices).toHaveLength(2)
    expect(alices).toContainEqual(
      expect.objectContaining({ access: 'read', uses: 1, maxUses: 3, purpose: 'help' }),
    )
    const readersOfB = (await list({ tokenId: b, access: 'read' })).grants
    expect(new Set(readersOfB.map(({ token }: { token: string }) => token)).size).toBe(1)
    expect(new Set(readersOfB.map(({ session }: { session: string }) => session)).size).toBe(2)
    expect((await list({ sessionId: alice.sid, tokenId: a })).grants).toHaveLength(1)
    const paged: unknown[] = []
    let next: string | undefined
    do {
      const page = await list({ limit: 2, ...(next === undefined ? {} : { after: next }) })
      expect(page.grants.length).toBeLessThanOrEqual(2)
      paged.push(...page.grants)
      next = page.next
    } while (next !== undefined)
    const all = await listed(client.grants.list())
    expect(paged).toHaveLength(all.length)
    expect(new Set(all.map(({ grant }) => grant)).size).toBe(all.length)
    const text = JSON.stringify([alices, readersOfB, paged])
    for (const secret of [a, b, alice.sid, bob.sid]) expect(text).not.toContain(secret)
    expect((await list({ tokenId: `lunasec-${randomUUID()}` })).grants).toEqual([])
  })

  test.each([{ after: 'x' }, { after: '-'.repeat(86) }, { limit: 0 }, { limit: 1001 }, { access: 'write' }])(
    '%j is refused',
    async (body) => expect((await call('/grant/list', body)).status).toBe(400),
  )

  test('what has expired or was revoked is in no list', async () => {
    const user = await enter()
    const token = await on.protect(user, 'x')
    await on.grant(user.sid, token)
    await client.grants.revoke({ sid: user.sid })
    expect(await listed(client.grants.list({ sid: user.sid }))).toEqual([])
  })
})

describe('revoking everything', () => {
  test.each([{}, { all: false }, { all: true, sessionId: 's' }, { all: true, tokenIds: [] }])(
    '%j revokes nothing',
    async (body) => {
      const user = await enter()
      const token = await on.protect(user, 'x')
      await on.grant(user.sid, token)
      expect((await call('/grant/revoke', body)).status).toBe(400)
      expect((await on.detokenize(user, token)).status).toBe(200)
    },
  )

  test('all of the app, read and store', async () => {
    const user = await enter()
    const token = await on.protect(user, 'x')
    await on.grant(user.sid, token)
    expect(await client.grants.revoke({ all: true })).toBeGreaterThanOrEqual(2)
    expect((await on.detokenize(user, token)).status).toBe(403)
    expect(await listed(client.grants.list())).toEqual([])
    const odd = { all: true, sid: user.sid } as const
    await expect(client.grants.revoke(odd)).rejects.toMatchObject({ code: 'invalid_argument' })
  })
})
