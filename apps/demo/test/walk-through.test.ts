import type { BrowserContext, Frame, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type OwnBrowser, startChromium } from '../../../packages/secure-frame/test/chromium.ts'
import { PASSWORD, type Site, startSite } from './site.ts'

const SSN = '219-09-9999'
const NOTES = 'Allergic to penicillin 💊\n"quoted", 0.10'

let site: Site
let own: OwnBrowser
let context: BrowserContext
let page: Page
/** What went wrong in the page, and everything that it sent to and got from its own server. */
let problems: string[]
let traffic: string[]
let people = 0

beforeAll(async () => {
  site = await startSite()
  own = await startChromium()
})
afterAll(async () => {
  await own[Symbol.asyncDispose]()
  await site[Symbol.asyncDispose]()
})
beforeEach(async () => {
  context = await own.browser.newContext()
  page = await open(context)
})
afterEach(() => context.close())

async function open(where: BrowserContext): Promise<Page> {
  const opened = await where.newPage()
  problems = []
  traffic = []
  opened.on('pageerror', (error) => problems.push(error.message))
  opened.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) problems.push(message.text())
  })
  opened.on('request', (request) => {
    if (request.url().startsWith(site.url)) traffic.push(request.url(), request.postData() ?? '')
  })
  opened.on('response', async (response) => {
    if (!response.url().startsWith(`${site.url}/api/`) || response.url().endsWith('/activity')) return
    traffic.push(await response.text().catch(() => ''))
  })
  return opened
}

async function signUp(on: Page = page): Promise<string> {
  const name = `walker-${++people}`
  await on.goto(site.url)
  await on.getByLabel('Name', { exact: true }).fill(name)
  await on.getByLabel('Password').fill(PASSWORD)
  await on.getByRole('button', { name: 'Create my account' }).click()
  await on.getByRole('heading', { name: 'Your profile' }).waitFor()
  return name
}

async function logIn(name: string, on: Page = page): Promise<void> {
  await on.getByRole('button', { name: 'Log in' }).first().click()
  await on.getByLabel('Name', { exact: true }).fill(name)
  await on.getByLabel('Password').fill(PASSWORD)
  await on.locator('form').getByRole('button', { name: 'Log in' }).click()
  await on.getByRole('heading', { name: 'Your profile' }).waitFor()
}

/** Types as a user does: click the label, wait for the focus ring, type. */
async function typeSecret(id: string, text: string, on: Page = page): Promise<void> {
  await on.locator(`#${id}:state(ready)`).waitFor()
  await on.locator(`label[for="${id}"]`).click()
  await on.locator(`#${id}:state(focused)`).waitFor()
  await on.keyboard.type(text, { delay: 5 })
}

async function saveSecrets(on: Page = page): Promise<void> {
  await on.getByLabel('Display name').fill('Grace')
  await on.getByLabel('City').fill('Arlington')
  await typeSecret('ssn', SSN, on)
  await typeSecret('notes', NOTES, on)
  await on.getByRole('button', { name: 'Save' }).click()
  await on.getByText('Saved. The panel shows').waitFor()
}

const visit = (name: string, on: Page = page) => on.getByRole('link', { name }).click()

/** The frame in a secure element: only a test can look into it. */
async function frameOf(id: string, on: Page = page): Promise<Frame> {
  const handle = await on.locator(`#${id} iframe`).elementHandle()
  const frame = await handle?.contentFrame()
  if (frame === null || frame === undefined) throw new Error(`no frame in ${id}`)
  return frame
}

/** Waits until the frame shows it. */
async function shows(id: string, text: string, on: Page = page): Promise<void> {
  const frame = await frameOf(id, on)
  await frame.waitForFunction(
    (wanted) => {
      const field = document.querySelector<HTMLInputElement>('input, textarea')
      return (
        (field?.value ?? document.body.innerText) === wanted || document.body.textContent?.includes(wanted)
      )
    },
    text,
    { timeout: 10_000 },
  )
}

describe('the way of a user', () => {
  test('types, saves, reloads, logs out, logs in, and sees it again; the app sees tokens', async () => {
    const name = await signUp()
    await saveSecrets()
    expect(await page.locator('.panel').innerText()).toMatch(
      /Stored in profiles[\s\S]*lunasec-[\s\S]*Received POST/,
    )
    await visit('Vault')
    await shows('shown-ssn', SSN)
    await shows('shown-notes', NOTES)
    await page.reload()
    await shows('shown-ssn', SSN)
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByRole('heading', { name: 'This clinic never sees' }).waitFor()
    await logIn(name)
    await shows('ssn', SSN)
    await shows('notes', NOTES)
    await visit('Vault')
    await shows('shown-ssn', SSN)
    await shows('shown-notes', NOTES)
    const dom = await page.evaluate(() => document.documentElement.outerHTML + document.body.innerText)
    for (const text of [dom, ...traffic]) {
      expect(text).not.toContain(SSN)
      expect(text).not.toContain('penicillin')
    }
    expect(traffic.join()).toContain('lunasec-')
    expect(problems).toEqual([])
  })

  test('saves again without new tokens; an emptied field is stored empty', async () => {
    await signUp()
    await saveSecrets()
    const tokens = page.locator('.row-view .token')
    const [ssn, notes] = await tokens.allInnerTexts()
    await page.reload()
    await shows('ssn', SSN)
    await page.getByLabel('City').fill('Paris')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Saved. The panel shows').waitFor()
    expect(await tokens.allInnerTexts()).toEqual([ssn, notes])
    await page.locator('label[for="ssn"]').click()
    await page.locator('#ssn:state(focused)').waitFor()
    await page.keyboard.press('Control+A')
    await page.keyboard.press('Delete')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.locator('.row-view').getByText('nothing yet').waitFor()
    expect(await tokens.allInnerTexts()).toEqual([notes])
    expect(problems).toEqual([])
  })

  test('is told when the Tokenizer is down; nothing is submitted, and a second try works', async () => {
    await signUp()
    await typeSecret('ssn', SSN)
    await site.service.tokenizer.stop()
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('alert').getByText('Not saved.').waitFor({ timeout: 40_000 })
    expect(traffic.some((text) => text.includes('displayName') && text.includes('"ssn":"lunasec'))).toBe(
      false,
    )
    await site.service.tokenizer.start()
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Saved. The panel shows').waitFor({ timeout: 40_000 })
  }, 90_000)
})

describe('the attempts to steal', () => {
  test('are run for real, and none gets anything', async () => {
    await signUp()
    await saveSecrets()
    await visit('Try to steal it')
    await shows('target', SSN)
    problems.length = 0
    for (const title of [
      'Ask the Tokenizer with your cookie',
      'Ask without the browser asking first',
      'Fetch it from',
    ]) {
      const attempt = page.locator('section', { hasText: title })
      await attempt.getByRole('button', { name: 'Steal it' }).click()
      await attempt.getByText('Nothing was read.').waitFor()
      expect(await attempt.locator('.saw').innerText()).toMatch(/TypeError|status 0, 0 characters/)
    }
    const frame = page.locator('section', { hasText: 'Look into the frame' })
    await frame.getByRole('button', { name: 'Steal it' }).click()
    await frame.getByText('Nothing was read.').waitFor()
    expect(await frame.locator('.saw').innerText()).toMatch(/contentDocument: null\n.*SecurityError/)
    // They were refused by those that they went to, not by the policy of this page.
    expect(problems.join()).toMatch(/CORS policy/)
    expect(problems.join()).not.toMatch(/Content Security Policy/)
  })

  test('keys that go into a secure field are not heard by the page', async () => {
    await signUp()
    await visit('Try to steal it')
    await typeSecret('secure-try', 'hidden')
    await page.locator('#plain-try').click()
    await page.keyboard.type('seen')
    await expect.poll(() => page.locator('.saw').first().innerText()).toBe('seen')
  })

  test('the token of another user is refused: Ada’s, and one that was copied', async () => {
    await signUp()
    await saveSecrets()
    const stolen = await page.locator('.row-view .token').first().innerText()
    await context.close()
    context = await own.browser.newContext()
    page = await open(context)
    await signUp()
    await visit('Try to steal it')
    await page.getByRole('button', { name: 'Take Ada’s token' }).click()
    await page.getByText('Refused: access-denied.').waitFor()
    await page.getByLabel('Another token').fill(stolen)
    await page.getByRole('button', { name: 'Try to read it' }).click()
    await page.getByText(stolen, { exact: true }).waitFor()
    await page.getByText('Refused: access-denied.').waitFor()
    expect(await (await frameOf('stolen-value')).evaluate(() => document.body.innerText)).not.toContain(SSN)
  })
})
