import { createServer as createNodeServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type ErrorRequestHandler, type Request } from 'express'
import session from 'express-session'
import { decodeJwt, decodeProtectedHeader, importJWK, jwtVerify } from 'jose'
import { afterEach, describe, expect, test } from 'vitest'
import { type AppSession, LunaDefend, type Pinning, pinToSession } from '../src/index.ts'
import { makeKey } from './keys.ts'

const key = await makeKey('EdDSA')
const client = new LunaDefend({
  tokenizerUrl: 'https://tokenizer.example.com',
  app: 'shop',
  signingKey: key.privateJwk,
})
const thumbprint = 'A'.repeat(43)
const challenge = 'Y2hhbGxlbmdl'
const good = JSON.stringify({ thumbprint, challenge })
const alice: AppSession = { id: 'session-of-alice', subject: 'user-1' }

interface Site {
  readonly url: string
  readonly port: number
  /** What reached the error handler of the application. */
  readonly errors: { code?: string }[]
  /** How often the application was asked who is logged in. */
  asked: number
}
const open: { close(): void }[] = []
afterEach(() => {
  for (const server of open.splice(0)) server.close()
})

interface SiteOptions {
  readonly session?: (req: Request) => AppSession | null | Promise<AppSession | null>
  readonly origins?: string[]
  readonly pinning?: Pinning<Request>
  readonly before?: (app: express.Express) => void
  readonly mount?: string
}

/** A real Express 5 server with the router in it. */
async function site(options: SiteOptions = {}): Promise<Site> {
  const app = express()
  options.before?.(app)
  const self = { url: '', port: 0, errors: [] as { code?: string }[], asked: 0 }
  const router = client.router({
    pinning: options.pinning ?? 'off',
    session: (req: Request) => {
      self.asked++
      return options.session === undefined ? alice : options.session(req)
    },
    ...(options.origins === undefined ? {} : { origins: options.origins }),
  })
  app.use(options.mount ?? '/', router)
  app.use((_req, res) => void res.status(404).send('the application'))
  const last: ErrorRequestHandler = (error, _req, res, _next) => {
    self.errors.push(error)
    res.status(500).send('error')
  }
  app.use(last)
  const server = app.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  open.push({
    close() {
      server.closeAllConnections()
      server.close()
    },
  })
  self.port = (server.address() as AddressInfo).port
  self.url = `http://127.0.0.1:${self.port}`
  return self
}

interface Sent {
  readonly method?: string
  readonly path?: string
  readonly headers?: Record<string, string | undefined>
  readonly body?: string | null
  readonly chunked?: boolean
}
interface Got {
  readonly status: number
  readonly headers: Record<string, unknown>
  readonly body: string
}

/** A request with exactly these headers: `fetch` would set Sec-Fetch headers of its own. */
function ask(to: Site, sent: Sent = {}): Promise<Got> {
  const defaults = { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin', origin: to.url }
  const headers = Object.fromEntries(
    Object.entries({ ...defaults, ...sent.headers }).filter((entry) => entry[1] !== undefined),
  ) as Record<string, string>
  const body = sent.body === undefined ? good : sent.body
  if (body !== null && sent.chunked !== true) headers['content-length'] ??= String(Buffer.byteLength(body))
  return new Promise((resolve, reject) => {
    const path = sent.path ?? '/.lunadefend/session'
    const request = httpRequest({
      port: to.port,
      host: '127.0.0.1',
      path,
      method: sent.method ?? 'POST',
      headers,
    })
    request.on('error', reject)
    request.on('response', async (response) => {
      let text = ''
      for await (const chunk of response) text += chunk
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text })
    })
    request.end(body ?? undefined)
  })
}

const codeOf = (got: Got): unknown => JSON.parse(got.body).error?.code

describe('the assertion', () => {
  test('says exactly what the design says, and its signature is good', async () => {
    const to = await site()
    const got = await ask(to)
    expect(got.status).toBe(200)
    expect(got.headers).toMatchObject({
      'cache-control': 'no-store',
      'content-type': 'application/json; charset=utf-8',
    })
    const answer = JSON.parse(got.body)
    expect(Object.keys(answer)).toEqual(['assertion'])
    expect(decodeProtectedHeader(answer.assertion)).toEqual({
      typ: 'lunadefend-session+jwt',
      alg: 'EdDSA',
      kid: 'k1',
    })
    const claims = decodeJwt(answer.assertion)
    expect(claims).toEqual({
      iss: 'shop',
      aud: 'https://tokenizer.example.com',
      sub: 'user-1',
      sid: client.sid('session-of-alice'),
      iat: expect.any(Number),
      exp: (claims.iat ?? 0) + 60,
      jti: expect.stringMatching(/^[A-Za-z0-9_-]{22}$/),
      nonce: challenge,
      origin: to.url,
      cnf: { jkt: thumbprint },
    })
    await jwtVerify(answer.assertion, await importJWK(key.publicJwk))
  })

  test('never holds the id of the application session, nor does the answer', async () => {
    const got = await ask(await site())
    const { assertion } = JSON.parse(got.body)
    expect(JSON.stringify([decodeJwt(assertion), got.headers])).not.toContain('session-of-alice')
  })

  test('has no subject where the application names none, and another jti each time', async () => {
    const to = await site({ session: async () => ({ id: 'x' }) })
    const [one, two] = await Promise.all([ask(to), ask(to)])
    const claims = [one, two].map((got) => decodeJwt(JSON.parse(got.body).assertion))
    expect(claims[0]).not.toHaveProperty('sub')
    expect(claims[0]?.jti).not.toBe(claims[1]?.jti)
  })
})

describe('roles', () => {
  test('are those that the application names, and are signed', async () => {
    const roles = ['support', 'Größe']
    const to = await site({ session: () => ({ ...alice, roles }) })
    const { assertion } = JSON.parse((await ask(to)).body)
    expect(decodeJwt(assertion)).toMatchObject({ roles })
    const [head = '', , tail = ''] = assertion.split('.')
    const claims = { ...decodeJwt(assertion), roles: ['admin'] }
    const forged = `${head}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${tail}`
    const publicKey = await importJWK(key.publicJwk, 'EdDSA')
    await jwtVerify(assertion, publicKey)
    await expect(jwtVerify(forged, publicKey)).rejects.toThrow()
  })

  test('are never those that the page asks for', async () => {
    const to = await site({ session: () => ({ ...alice, roles: ['support'] }) })
    const asking = JSON.stringify({ thumbprint, challenge, roles: ['admin'] })
    expect((await ask(to, { body: asking })).status).toBe(400)
  })

  test('as many as may be, as long as may be, fit', async () => {
    const roles = Array.from({ length: 32 }, (_, n) => `${n}`.padStart(64, 'r'))
    const to = await site({ session: () => ({ id: 'x', roles }) })
    expect((await ask(to)).status).toBe(200)
  })
})

describe('the last login', () => {
  test('is signed in whole seconds, and only where the application says when it was', async () => {
    const authenticatedAt = new Date(1_795_299_525_999)
    const said = [alice, { ...alice, authenticatedAt }].map(async (session) => {
      const { body } = await ask(await site({ session: () => session }))
      return decodeJwt(JSON.parse(body).assertion)['auth_time']
    })
    expect(await Promise.all(said)).toEqual([undefined, 1_795_299_525])
  })
})

describe('who may ask', () => {
  const refused: [string, Record<string, string | undefined>][] = [
    ['another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
    ['another site that is not named', { 'sec-fetch-site': 'cross-site' }],
    ['a sibling of the site', { 'sec-fetch-site': 'same-site' }],
    ['a navigation', { 'sec-fetch-site': 'none' }],
    ['a header sent twice', { 'sec-fetch-site': 'same-origin, cross-site' }],
    ['a forged Origin', { origin: 'https://evil.example' }],
    ['an Origin of another port', { origin: 'http://127.0.0.1:1' }],
    ['an Origin that only begins like ours', { origin: 'http://127.0.0.1.evil.example' }],
    ['the Origin null', { origin: 'null' }],
    ['no Origin', { origin: undefined }],
    ['an empty Origin', { origin: '' }],
    ['old browser: another origin', { 'sec-fetch-site': undefined, origin: 'https://evil.example' }],
    ['old browser: the Origin null', { 'sec-fetch-site': undefined, origin: 'null' }],
    ['neither header', { 'sec-fetch-site': undefined, origin: undefined }],
  ]
  test.each(refused)('%s is refused, and the session is not even looked for', async (_who, headers) => {
    const to = await site()
    const got = await ask(to, { headers })
    expect([got.status, codeOf(got)]).toEqual([403, 'cross_origin'])
    expect(to.asked).toBe(0)
    expect(got.headers).not.toHaveProperty('access-control-allow-origin')
  })

  test('the page itself, also from a browser without Sec-Fetch-Site', async () => {
    const to = await site()
    expect((await ask(to, { headers: { 'sec-fetch-site': undefined } })).status).toBe(200)
  })

  test('with `origins`: one of them and nothing else, whatever Host says', async () => {
    const to = await site({ origins: ['https://app.example.com', 'https://www.example.com'] })
    const from = (origin: string, more = {}) => ask(to, { headers: { origin, ...more } })
    const got = await from('https://app.example.com')
    expect(decodeJwt(JSON.parse(got.body).assertion)['origin']).toBe('https://app.example.com')
    expect((await from('https://www.example.com', { 'sec-fetch-site': undefined })).status).toBe(200)
    expect((await from(to.url)).status).toBe(403)
    expect((await from('https://evil.example', { host: 'evil.example' })).status).toBe(403)
    expect((await from('https://app.example.com', { 'sec-fetch-site': 'cross-site' })).status).toBe(403)
  })

  test('behind a proxy that is trusted, the scheme is the public one', async () => {
    const to = await site({ before: (app) => app.set('trust proxy', true) })
    const headers = {
      host: 'app.example.com',
      'x-forwarded-proto': 'https',
      origin: 'https://app.example.com',
    }
    expect((await ask(to, { headers })).status).toBe(200)
    const lying = { ...headers, 'x-forwarded-host': 'evil.example', origin: 'https://evil.example' }
    expect((await ask(to, { headers: lying })).status).toBe(403)
  })

  test('X-Forwarded-Proto of a stranger changes nothing', async () => {
    const to = await site()
    const headers = {
      host: 'app.example.com',
      'x-forwarded-proto': 'https',
      origin: 'https://app.example.com',
    }
    expect((await ask(to, { headers })).status).toBe(403)
  })

  test.each([
    [[]],
    [['https://app.example.com/']],
    [['app.example.com']],
    [['*']],
    ['https://app.example.com'],
  ])('the option origins: %j is refused', (origins) => {
    expect(() =>
      client.router({ pinning: 'off', session: () => null, origins: origins as string[] }),
    ).toThrowError(expect.objectContaining({ code: 'invalid_option' }))
  })
})

describe('what may be asked', () => {
  test.each(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])('%s is refused', async (method) => {
    const to = await site()
    const got = await ask(to, { method, body: null })
    expect([got.status, got.headers['allow']]).toEqual([405, 'POST'])
    expect(to.asked).toBe(0)
  })

  test.each([
    [undefined],
    ['text/plain'],
    ['application/x-www-form-urlencoded'],
    ['multipart/form-data; boundary=x'],
    ['application/json-patch+json'],
    ['application/json, text/plain'],
    ['text/plain; application/json'],
    ['application/json; charset=utf-16'],
  ])('the content type %s is refused', async (type) => {
    const to = await site()
    const got = await ask(to, { headers: { 'content-type': type } })
    expect([got.status, codeOf(got)]).toEqual([415, 'unsupported_media_type'])
    expect(to.asked).toBe(0)
  })

  test('application/json with utf-8 is fine', async () => {
    const to = await site()
    expect((await ask(to, { headers: { 'content-type': 'Application/JSON; charset="UTF-8"' } })).status).toBe(
      200,
    )
  })

  const wrong: [string, string][] = [
    ['no body', ''],
    ['no JSON', '{'],
    ['null', 'null'],
    ['a list', `[${good}]`],
    ['a text', JSON.stringify(good)],
    ['no thumbprint', JSON.stringify({ challenge })],
    ['no challenge', JSON.stringify({ thumbprint })],
    ['one key more', JSON.stringify({ thumbprint, challenge, origin: 'https://evil.example' })],
    ['__proto__', `{"thumbprint":"${thumbprint}","challenge":"${challenge}","__proto__":{}}`],
    ['only __proto__', `{"__proto__":${good}}`],
    ['a short thumbprint', JSON.stringify({ thumbprint: thumbprint.slice(1), challenge })],
    ['a long thumbprint', JSON.stringify({ thumbprint: `${thumbprint}A`, challenge })],
    ['plain base64', JSON.stringify({ thumbprint: `+${thumbprint.slice(1)}`, challenge })],
    ['a line end', JSON.stringify({ thumbprint, challenge: `${challenge}\n` })],
    ['an empty challenge', JSON.stringify({ thumbprint, challenge: '' })],
    ['a long challenge', JSON.stringify({ thumbprint, challenge: 'a'.repeat(257) })],
    ['a number', JSON.stringify({ thumbprint, challenge: 1 })],
    ['a list of one', JSON.stringify({ thumbprint: [thumbprint], challenge })],
  ]
  describe.each([
    ['parsed by nobody', undefined],
    ['parsed by express.json()', (app: express.Express) => void app.use(express.json())],
    ['parsed by express.text()', (app: express.Express) => void app.use(express.text({ type: () => true }))],
    ['parsed by express.raw()', (app: express.Express) => void app.use(express.raw({ type: () => true }))],
    ['left by express.urlencoded()', (app: express.Express) => void app.use(express.urlencoded())],
  ])('a body %s', (_how, before) => {
    const made = () => site(before === undefined ? {} : { before })

    test('is answered when it is right', async () => {
      const to = await made()
      expect((await ask(to)).status).toBe(200)
      expect((await ask(to, { chunked: true })).status).toBe(200)
    })

    test.each(wrong)('is refused with %s', async (_what, body) => {
      const to = await made()
      const got = await ask(to, { body })
      // A body parser refuses by itself what is no JSON object, and the application hears of it.
      const parsers = to.errors.filter((error) => 'type' in error && error.type === 'entity.parse.failed')
      expect(got.status).toBe(parsers.length === 1 ? 500 : 400)
      expect(to.asked).toBe(0)
    })

    test.each([[false], [true]])('is refused when it is too long (chunked: %s)', async (chunked) => {
      const to = await made()
      const got = await ask(to, {
        body: JSON.stringify({ thumbprint, challenge: 'a'.repeat(60_000) }),
        chunked,
      })
      expect([got.status, codeOf(got)]).toEqual([413, 'payload_too_large'])
      expect(to.asked).toBe(0)
      expect((await ask(to)).status).toBe(200)
    })
  })

  test('a client that goes away in the middle is nobody’s error', async () => {
    const to = await site()
    const headers = { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin', origin: to.url }
    const request = httpRequest({
      port: to.port,
      host: '127.0.0.1',
      path: '/.lunadefend/session',
      method: 'POST',
      headers: { ...headers, 'content-length': '200' },
    })
    request.on('error', () => undefined)
    request.write('{"thumb')
    await new Promise((resolve) => setTimeout(resolve, 100))
    request.destroy()
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect((await ask(to)).status).toBe(200)
    expect(to.errors).toEqual([])
  })
})

describe('the session of the application', () => {
  test.each([[null], [undefined]])('nobody logged in (%s) is 401 in JSON', async (nobody) => {
    const to = await site({ session: () => nobody as null })
    const got = await ask(to)
    expect([got.status, codeOf(got)]).toEqual([401, 'no_session'])
  })

  test('is found by the request that asks', async () => {
    const to = await site({ session: (req) => (req.headers.cookie === 'sid=bob' ? { id: 'bob' } : null) })
    expect((await ask(to, { headers: { cookie: 'sid=bob' } })).status).toBe(200)
    expect((await ask(to)).status).toBe(401)
  })

  test.each([
    ['an empty id', { id: '' }],
    ['no id', {}],
    ['a number as id', { id: 5 }],
    ['the subject application', { id: 'x', subject: 'application' }],
    ['the subject operator', { id: 'x', subject: 'operator' }],
    ['an empty subject', { id: 'x', subject: '' }],
    ['a long subject', { id: 'x', subject: 's'.repeat(257) }],
    ['a text', 'session-of-alice'],
    ['a text in place of roles', { id: 'x', roles: 'support' }],
    ['an empty role', { id: 'x', roles: [''] }],
    ['a long role', { id: 'x', roles: ['r'.repeat(65)] }],
    ['a number among the roles', { id: 'x', roles: ['support', 5] }],
    ['a login in the future', { id: 'x', authenticatedAt: new Date(Date.now() + 60_000) }],
    ['a login at no time', { id: 'x', authenticatedAt: new Date('yesterday') }],
    ['the time of a login as a text', { id: 'x', authenticatedAt: new Date().toISOString() }],
    ['more than 32 roles', { id: 'x', roles: Array.from({ length: 33 }, (_, n) => `role-${n}`) }],
    ['roles that fit into no assertion', { id: 'x', roles: Array(32).fill('😀'.repeat(32)) }],
  ])('%s is an error of the application, not an assertion', async (_what, session) => {
    const to = await site({ session: () => session as AppSession })
    const got = await ask(to)
    expect(got.status).toBe(500)
    expect(got.body).not.toContain('eyJ')
    expect(to.errors).toMatchObject([{ code: 'invalid_session' }])
  })

  test.each([
    [
      'throws',
      () => {
        throw Object.assign(new Error('x'), { code: 'mine' })
      },
    ],
    ['rejects', () => Promise.reject(Object.assign(new Error('x'), { code: 'mine' }))],
  ])('a function that %s goes to the error handler of the application', async (_how, session) => {
    const to = await site({ session })
    expect((await ask(to)).status).toBe(500)
    expect(to.errors).toMatchObject([{ code: 'mine' }])
  })
})

describe('the paths', () => {
  test('the public key, and nothing of the private one', async () => {
    const to = await site()
    const got = await ask(to, { method: 'GET', path: '/.lunadefend/jwks.json', headers: {}, body: null })
    expect(got.status).toBe(200)
    const { kty, crv, x } = key.publicJwk
    expect(JSON.parse(got.body)).toEqual({ keys: [{ kty, crv, x, kid: 'k1', alg: 'EdDSA', use: 'sig' }] })
    expect((await ask(to, { path: '/.lunadefend/jwks.json' })).status).toBe(405)
  })

  test('of ES256 likewise', async () => {
    const es256 = await makeKey('ES256')
    const other = new LunaDefend({
      tokenizerUrl: 'https://t.example',
      app: 'shop',
      signingKey: es256.privateJwk,
    })
    const router = other.router({ pinning: 'off', session: () => null })
    const server = createNodeServer((req, res) => router(req, res, () => res.end()))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    open.push(server)
    const port = (server.address() as AddressInfo).port
    const answer = await fetch(`http://127.0.0.1:${port}/.lunadefend/jwks.json?x=1`)
    expect(await answer.json()).toEqual({ keys: [{ ...es256.publicJwk, use: 'sig' }] })
  })

  test.each([
    '/',
    '/.lunadefend',
    '/.lunadefend/session/',
    '/.lunadefend/sessions',
    '/.LUNADEFEND/session',
    '//.lunadefend/session',
  ])('%s is the application’s', async (path) => {
    expect((await ask(await site(), { path })).body).toBe('the application')
  })

  test('works where Express mounts it under its path, and with a query', async () => {
    const to = await site({ mount: '/.lunadefend' })
    expect((await ask(to, { path: '/.lunadefend/session?x' })).status).toBe(200)
  })

  test('a damaged Host header is 400', async () => {
    const to = await site()
    expect((await ask(to, { headers: { host: 'a b' } })).status).toBe(400)
  })
})

describe('pinning', () => {
  const other = 'B'.repeat(43)

  test('the application is told the thumbprint, and nothing is signed for another one than it answers', async () => {
    const told: string[] = []
    const answers = [thumbprint, other]
    const pinning = async (_: Request, asked: string) => {
      told.push(asked)
      return answers.shift() ?? ''
    }
    const to = await site({ pinning })
    expect((await ask(to)).status).toBe(200)
    const refused = await ask(to)
    expect([refused.status, codeOf(refused), refused.body.includes('assertion')]).toEqual([
      409,
      'relogin',
      false,
    ])
    expect((await ask(to)).status).toBe(409)
    expect(told).toEqual([thumbprint, thumbprint, thumbprint])
  })

  test('it is not asked where nobody is logged in, or the request is not from a page of ours', async () => {
    let asked = 0
    const pinning = () => String(++asked)
    await ask(await site({ pinning, session: () => null }))
    await ask(await site({ pinning }), { headers: { 'sec-fetch-site': 'cross-site' } })
    expect(asked).toBe(0)
  })

  test('when it fails nothing is signed', async () => {
    const pinning = () => Promise.reject(new Error('no database'))
    const to = await site({ pinning })
    const got = await ask(to)
    expect([got.status, got.body.includes('assertion')]).toEqual([500, false])
  })

  test('a session that cannot be read or kept is signed for nobody', async () => {
    for (const broken of ['reload', 'save'] as const) {
      const works = (done: (error?: unknown) => void) => done()
      const fails = (done: (error?: unknown) => void) => done(new Error('no store'))
      const kept = { id: 'x', reload: works, save: works, [broken]: fails }
      const got = await ask(await site({ pinning: pinToSession(() => kept) }))
      expect([got.status, got.body.includes('assertion')]).toEqual([500, false])
    }
  })

  test('a login that ends while its frame asks is nobody: 401, and it is not brought back', async () => {
    const store = new session.MemoryStore()
    const to = await site({
      before: (app) => app.use(session({ store, secret: 'x', resave: false, saveUninitialized: false })),
      async session({ session: mine }) {
        await new Promise((resolve) => mine.save(resolve))
        await new Promise((resolve) => store.destroy(mine.id, resolve))
        return { id: mine.id }
      },
      pinning: pinToSession((req) => req.session),
    })
    const got = await ask(to)
    expect([got.status, codeOf(got), to.errors]).toEqual([401, 'no_session', []])
    expect(await new Promise((resolve) => store.all((_error, kept) => resolve(kept)))).toEqual({})
  })

  test('a pinning that finds no login any more says so with null', async () => {
    const got = await ask(await site({ pinning: () => null }))
    expect([got.status, codeOf(got)]).toEqual([401, 'no_session'])
  })

  test.each([undefined, null, 'on', true, {}])('%j must be chosen otherwise', (pinning) => {
    const options = { session: () => null, pinning: pinning as unknown as 'off' }
    expect(() => client.router(options)).toThrowError(expect.objectContaining({ code: 'invalid_option' }))
  })
})

describe('a router that speaks Fetch', () => {
  const origin = 'https://app.example.com'
  const router = client.fetchRouter({
    origins: [origin],
    pinning: async (request, asked) => request.headers.get('cookie') && asked,
    session: async (request) => (request.headers.has('cookie') ? alice : null),
  })
  /** As it arrives behind a proxy. */
  const post = (headers: Record<string, string> = {}, body = good) =>
    router(
      new Request('http://10.0.0.7:3000/.lunadefend/session', {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin', origin, ...headers },
        body,
      }),
    )

  test('signs for who is logged in, as the other one does', async () => {
    const answer = await post({ cookie: 'login=alice' })
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store'])
    const { assertion } = await answer.json()
    expect(decodeJwt(assertion)).toMatchObject({ sub: 'user-1', origin, nonce: challenge })
  })

  test('refuses what the other one refuses', async () => {
    const cookie = 'login=alice'
    const answers = [post(), post({ cookie, 'sec-fetch-site': 'cross-site' }), post({ cookie }, '{}')]
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([401, 403, 400])
  })

  test('serves the public key, and nothing else', async () => {
    const keys = await router(new Request(`${origin}/.lunadefend/jwks.json`))
    expect((await keys.json()).keys[0]).not.toHaveProperty('d')
    expect((await router(new Request(`${origin}/.lunadefend/other`))).status).toBe(404)
  })

  test('rejects with what the application throws, and with wrong options at once', async () => {
    const broken = client.fetchRouter({
      pinning: 'off',
      session: () => Promise.reject(new Error('no store')),
    })
    const request = new Request(`${origin}/.lunadefend/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin },
      body: good,
    })
    await expect(broken(request)).rejects.toThrow('no store')
    const wrong = { session: () => null } as unknown as Parameters<typeof client.fetchRouter>[0]
    expect(() => client.fetchRouter(wrong)).toThrowError(expect.objectContaining({ code: 'invalid_option' }))
  })
})
