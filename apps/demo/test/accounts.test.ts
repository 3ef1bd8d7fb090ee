import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PASSWORD, type Site, signedUp, startSite, Visitor } from './site.ts'

let site: Site
beforeAll(async () => {
  site = await startSite()
})
afterAll(() => site[Symbol.asyncDispose]())

const me = async (visitor: Visitor) => (await visitor.get('/api/me')).json.user

describe('signing up', () => {
  test('logs in, with a cookie that scripts and other sites do not get', async () => {
    const visitor = new Visitor(site)
    const got = await visitor.post('/api/accounts', { name: 'Grace', password: PASSWORD })
    expect(got.status).toBe(201)
    const [cookie] = got.headers['set-cookie'] ?? []
    expect(cookie).toMatch(/^demo\.sid=/)
    expect(cookie).toMatch(/; HttpOnly/)
    expect(cookie).toMatch(/; SameSite=Lax/)
    expect(await me(visitor)).toEqual({ name: 'grace' })
  })

  test('takes each name once, however it is spelled; the neighbour’s name is taken from the start', async () => {
    const { name } = await signedUp(site)
    for (const again of [name, name.toUpperCase(), 'ada', 'Ada']) {
      const got = await new Visitor(site).post('/api/accounts', { name: again, password: PASSWORD })
      expect([got.status, got.json.error.code, got.headers['set-cookie']]).toEqual([
        409,
        'name_taken',
        undefined,
      ])
    }
  })

  test.each([
    ['a short name', { name: 'ab', password: PASSWORD }],
    ['a name with a space', { name: 'a b c', password: PASSWORD }],
    ['a short password', { name: 'short-password', password: '123456789' }],
    ['a long password', { name: 'long-password', password: 'x'.repeat(201) }],
    ['no password', { name: 'no-password' }],
    ['a number as password', { name: 'number-password', password: 1234567890 }],
    ['a list as name', { name: ['listed'], password: PASSWORD }],
    ['one key more', { name: 'more-keys', password: PASSWORD, admin: 'true' }],
    ['a list', [{ name: 'in-a-list', password: PASSWORD }]],
    ['no JSON', '{"name":'],
    ['null', 'null'],
  ])('refuses %s', async (_what, body) => {
    const visitor = new Visitor(site)
    const got = await visitor.post('/api/accounts', body)
    expect([got.status, got.json.error.code]).toEqual([400, 'invalid_request'])
    expect(await me(visitor)).toBeNull()
  })

  test('refuses a body that is too long', async () => {
    const got = await new Visitor(site).post('/api/accounts', {
      name: 'x'.repeat(20_000),
      password: PASSWORD,
    })
    expect([got.status, got.json.error.code]).toEqual([413, 'too_large'])
  })
})

describe('logging in', () => {
  test('with the right password, and with no other', async () => {
    const { name } = await signedUp(site)
    const visitor = new Visitor(site)
    for (const password of ['wrong horse battery', '', `${PASSWORD} `, PASSWORD.toUpperCase()]) {
      expect((await visitor.post('/api/login', { name, password })).status).toBe(401)
    }
    expect(await me(visitor)).toBeNull()
    expect((await visitor.post('/api/login', { name, password: PASSWORD })).status).toBe(200)
    expect(await me(visitor)).toEqual({ name })
  })

  test('answers a wrong password and an unknown user alike', async () => {
    const { name } = await signedUp(site)
    const ask = (body: object) => new Visitor(site).post('/api/login', body)
    const wrong = await ask({ name, password: 'wrong horse battery' })
    const unknown = await ask({ name: 'nobody-by-this-name', password: 'wrong horse battery' })
    const impossible = await ask({ name: 'no name at all', password: 'x' })
    const without = ({ headers: { date: _, ...headers }, status, body }: typeof wrong) => ({
      headers,
      status,
      body,
    })
    expect(without(unknown)).toEqual(without(wrong))
    expect(without(impossible)).toEqual(without(wrong))
  })

  test('makes the visitor wait after too many guesses at one name, known or not', async () => {
    const { name } = await signedUp(site)
    for (const target of [name, 'an-unknown-name']) {
      const guess = () =>
        new Visitor(site).post('/api/login', { name: target, password: 'wrong horse battery' })
      for (let n = 0; n < 8; n++) expect((await guess()).status).toBe(401)
      const got = await guess()
      expect([got.status, got.json.error.code]).toEqual([429, 'too_many_attempts'])
      expect(Number(got.headers['retry-after'])).toBeGreaterThan(0)
    }
    const right = await new Visitor(site).post('/api/login', { name, password: PASSWORD })
    expect(right.status).toBe(429)
  })

  test('never keeps the session id from before: one that was planted is worth nothing', async () => {
    const thief = await signedUp(site)
    const { name } = await signedUp(site)
    const planted = thief.cookie
    const victim = new Visitor(site, planted)
    await victim.post('/api/login', { name, password: PASSWORD })
    expect(victim.cookie).not.toBe(planted)
    expect(await me(victim)).toEqual({ name })
    expect(await me(thief)).toBeNull()
  })

  test.each(['demo.sid=s%3Aplanted.signature', 'demo.sid=planted'])(
    'a made-up cookie is no session: %s',
    async (cookie) => {
      const visitor = new Visitor(site, cookie)
      expect(await me(visitor)).toBeNull()
      await visitor.post('/api/accounts', { name: `fixed-${cookie.length}`, password: PASSWORD })
      expect(visitor.login).not.toContain('planted')
    },
  )
})

describe('logging out', () => {
  test('ends the session for good, at the app and at the Tokenizer', async () => {
    const visitor = await signedUp(site)
    const { cookie, login } = visitor
    const sid = site.lunadefend.sid(login)
    const token = await site.lunadefend.tokenize(sid, 'value')
    await site.lunadefend.grants.create(sid, token)
    expect(await site.lunadefend.detokenizeText(sid, token)).toBe('value')
    expect((await visitor.post('/api/logout', {})).status).toBe(200)
    expect(visitor.cookie).toBeUndefined()
    expect(await me(new Visitor(site, cookie))).toBeNull()
    await expect(site.lunadefend.detokenize(sid, token)).rejects.toMatchObject({ code: 'access_denied' })
  })

  test('works without a session, too', async () => {
    expect((await new Visitor(site).post('/api/logout', {})).status).toBe(200)
  })

  test('ends the app’s session when the Tokenizer does not answer', async () => {
    const visitor = await signedUp(site)
    const { cookie } = visitor
    await site.service.tokenizer.stop()
    const got = await visitor.post('/api/logout', {})
    await site.service.tokenizer.start()
    expect(got.status).toBe(200)
    expect(await me(new Visitor(site, cookie))).toBeNull()
  })
})

test('a login survives a restart of the app', async () => {
  const visitor = await signedUp(site)
  await site.restart()
  expect(await me(visitor)).toEqual({ name: visitor.name })
})

test('the database holds no password and no session id', async () => {
  const visitor = await signedUp(site)
  const folder = join(site.directory, 'demo')
  const bytes = readdirSync(folder).map((file) => readFileSync(join(folder, file)))
  for (const secret of [PASSWORD, visitor.login]) {
    expect(bytes.some((file) => file.includes(secret))).toBe(false)
  }
  expect(bytes.some((file) => file.includes(visitor.name))).toBe(true)
})
