import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { answerErrors } from '../src/gatekeeping.ts'
import { PASSWORD, type Site, signedUp, startSite, Visitor } from './site.ts'

let site: Site
beforeAll(async () => {
  site = await startSite()
})
afterAll(() => site[Symbol.asyncDispose]())

const POSTS: [string, unknown][] = [
  ['/api/accounts', { name: 'somebody-new', password: PASSWORD }],
  ['/api/login', { name: 'somebody', password: PASSWORD }],
  ['/api/logout', {}],
  ['/api/profile', { displayName: 'x', city: 'x', ssn: '', notes: '' }],
  ['/.lunadefend/session', { thumbprint: 'A'.repeat(43), challenge: 'Y2hhbGxlbmdl' }],
]

describe.each(POSTS)('POST %s', (path, body) => {
  const refused: [string, Record<string, string | undefined>][] = [
    ['another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
    ['another port of this host', { 'sec-fetch-site': 'same-site', origin: 'http://localhost:1' }],
    ['the bar of the browser', { 'sec-fetch-site': 'none', origin: undefined }],
    ['a header of its own making', { 'sec-fetch-site': 'same-origin', origin: 'https://evil.example' }],
    ['an old browser on another site', { 'sec-fetch-site': undefined, origin: 'https://evil.example' }],
    ['a sandboxed page', { 'sec-fetch-site': undefined, origin: 'null' }],
    ['nobody knows where', { 'sec-fetch-site': undefined, origin: undefined }],
  ]
  test.each(refused)('from %s is refused, and nothing happens', async (_where, headers) => {
    const visitor = await signedUp(site)
    const got = await visitor.post(path, body, headers)
    expect([got.status, got.json.error.code]).toEqual([403, 'cross_site'])
    expect((await visitor.get('/api/me')).json.user).toEqual({ name: visitor.name })
    expect((await visitor.get('/api/profile')).json.displayName).toBe('')
    expect(got.headers['access-control-allow-origin']).toBeUndefined()
  })

  test.each(['text/plain', 'application/x-www-form-urlencoded', undefined])(
    'with the content type %s changes nothing',
    async (type) => {
      const visitor = await signedUp(site)
      const got = await visitor.post(path, body, { 'content-type': type })
      expect(path === '/api/logout' || got.status >= 400).toBe(true)
      if (path !== '/api/logout') {
        expect((await visitor.get('/api/me')).json.user).toEqual({ name: visitor.name })
        expect((await visitor.get('/api/profile')).json.displayName).toBe('')
      }
    },
  )
})

test.each(['PUT', 'DELETE', 'PATCH', 'OPTIONS'])(
  '%s from another site is refused as POST is',
  async (method) => {
    const got = await new Visitor(site).send(method, '/api/profile', undefined, {
      'sec-fetch-site': 'cross-site',
    })
    expect(got.status).toBe(403)
    expect(got.headers['access-control-allow-origin']).toBeUndefined()
  },
)

describe('the name of the host', () => {
  test('127.0.0.1 is sent to localhost, with its path', async () => {
    const got = await new Visitor(site).get('/vault?x=1', { host: `127.0.0.1:${site.port}` })
    expect([got.status, got.headers.location]).toEqual([307, `${site.url}/vault?x=1`])
  })

  test.each(['//evil.example', '/\\evil.example', '/@evil.example'])(
    'and never elsewhere: %s',
    async (path) => {
      const got = await new Visitor(site).get(path, { host: '127.0.0.1' })
      expect(new URL(got.headers.location ?? '').origin).toBe(site.url)
    },
  )

  test('nothing is posted to 127.0.0.1', async () => {
    const got = await new Visitor(site).post('/api/logout', {}, { host: `127.0.0.1:${site.port}` })
    expect([got.status, got.json.error.code]).toEqual([421, 'wrong_host'])
  })

  test.each(['evil.example', 'localhost', 'localhost.evil.example', 'localhost:1'])(
    'a name that points here is not ours: %s',
    async (host) => {
      expect((await new Visitor(site).get('/', { host })).status).toBe(421)
      expect((await new Visitor(site).get('/api/me', { host })).status).toBe(421)
    },
  )
})

describe('the headers', () => {
  test('of the page', async () => {
    const { status, headers, body } = await new Visitor(site).get('/')
    expect(status).toBe(200)
    const policy = String(headers['content-security-policy'])
    expect(policy).toContain(`frame-src ${site.service.tokenizerUrl};`)
    for (const rule of [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
    ]) {
      expect(policy).toContain(rule)
    }
    expect(policy).not.toMatch(/unsafe|\*|data:|blob:/)
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'cross-origin-opener-policy': 'same-origin',
      'referrer-policy': 'same-origin',
      'cache-control': 'no-store',
    })
    expect(headers['x-powered-by']).toBeUndefined()
    expect(body).not.toMatch(/<script(?![^>]* src=)|<style|https?:\/\/(?!localhost)/)
  })

  test('the page’s files are what `integrity` says, and may be kept', async () => {
    const { body } = await new Visitor(site).get('/')
    const paths = [
      ...body.matchAll(/(?:src|href)="(\/assets\/[0-9a-f]+\.(?:js|css))" integrity="sha256-/g),
    ].map((m) => m[1])
    expect(paths).toHaveLength(2)
    for (const path of paths) {
      const got = await new Visitor(site).get(path ?? '')
      expect(got.status).toBe(200)
      expect(got.headers['cache-control']).toContain('immutable')
    }
  })

  test.each(['/nothing', '/api/nothing', '/assets/../src/server.ts', '/.env'])(
    '%s is 404 in JSON',
    async (path) => {
      const got = await new Visitor(site).get(path)
      expect([got.status, got.json.error.code]).toEqual([404, 'not_found'])
      expect(got.headers['content-security-policy']).toBeDefined()
    },
  )
})

test.each(['/api/profile', '/api/activity', '/api/neighbour'])(
  '%s is for those who are logged in',
  async (path) => {
    const got = await new Visitor(site).get(path)
    expect([got.status, got.json.error.code]).toEqual([401, 'not_logged_in'])
  },
)

test('nothing was logged all along: what is refused is no failure', () => {
  expect(site.logged).toEqual([])
})

test('a failure is logged by its kind and place; neither log nor answer says more', async () => {
  const logged: string[] = []
  const app = express()
  app.get('/broken', () => {
    throw Object.assign(new TypeError('cookie: demo.sid=secret'), { code: 'ERR_X' })
  })
  app.use(answerErrors((line) => logged.push(line)))
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const answer = await fetch(`http://127.0.0.1:${port}/broken?token=secret`, {
    headers: { cookie: 'a=secret' },
  })
  const body = await answer.text()
  server.closeAllConnections()
  server.close()
  expect(answer.status).toBe(500)
  expect(logged).toEqual(['GET /broken failed: TypeError ERR_X'])
  expect(body).not.toMatch(/secret|TypeError/)
})
