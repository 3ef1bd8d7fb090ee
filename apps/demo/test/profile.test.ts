import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Site, signedUp, startSite, type Visitor } from './site.ts'

let site: Site
beforeAll(async () => {
  site = await startSite()
})
afterAll(() => site[Symbol.asyncDispose]())

const sidOf = (visitor: Visitor) => site.lunadefend.sid(visitor.login)
/** What the secure frame of this visitor would do. */
const tokenize = (visitor: Visitor, value: string) => site.lunadefend.tokenize(sidOf(visitor), value)
/** What the secure frame of this visitor gets to see. */
const reveal = (visitor: Visitor, token: string) => site.lunadefend.detokenizeText(sidOf(visitor), token)
const save = (visitor: Visitor, changes: object) =>
  visitor.post('/api/profile', { displayName: 'Grace', city: 'Arlington', ssn: '', notes: '', ...changes })
const read = async (visitor: Visitor) => (await visitor.get('/api/profile')).json

describe('the profile', () => {
  test('is empty at first, then what was saved, and its owner may read it', async () => {
    const visitor = await signedUp(site)
    expect(await read(visitor)).toEqual({ displayName: '', city: '', ssn: '', notes: '' })
    const ssn = await tokenize(visitor, '078-05-1120')
    await expect(reveal(visitor, ssn)).rejects.toMatchObject({ code: 'access_denied' })
    expect((await save(visitor, { ssn })).status).toBe(200)
    expect(await read(visitor)).toEqual({ displayName: 'Grace', city: 'Arlington', ssn, notes: '' })
    expect(await reveal(visitor, ssn)).toBe('078-05-1120')
  })

  test('is saved again with the tokens that it has, in a later login, too', async () => {
    const visitor = await signedUp(site)
    const ssn = await tokenize(visitor, '1')
    await save(visitor, { ssn })
    await visitor.post('/api/logout', {})
    await visitor.post('/api/login', { name: visitor.name, password: 'correct horse battery' })
    expect((await save(visitor, { ssn, city: 'Paris' })).status).toBe(200)
    expect(await read(visitor)).toMatchObject({ ssn, city: 'Paris' })
    expect(await reveal(visitor, ssn)).toBe('1')
  })

  test('of one user is never touched by another', async () => {
    const [one, two] = [await signedUp(site), await signedUp(site)]
    const ssn = await tokenize(one, '1')
    await save(one, { ssn })
    await save(two, { displayName: 'Two' })
    expect(await read(one)).toMatchObject({ ssn, displayName: 'Grace' })
    expect(await read(two)).toMatchObject({ ssn: '', displayName: 'Two' })
  })

  test.each([
    ['a list', { ssn: [''] }],
    ['null', { ssn: null }],
    ['a number', { city: 5 }],
    ['one key more', { accountId: 1 }],
    ['__proto__', JSON.parse('{"__proto__":{"admin":true}}')],
  ])('refuses %s', async (_what, changes) => {
    const visitor = await signedUp(site)
    const body = { displayName: '', city: '', ssn: '', notes: '' }
    const got = await visitor.post('/api/profile', { ...body, ...changes, ...protoOf(changes) })
    expect([got.status, got.json.error.code]).toEqual([400, 'invalid_request'])
  })
})

describe('a token that this session did not make', () => {
  test('is not stored, not even one that this session may read', async () => {
    const [owner, thief] = [await signedUp(site), await signedUp(site)]
    const token = await tokenize(owner, 'secret')
    await save(owner, { ssn: token })
    await site.lunadefend.grants.create(sidOf(thief), token)
    const got = await save(thief, { ssn: token })
    expect([got.status, got.json.error.code]).toEqual([403, 'token_refused'])
    expect(await read(thief)).toMatchObject({ ssn: '', displayName: '' })
  })

  test('is not stored in another field of its own owner either', async () => {
    const visitor = await signedUp(site)
    const ssn = await tokenize(visitor, '1')
    await save(visitor, { ssn })
    await visitor.post('/api/logout', {})
    await visitor.post('/api/login', { name: visitor.name, password: 'correct horse battery' })
    expect((await save(visitor, { ssn, notes: ssn })).json.error.code).toBe('token_refused')
  })

  test.each(['lunasec-00000000-0000-4000-8000-000000000000', 'ssn', ' '])('%j is not stored', async (ssn) => {
    const visitor = await signedUp(site)
    expect((await save(visitor, { ssn })).json.error.code).toBe('token_refused')
    expect(await read(visitor)).toMatchObject({ displayName: '' })
  })

  test('is not readable for who gets hold of it: the neighbour’s', async () => {
    const visitor = await signedUp(site)
    const { name, token } = (await visitor.get('/api/neighbour')).json
    expect(name).toBe('ada')
    expect(token).toMatch(/^lunasec-/)
    expect((await visitor.get('/api/neighbour')).json.token).toBe(token)
    await expect(reveal(visitor, token)).rejects.toMatchObject({ code: 'access_denied' })
    expect((await save(visitor, { ssn: token })).json.error.code).toBe('token_refused')
  })

  test('is not let through while the Tokenizer is down', async () => {
    const visitor = await signedUp(site)
    const ssn = await tokenize(visitor, '1')
    await site.service.tokenizer.stop()
    const got = await save(visitor, { ssn })
    await site.service.tokenizer.start()
    expect([got.status, got.json.error.code]).toEqual([503, 'vault_unavailable'])
    expect(await read(visitor)).toMatchObject({ ssn: '', displayName: '' })
    expect((await save(visitor, { ssn })).status).toBe(200)
  })
})

describe('a token that was replaced', () => {
  test('is deleted for good, when the new one is stored', async () => {
    const visitor = await signedUp(site)
    const [old, fresh] = [await tokenize(visitor, 'old'), await tokenize(visitor, 'new')]
    await save(visitor, { ssn: old })
    await save(visitor, { ssn: fresh })
    await expect(site.lunadefend.grants.create(sidOf(visitor), old)).rejects.toMatchObject({
      code: 'access_denied',
    })
    await read(visitor)
    expect(await reveal(visitor, fresh)).toBe('new')
  })

  test('is deleted when its field is cleared, and not when it only moves', async () => {
    const visitor = await signedUp(site)
    const [one, two] = [await tokenize(visitor, '1'), await tokenize(visitor, '2')]
    await save(visitor, { ssn: one, notes: two })
    await save(visitor, { ssn: two, notes: one })
    await read(visitor)
    expect([await reveal(visitor, one), await reveal(visitor, two)]).toEqual(['1', '2'])
    await save(visitor, { ssn: two, notes: '' })
    await expect(site.lunadefend.grants.create(sidOf(visitor), one)).rejects.toMatchObject({
      code: 'access_denied',
    })
  })

  test('stays where the save was refused', async () => {
    const visitor = await signedUp(site)
    const ssn = await tokenize(visitor, '1')
    await save(visitor, { ssn })
    await save(visitor, { ssn: 'lunasec-00000000-0000-4000-8000-000000000000' })
    expect(await read(visitor)).toMatchObject({ ssn })
    expect(await reveal(visitor, ssn)).toBe('1')
  })
})

test('the database has tokens in the place of values', async () => {
  const visitor = await signedUp(site)
  const ssn = await tokenize(visitor, '219-09-9999')
  await save(visitor, { ssn })
  const database = new DatabaseSync(join(site.directory, 'demo', 'demo.sqlite'), { readOnly: true })
  const rows = JSON.stringify(database.prepare('SELECT * FROM profiles').all())
  database.close()
  expect(rows).toContain(ssn)
  expect(rows).not.toContain('219-09-9999')
})

describe('what is shown beside the form', () => {
  test('is what really happened, in order, and only to whom it happened', async () => {
    const [visitor, other] = [await signedUp(site), await signedUp(site)]
    const ssn = await tokenize(visitor, '1')
    await save(visitor, { ssn })
    await read(visitor)
    const seen = await activities(visitor)
    expect(
      seen.map(({ kind, call, request, result }) => [kind, call ?? request, result].join(' ').trim()),
    ).toEqual([
      'session',
      'received POST /api/profile',
      'tokenizer grants.verify ok',
      'stored',
      'tokenizer grants.create ok',
      'sent GET /api/profile',
    ])
    expect(seen[1]?.body).toEqual({ displayName: 'Grace', city: 'Arlington', ssn, notes: '' })
    expect(seen[3]?.row).toMatchObject({ ssn, city: 'Arlington' })
    expect(JSON.stringify(await activities(other))).not.toContain(ssn)
  })

  test('tells of refusals, and never of a password or a cookie', async () => {
    const visitor = await signedUp(site)
    await save(visitor, { ssn: 'lunasec-00000000-0000-4000-8000-000000000000' })
    const seen = await activities(visitor)
    expect(seen.at(-1)).toMatchObject({ kind: 'tokenizer', call: 'grants.verify', result: 'not_granted' })
    const text = JSON.stringify(seen)
    for (const secret of ['correct horse battery', visitor.login, visitor.cookie ?? ''])
      expect(text).not.toContain(secret)
  })

  test('ends with the login', async () => {
    const visitor = await signedUp(site)
    await save(visitor, {})
    await visitor.post('/api/logout', {})
    await visitor.post('/api/login', { name: visitor.name, password: 'correct horse battery' })
    expect((await activities(visitor)).map(({ kind }) => kind)).toEqual(['session'])
  })
})

interface Seen {
  readonly kind: string
  readonly call?: string
  readonly request?: string
  readonly result?: string
  readonly body?: unknown
  readonly row?: unknown
}

/** The events that are there already. */
async function activities(visitor: Visitor): Promise<readonly Seen[]> {
  const controller = new AbortController()
  const response = await fetch(`${site.url}/api/activity`, {
    headers: { cookie: visitor.cookie ?? '' },
    signal: controller.signal,
  })
  expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/)
  const { value } = (await response.body?.getReader().read()) ?? {}
  controller.abort()
  const text = new TextDecoder().decode(value)
  return [...text.matchAll(/^data: (.*)$/gm)].map((match) => JSON.parse(match[1] ?? ''))
}

/** Spreading loses `__proto__`: this puts it back as JSON would have it. */
function protoOf(changes: object): object {
  return Object.hasOwn(changes, '__proto__')
    ? { toJSON: () => JSON.parse('{"displayName":"","city":"","ssn":"","notes":"","__proto__":{}}') }
    : {}
}
