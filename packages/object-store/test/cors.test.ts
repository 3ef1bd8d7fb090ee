import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { launchChromium } from '../../secure-frame/test/chromium.ts'
import { call, NOW, ORIGIN, presigned, send, sse, startTestStore, type TestStore } from './harness.ts'

const CUSTOMER_KEY = Object.keys(sse())

describe('headers', () => {
  let store: TestStore
  beforeAll(async () => {
    store = await startTestStore()
  })
  afterAll(() => store[Symbol.asyncDispose]())

  const preflight = (headers: Record<string, string>) =>
    send({ method: 'OPTIONS', url: presigned(store, 'PUT', 'key'), headers })
  const permissions = (headers: object) =>
    Object.keys(headers).filter((name) => name.startsWith('access-control-'))

  test('a preflight of the configured origin is answered, without a signature', async () => {
    const asked = ['content-type', 'if-none-match', 'x-amz-meta-a', 'range', ...CUSTOMER_KEY].join(',')
    for (const method of ['GET', 'HEAD', 'PUT']) {
      const answer = await preflight({
        origin: ORIGIN,
        'access-control-request-method': method,
        'access-control-request-headers': asked,
      })
      expect(answer.status).toBe(200)
      expect(answer.headers['access-control-allow-origin']).toBe(ORIGIN)
      expect(answer.headers['access-control-allow-methods']?.split(', ')).toContain(method)
      expect(answer.headers['access-control-allow-headers']?.split(', ')).toEqual(asked.split(','))
      expect(answer.headers.vary?.split(', ')).toContain('Origin')
      expect(answer.headers).not.toHaveProperty('access-control-allow-credentials')
    }
  })

  test.each([
    'https://evil.example',
    'null',
    '*',
    `${ORIGIN}/`,
    `${ORIGIN}.evil.example`,
    ORIGIN.toUpperCase(),
    'https://localhost:37766',
    'http://localhost:37767',
    'http://localhost',
    '',
  ])('the origin %j gets nothing', async (origin) => {
    const refused = await preflight({ origin, 'access-control-request-method': 'GET' })
    expect([refused.status, refused.code]).toEqual([403, 'AccessForbidden'])
    const get = await call(store, 'GET', 'nothing', { unsigned: { origin } })
    const put = await call(store, 'PUT', 'foreign', { unsigned: { origin }, body: 'x' })
    for (const { headers } of [refused, get, put]) {
      expect(permissions(headers)).toEqual([])
      expect(headers.vary).toBe('Origin')
    }
  })

  test.each([
    ['another method', { 'access-control-request-method': 'DELETE' }, 'AccessForbidden'],
    ['a method in lower case', { 'access-control-request-method': 'put' }, 'AccessForbidden'],
    ['an authorization header', { 'access-control-request-headers': 'authorization' }, 'AccessForbidden'],
    ['a cookie', { 'access-control-request-headers': 'range, cookie' }, 'AccessForbidden'],
    ['a header that is no name', { 'access-control-request-headers': 'x-amz-a\tb' }, 'AccessForbidden'],
    ['no method', { 'access-control-request-method': undefined }, 'BadRequest'],
    ['no origin', { origin: undefined }, 'BadRequest'],
  ])('a preflight with %s is refused', async (_, change, code) => {
    const headers = { origin: ORIGIN, 'access-control-request-method': 'PUT', ...change }
    const sent = Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== undefined)
    expect((await preflight(Object.fromEntries(sent))).code).toBe(code)
  })

  test('answers and errors may be read by the configured origin', async () => {
    const headers = sse()
    const unsigned = { origin: ORIGIN }
    const answers = [
      await call(store, 'PUT', 'key', { headers, unsigned, body: 'x' }),
      await call(store, 'GET', 'key', { headers, unsigned }),
      await call(store, 'GET', 'key', { unsigned }),
      await call(store, 'GET', 'nothing', { unsigned }),
      await send({ method: 'GET', url: `${store.url}/unsigned`, headers: unsigned }),
      await send({ method: 'GET', url: `${store.url}/%zz`, headers: unsigned }),
    ]
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 400, 404, 403, 400])
    for (const { headers } of answers) {
      expect(headers['access-control-allow-origin']).toBe(ORIGIN)
      expect(headers['access-control-expose-headers']?.split(', ')).toEqual(
        expect.arrayContaining(['etag', 'content-length', 'content-range', 'x-amz-request-id']),
      )
      expect(headers.vary).toBe('Origin')
      expect(headers).not.toHaveProperty('access-control-allow-credentials')
    }
  })

  test.each([
    '*',
    'null',
    'localhost:37766',
    'http://localhost:37766/',
    'http://localhost:80',
    'HTTP://localhost',
    '',
  ])('the store does not start for the origin %j', async (origin) => {
    await expect(startTestStore({ corsOrigins: [origin] })).rejects.toThrow(TypeError)
  })
})

describe('in Chromium', () => {
  let browser: Browser
  let pages: Server
  let store: TestStore
  let port: number
  beforeAll(async () => {
    pages = createServer((_, response) =>
      response.setHeader('content-type', 'text/html').end('<!doctype html>'),
    )
    await once(pages.listen(0, '127.0.0.1'), 'listening')
    port = (pages.address() as AddressInfo).port
    store = await startTestStore({ corsOrigins: [`http://localhost:${port}`] })
    browser = await launchChromium()
  })
  afterAll(async () => {
    await browser.close()
    pages.close()
    await store[Symbol.asyncDispose]()
  })

  /** Runs in the page: what its script gets to see, or the name of the error that it gets instead. */
  async function fetchInPage(
    origin: string,
    url: string,
    init: { method: string; headers: Record<string, string>; body?: string },
  ) {
    const page = await browser.newPage()
    await page.goto(origin)
    const seen = await page.evaluate(
      async ([url, init]) => {
        try {
          const response = await fetch(url, init)
          const etag = response.headers.get('etag')
          return { status: response.status, etag, text: await response.text() }
        } catch (error) {
          return (error as Error).name
        }
      },
      [url, init] as const,
    )
    await page.close()
    return seen
  }

  test('the configured origin stores and reads; another one gets nothing', async () => {
    const key = `v1/${randomBytes(16).toString('hex')}`
    const headers = sse()
    const once = { ...headers, 'if-none-match': '*' }
    const putUrl = presigned(store, 'PUT', key, { headers: once })
    const getUrl = presigned(store, 'GET', key, { headers })
    const put = { method: 'PUT', headers: { ...once, 'content-type': 'text/plain' }, body: 'grüße 🌙' }
    const home = `http://localhost:${port}`
    const foreign = `http://127.0.0.1:${port}`
    expect(await fetchInPage(foreign, putUrl, put)).toBe('TypeError')
    expect((await call(store, 'GET', key, { headers })).code).toBe('NoSuchKey')
    expect(await fetchInPage(home, putUrl, put)).toMatchObject({
      status: 200,
      etag: expect.stringMatching(/^"/),
    })
    expect(await fetchInPage(home, putUrl, put)).toMatchObject({
      status: 412,
      text: expect.stringContaining('<Code>'),
    })
    expect(await fetchInPage(home, getUrl, { method: 'GET', headers })).toMatchObject({
      status: 200,
      text: put.body,
    })
    expect(await fetchInPage(foreign, getUrl, { method: 'GET', headers })).toBe('TypeError')
    store.setNow(new Date(NOW.getTime() + 301_000))
    expect(await fetchInPage(home, getUrl, { method: 'GET', headers })).toMatchObject({ status: 403 })
  })
})
