import type { BrowserContext } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Site, startSite } from '../../apps/demo/test/site.ts'
import { type OwnBrowser, startChromium } from '../../packages/secure-frame/test/chromium.ts'
import { Visitor } from '../harness/visitor.ts'

const SSN = '219-09-5001'
const UNKNOWN = 'lunasec-00000000-0000-4000-8000-000000000000'

let site: Site
let chromium: OwnBrowser
/** The profile of the browser that Alice uses, with Alice at the first tab. */
let hers: BrowserContext
let alice: Visitor
let name = ''
let token = ''

beforeAll(async () => {
  site = await startSite()
  chromium = await startChromium()
  const context = await chromium.browser.newContext()
  const visitor = await Visitor.open(context, site.url)
  name = visitor.name
  await visitor.signUp()
  await visitor.type('ssn', SSN)
  await visitor.save()
  token = (await visitor.tokens())[0] ?? ''
  await context.close()
})
afterAll(async () => {
  await chromium[Symbol.asyncDispose]()
  await site[Symbol.asyncDispose]()
})
async function cookiesOf(context: BrowserContext): Promise<string> {
  const cookies = await context.cookies(site.service.tokenizerUrl)
  return cookies.map(({ name: key, value }) => `${key}=${value}`).join('; ')
}

/** As a frame in a browser with these cookies would ask, from its own origin. */
async function detokenize(cookie: string, tokenId: string): Promise<[status: number, body: string]> {
  const response = await fetch(`${site.service.tokenizerUrl}/detokenize`, {
    method: 'POST',
    headers: { cookie, 'content-type': 'application/json', 'sec-fetch-site': 'same-origin' },
    body: JSON.stringify({ tokenId }),
  })
  return [response.status, await response.text()]
}

describe('another user who gets hold of the token', () => {
  let mallory: Visitor
  beforeAll(async () => {
    mallory = await Visitor.open(await chromium.browser.newContext(), site.url)
    await mallory.signUp()
  })

  test('reads nothing: the paragraph is empty, and the app is told why', async () => {
    await mallory.visit('Try to steal it')
    await mallory.page.getByLabel('Another token').fill(token)
    await mallory.page.getByRole('button', { name: 'Try to read it' }).click()
    await mallory.page.getByText('Refused: access-denied.').waitFor()
    expect(await mallory.shown('stolen-value')).toBe('')
  })

  test('is told no more of it than of one that does not exist', async () => {
    const cookie = await cookiesOf(mallory.page.context())
    const refusals = [await detokenize(cookie, token), await detokenize(cookie, UNKNOWN)]
    const [one, other] = refusals.map(([status, body]) => [status, body.replace(/"requestId":"\w+"/, '')])
    expect(one?.[0]).toBe(403)
    expect(one).toEqual(other)
  })

  test('cannot save it as his own either', async () => {
    const status = await mallory.page.evaluate(async (ssn) => {
      const response = await fetch('/api/profile', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ displayName: '', city: '', ssn, notes: '' }),
      })
      return response.status
    }, token)
    expect(status).toBe(403)
  })
})

describe('Alice herself', () => {
  beforeEach(async () => {
    hers = await chromium.browser.newContext()
    alice = await Visitor.open(hers, site.url)
    await alice.logIn(name)
    await alice.visit('Vault')
    await alice.shows('shown-ssn', SSN)
  })
  afterEach(() => hers.close())

  test('reads nothing with the cookies from before a logout', async () => {
    const cookie = await cookiesOf(hers)
    expect((await detokenize(cookie, token))[0]).toBe(200)
    await alice.logOut()
    expect((await detokenize(cookie, token))[0]).toBe(401)
  })

  test('reads nothing in another tab that is still open after a logout', async () => {
    const second = await Visitor.open(hers, `${site.url}/vault`)
    await second.shows('shown-ssn', SSN)
    await alice.logOut()
    await second.page.evaluate(noteErrors)
    await second.page.evaluate(() => document.querySelector('secure-paragraph')?.reload())
    await expect.poll(() => second.page.evaluate(codes)).toContain('no-session')
    expect(await second.shown('shown-ssn')).toBe('')
  })

  test('brings nothing back with the back button', async () => {
    await alice.logOut()
    await alice.page.goBack()
    await alice.page.getByRole('heading', { name: 'This clinic never sees' }).waitFor()
    expect(await alice.page.locator('iframe').count()).toBe(0)
  })

  test('finds everything wiped at once, shown or typed, where somebody else has logged in at another tab', async () => {
    const shown = await Visitor.open(hers, `${site.url}/vault`)
    await shown.shows('shown-ssn', SSN)
    const typed = await Visitor.open(hers, `${site.url}/profile`)
    await typed.shows('ssn', SSN)
    await typed.type('notes', 'not saved yet')
    for (const { page } of [shown, typed]) await page.evaluate(noteErrors)
    await alice.logOut()
    await new Visitor(alice.page).signUp()
    for (const { page } of [shown, typed])
      await expect.poll(() => page.evaluate(codes)).toContain('session-changed')
    expect(await shown.shown('shown-ssn')).toBe('')
    expect(await typed.shown('ssn')).toBe('')
    expect(await typed.shown('notes')).toBe('')
    await typed.page.keyboard.press('ControlOrMeta+Z')
    expect(await typed.shown('notes')).toBe('')
    await typed.page.locator('#notes:state(ready)').waitFor()
    await typed.pressSave()
    await typed.page.getByRole('alert').getByText('Not saved.').waitFor()
  })
})

/** Runs in the page: what `onError` of an element is told from now on. */
function noteErrors(): void {
  const seen: string[] = []
  Object.assign(window, { codes: seen })
  const note = (event: Event) => event instanceof CustomEvent && seen.push(event.detail.code)
  window.addEventListener('error', note, { capture: true })
}
function codes(): string[] {
  return Reflect.get(window, 'codes')
}
