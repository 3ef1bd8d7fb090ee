import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CALLS } from '@lunadefend/contract'
import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Site, startSite } from '../../apps/demo/test/site.ts'
import { type OwnBrowser, startChromium } from '../../packages/secure-frame/test/chromium.ts'
import { bytesOf, type Detour, type Exchange, startDetour, takeDetours } from '../harness/detour.ts'
import { ATTACKS, isAskedFirst, type Target, waysTo } from '../harness/page-attacks.ts'
import { letLoose } from '../harness/page-thief.ts'
import { Visitor } from '../harness/visitor.ts'

const SSN = '219-09-4001'
/** What protects an app's page from script of others is none of the Tokenizer's business: here there is nothing of it. */
const PROTECTION = ['content-security-policy', 'cross-origin-opener-policy', 'x-frame-options']

let site: Site
let app: Detour
let tokenizer: Detour
let chromium: OwnBrowser
let context: BrowserContext
let visitor: Visitor
let token = ''
/** A server of somebody else, on the same machine. */
const evil = createServer((_request, response) => response.end('<!doctype html><title>Evil</title>'))
let evilPort = 0

beforeAll(async () => {
  site = await startSite()
  app = await startDetour(site.port)
  app.meddling = { without: PROTECTION }
  tokenizer = await startDetour(Number(new URL(site.service.tokenizerUrl).port))
  evil.listen(0, '127.0.0.1')
  await once(evil, 'listening')
  evilPort = (evil.address() as AddressInfo).port
  chromium = await startChromium([takeDetours([app, tokenizer])])
  context = await chromium.browser.newContext()
  visitor = await Visitor.open(context, site.url)
  await visitor.signUp()
  await visitor.type('ssn', SSN)
  await visitor.save()
  token = (await visitor.tokens())[0] ?? ''
  await visitor.visit('Vault')
  await visitor.shows('shown-ssn', SSN)
  await letLoose(visitor.page, site.service.tokenizerUrl)
})
afterAll(async () => {
  await chromium[Symbol.asyncDispose]()
  for (const detour of [app, tokenizer]) await detour[Symbol.asyncDispose]()
  await site[Symbol.asyncDispose]()
  evil.close().closeAllConnections()
})
beforeEach(() => {
  tokenizer.meddling = {}
  tokenizer.exchanges.length = 0
})

/** Every call that is open to a user, and the one that makes one. */
type Wanted = readonly [
  name: string,
  method: Target['method'],
  path: string,
  body: (token: string) => object | null,
]
const WANTED: readonly Wanted[] = [
  ['read a value', 'POST', '/detokenize', (tokenId) => ({ tokenId })],
  ['read several', 'POST', '/detokenize', (tokenId) => ({ tokenIds: [tokenId] })],
  ['make a token', 'POST', '/tokenize', () => ({})],
  ['read metadata', 'POST', '/metadata/get', (tokenId) => ({ tokenId })],
  ['upload a part', 'POST', '/upload/parts', (tokenId) => ({ tokenId })],
  ['put parts together', 'POST', '/upload/complete', (tokenId) => ({ tokenId })],
  ['part with an upload', 'POST', '/upload/abort', (tokenId) => ({ tokenId })],
  ['open a session', 'POST', '/session', () => ({ assertion: 'a.b.c', proof: 'a.b.c', keep: 'memory' })],
  ['look at the session', 'GET', '/session', () => null],
  ['end the session', 'DELETE', '/session', () => null],
]

function targetOf([, method, path, body]: Wanted): Target {
  const json = body(token)
  return { url: site.service.tokenizerUrl + path, method, body: json === null ? '' : JSON.stringify(json) }
}

function targetAt(url: string): Target {
  return { url, method: 'GET', body: '' }
}

/** What reached the Tokenizer under this path, as soon as it was answered. */
async function arrivals(path: string): Promise<Exchange[]> {
  const all = () => tokenizer.exchanges.filter((each) => each.path.split('?', 1)[0] === path)
  await vi.waitFor(() => expect(all().every(({ status }) => status !== 0)).toBe(true))
  return all()
}

const withCookie = ({ requestHeaders }: Exchange) => requestHeaders.join('\n').includes('access_token=')
const answerOf = (each: Exchange) => String(bytesOf({ ...each, requestHeaders: [], requestBody: [] }))
const SECRETS = /downloadUrl|uploadUrl|lunasec-[0-9a-f]|sessionHash|"success":true|customer-key|set-cookie/i

test('every call of the contract that a user may make is tried', () => {
  const calls = Object.values(CALLS).filter(({ callers }) => (callers as readonly string[]).includes('user'))
  const wanted = WANTED.map(([, method, path]) => `${method} ${path}`)
  for (const { method, path } of calls) expect(wanted).toContain(`${method} ${path}`)
})

describe.each(WANTED)('script on the app’s page cannot %s', (...wanted) => {
  const [, method, path] = wanted

  test.each(waysTo(method))('by %s', async (way) => {
    const read = await visitor.page.evaluate(ATTACKS[way], targetOf(wanted))
    expect(read).toBe('')
    if (way.startsWith('a beacon')) await vi.waitFor(() => expect(tokenizer.exchanges).not.toEqual([]))
    const reached = await arrivals(path)
    for (const each of reached) {
      expect(each.status, `${each.method} ${each.path}`).toBeGreaterThanOrEqual(400)
      expect(answerOf(each)).not.toMatch(SECRETS)
    }
    // What the browser asks about first is never sent; all else came with the cookie, and was refused all the same.
    if (isAskedFirst(way, method)) expect(reached.map((each) => each.method)).toEqual(['OPTIONS'])
    else expect(reached.some(withCookie)).toBe(true)
  })
})

describe('the same requests are good ones', () => {
  test.each(WANTED.filter(([name]) => !/open|end|part|re-key/.test(name)))(
    'from the frame: %s',
    async (...wanted) => {
      const { url, method, body } = targetOf(wanted)
      const answer = await (await visitor.frame('shown-ssn')).evaluate(
        ATTACKS['fetch of JSON, with credentials'],
        {
          ...{ url, method, body },
        },
      )
      expect(JSON.parse(answer)).toMatchObject({ success: true })
    },
  )

  test.each([WANTED[0], WANTED[2]] as Wanted[])(
    'from the page, if the Tokenizer could not tell who asks: %s; the page still reads nothing',
    async (...wanted) => {
      tokenizer.meddling.requestHeaders = (headers) => ({
        ...headers,
        ...{ 'sec-fetch-site': 'same-origin', 'content-type': 'application/json' },
      })
      const read = await visitor.page.evaluate(
        ATTACKS['fetch of plain text, with credentials'],
        targetOf(wanted),
      )
      expect(read).toBe('')
      const [reached] = await arrivals(wanted[2])
      expect(reached?.status).toBe(200)
      expect(reached && answerOf(reached)).toMatch(SECRETS)
    },
  )

  test('and after all that the user reads on', async () => {
    await visitor.page.evaluate(() => document.querySelector('secure-paragraph')?.reload())
    await vi.waitFor(async () =>
      expect((await arrivals('/detokenize')).map(({ status }) => status)).toEqual([200]),
    )
    await visitor.shows('shown-ssn', SSN)
  })
})

test('whoever is led to the API by a link, or types its address, is refused, cookie or not', async () => {
  const page = await context.newPage()
  const answers = [await page.goto(`${site.service.tokenizerUrl}/session`)]
  await page.goto(site.url)
  const led = page.waitForResponse('**/session')
  await page.evaluate((url) => location.assign(url), `${site.service.tokenizerUrl}/session`)
  answers.push(await led)
  expect(answers.map((answer) => answer?.status())).toEqual([401, 401])
  expect((await arrivals('/session')).every(withCookie)).toBe(true)
  await page.close()
})

describe('the text of the frame', () => {
  const frame = () => `${site.service.tokenizerUrl}/frame?app=demo&component=paragraph`

  test.each(waysTo('GET'))('is not read by %s', async (way) => {
    expect(await visitor.page.evaluate(ATTACKS[way], targetAt(frame()))).toBe('')
    const got = (await arrivals('/frame')).filter(({ status }) => status === 200)
    if (way !== 'an iframe' && way !== 'a form into an iframe') expect(got).toEqual([])
  })
})

describe('on a page of somebody else', () => {
  test.each(['localhost', '127.0.0.1'])('at %s the browser does not show the frame', async (host) => {
    const page = await openEvil(host)
    await page.evaluate(() => window.thief.mount('stolen', 'paragraph'))
    const urls = () => page.frames().map((frame) => frame.url())
    await expect.poll(urls).toContain('chrome-error://chromewebdata/')
    expect(await connectAndListen(page, 'stolen')).toEqual([])
    await page.close()
  })

  test.each(['localhost', '127.0.0.1'])('at %s it would not answer if it were shown', async (host) => {
    tokenizer.meddling.without = ['content-security-policy', 'x-frame-options']
    const page = await openEvil(host)
    await page.evaluate(() => window.thief.mount('stolen', 'paragraph'))
    await received(page, 'stolen')
    expect(await connectAndListen(page, 'stolen')).toEqual([])
    expect(await arrivals('/session/challenge')).toEqual([])
    await page.close()
  })

  test('an origin in the address of the frame is refused', async () => {
    const origin = encodeURIComponent(`http://localhost:${evilPort}`)
    const page = await openEvil('localhost')
    await page.evaluate((query) => window.thief.mount('stolen', 'paragraph', { query }), `&origin=${origin}`)
    expect((await arrivals('/frame')).map(({ status }) => status)).toEqual([400])
    expect(await connectAndListen(page, 'stolen')).toEqual([])
    await page.close()
  })

  test.each([
    ['localhost', true],
    ['127.0.0.1', false],
  ])('at %s the user’s cookie opens nothing', async (host, isSent) => {
    const page = await openEvil(host)
    const [read, several, make] = WANTED as [Wanted, Wanted, Wanted]
    for (const wanted of [read, several, make]) {
      for (const way of ['fetch of JSON, with credentials', 'fetch of plain text, with credentials'] as const)
        expect(await page.evaluate(ATTACKS[way], targetOf(wanted))).toBe('')
    }
    const reached = [...(await arrivals('/detokenize')), ...(await arrivals('/tokenize'))]
    expect(reached.some(withCookie)).toBe(isSent)
    expect(new Set(reached.map(({ status }) => status))).toEqual(new Set([401, 405]))
    await page.close()
  })
})

describe('a forged connect', () => {
  test('of a sibling frame is not taken; that of the page itself is', async () => {
    const page = await openApp()
    await page.evaluate(() => window.thief.mount('victim', 'paragraph'))
    const sibling = await page.evaluateHandle((url) => {
      const iframe = Object.assign(document.createElement('iframe'), { src: url })
      document.body.append(iframe)
      return new Promise<HTMLIFrameElement>((resolve) =>
        iframe.addEventListener('load', () => resolve(iframe)),
      )
    }, `http://localhost:${evilPort}`)
    const thief = await sibling.contentFrame()
    const arrived = await received(page, 'victim')
    const heard = await thief?.evaluateHandle(forge, 'parent')
    await arrived(1)
    expect(await heard?.jsonValue()).toEqual([])
    expect(await connectAndListen(page, 'victim')).toContain('ready')
    expect(await heard?.jsonValue()).toEqual([])
    await page.close()
  })

  test('of the window that opened the page is not taken; that of the page itself is', async () => {
    const opener = await openEvil('localhost')
    const opened = context.waitForEvent('page')
    await opener.evaluate((url) => Object.assign(window, { victim: open(url) }), site.url)
    const page = await opened
    await page.getByRole('heading', { name: 'Your profile' }).waitFor()
    await letLoose(page, site.service.tokenizerUrl)
    await page.evaluate(() => window.thief.mount('victim', 'paragraph'))
    const arrived = await received(page, 'victim')
    const heard = await opener.evaluateHandle(forge, 'victim')
    await arrived(1)
    expect(await heard.jsonValue()).toEqual([])
    expect(await connectAndListen(page, 'victim')).toContain('ready')
    for (const each of [page, opener]) await each.close()
  })

  test('is not taken after the first, not even from the page: a second port hears nothing', async () => {
    const page = await openApp()
    await page.evaluate(() => window.thief.mount('victim', 'input'))
    expect(await connectAndListen(page, 'victim')).toContain('ready')
    const arrived = await received(page, 'victim')
    const second = await page.evaluateHandle(forge, '')
    await arrived(1)
    await page.evaluate(() => window.thief.send('victim', { type: 'configure' }))
    await page.evaluate((tokenId) => window.thief.ask('victim', { type: 'load', tokenId }), token)
    expect(await second.jsonValue()).toEqual([])
    await page.close()
  })
})

describe('the sandbox of the frame', () => {
  const flags = 'allow-scripts allow-same-origin allow-forms allow-popups allow-top-navigation allow-modals'

  test.each([[null], [flags]])('is not widened by the page that mounts it: %s', async (sandbox) => {
    const page = await openApp()
    await page.evaluate((given) => window.thief.mount('own', 'paragraph', { sandbox: given }), sandbox)
    expect(await connectAndListen(page, 'own')).toContain('ready')
    const frame = page.frame({ name: 'own' })
    const reached = await frame?.evaluate(() => {
      const attempt = (work: () => unknown) => {
        try {
          return work()
        } catch (error) {
          return (error as DOMException).name
        }
      }
      return [attempt(() => open('about:blank')), attempt(() => top?.location.assign('about:blank'))]
    })
    expect(reached).toEqual([null, 'SecurityError'])
    expect(page.url()).toMatch(site.url)
    await page.close()
  })

  test('without an origin of its own it does nothing', async () => {
    const page = await openApp()
    await page.evaluate(() => window.thief.mount('own', 'paragraph', { sandbox: 'allow-scripts' }))
    tokenizer.exchanges.length = 0
    const arrived = await received(page, 'own')
    expect(await connectAndListen(page, 'own')).toEqual([])
    await arrived(1)
    expect(await arrivals('/session/challenge')).toEqual([])
    await page.close()
  })
})

async function openEvil(host: string): Promise<Page> {
  const page = await context.newPage()
  await page.goto(`http://${host}:${evilPort}`)
  await letLoose(page, site.service.tokenizerUrl)
  return page
}

/** The app's own page, where script of a thief runs, and nobody is logged out. */
async function openApp(): Promise<Page> {
  const page = await context.newPage()
  await page.goto(`${site.url}/vault`)
  await new Visitor(page).shows('shown-ssn', SSN)
  await letLoose(page, site.service.tokenizerUrl)
  return page
}

/** Lets a test wait until so many messages have reached the window of a frame, and the frame has dealt with them. */
async function received(page: Page, name: string): Promise<(count: number) => Promise<void>> {
  const frame = page.frame({ name })
  await frame?.evaluate(() => {
    const seen = { count: 0 }
    Object.assign(window, { seen })
    // The frame's own listener came first.
    window.addEventListener('message', () => seen.count++)
  })
  return async (count) => {
    await frame?.waitForFunction((wanted) => Reflect.get(window, 'seen').count >= wanted, count)
  }
}

/** What a frame says in the first moments after a connect. */
async function connectAndListen(page: Page, name: string): Promise<string[]> {
  return page.evaluate(async (frame) => {
    window.thief.connect(frame)
    for (let n = 0; n < 20 && window.thief.heard(frame).length === 0; n++)
      await new Promise((resolve) => setTimeout(resolve, 25))
    return window.thief.heard(frame).map(({ type }) => type)
  }, name)
}

/** Runs in a page: posts a connect to every frame of a window that it can reach. What is heard is a list that grows. */
function forge(whose: string): unknown[] {
  const heard: unknown[] = []
  const target = whose === '' ? window : (Reflect.get(window, whose) as Window)
  for (let n = 0; n < target.length; n++) {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = ({ data }) => heard.push(data)
    target[n]?.postMessage({ type: 'lunadefend.connect', page: 'a'.repeat(32) }, '*', [port2])
    port1.postMessage({ type: 'configure' })
    port1.postMessage({ type: 'tokenize', id: 1 })
  }
  return heard
}
