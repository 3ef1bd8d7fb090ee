import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { freePort } from '@lunadefend/testing'
import type { BrowserContext, Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type OwnBrowser, startChromium } from '../../packages/secure-frame/test/chromium.ts'
import { scratch } from '../harness/directory.ts'
import { Visitor } from '../harness/visitor.ts'

const SSN = '219-09-6001'
const NOTES = 'Allergic to penicillin'
const START = fileURLToPath(new URL('../../apps/demo/src/start.ts', import.meta.url))

const folder = scratch()
const ports = { app: 0, tokenizer: 0, objects: 0 }
let server: ChildProcess
let chromium: OwnBrowser
let context: BrowserContext
let visitor: Visitor
let page: Page
/** What a developer would see in red: console lines, violations of a policy, requests that failed. */
const problems: string[] = []

beforeAll(async () => {
  for (const part of ['app', 'tokenizer', 'objects'] as const) ports[part] = await freePort()
  server = await start()
  chromium = await startChromium()
  context = await chromium.browser.newContext({ viewport: { width: 1280, height: 900 } })
  watch(context)
  visitor = await Visitor.open(context, `http://127.0.0.1:${ports.app}/profile`)
  page = visitor.page
})
afterAll(async () => {
  await chromium[Symbol.asyncDispose]()
  server.kill('SIGINT')
  await once(server, 'exit')
  folder[Symbol.dispose]()
})
beforeEach(() => {
  problems.length = 0
})

/** What `npm start` runs. */
async function start(): Promise<ChildProcess> {
  const env = {
    ...process.env,
    LUNADEFEND_APP_PORT: String(ports.app),
    LUNADEFEND_TOKENIZER_PORT: String(ports.tokenizer),
    LUNADEFEND_OBJECTS_PORT: String(ports.objects),
  }
  const child = spawn(process.execPath, [START], {
    cwd: folder.path,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await new Promise<void>((resolve, reject) => {
    let said = ''
    child.stdout?.on('data', (chunk) => {
      said += chunk
      if (said.includes('LunaDefend is running')) resolve()
    })
    child.once('exit', () => reject(new Error('It ended early.')))
  })
  return child
}

function watch(where: BrowserContext): void {
  where.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) problems.push(message.text())
  })
  where.on('weberror', (error) => problems.push(String(error.error())))
  where.on('requestfailed', (request) => {
    const why = request.failure()?.errorText ?? ''
    // A page that is left ends its event stream.
    if (!request.url().endsWith('/api/activity')) problems.push(`${request.method()} ${request.url()} ${why}`)
  })
}

const attempt = (title: string): Locator => page.locator('section', { hasText: title })

describe('the demo, as it is started', () => {
  test('goes by the name of localhost, whatever it was called', async () => {
    expect(page.url()).toBe(`http://localhost:${ports.app}/profile`)
    await page.getByRole('heading', { name: 'This clinic never sees' }).waitFor()
  })

  test('takes a profile, shows it again, and nothing is red', async () => {
    await visitor.signUp()
    await page.getByLabel('Display name').fill('Grace')
    await page.getByLabel('City').fill('Arlington')
    await visitor.type('ssn', SSN)
    await visitor.type('notes', NOTES)
    await visitor.save()
    await page.reload()
    await visitor.shows('ssn', SSN)
    await visitor.visit('Vault')
    await visitor.shows('shown-notes', NOTES)
    expect(problems).toEqual([])
  })

  test('shows beside the form what the server received: the token that is in its database', async () => {
    await visitor.visit('Profile')
    await page.locator('.row-view .token').first().waitFor()
    const tokens = await visitor.tokens()
    expect(tokens.map((token) => /^lunasec-[0-9a-f-]{36}$/.test(token))).toEqual([true, true])
    expect(storedTokens()).toContainEqual(tokens)
    for (const title of ['Received POST /api/profile', 'Stored in profiles', 'grants.verify: ok']) {
      const entry = page.locator('.entry', { hasText: title })
      for (const token of tokens) expect(await entry.innerText()).toContain(token)
    }
    expect(await page.locator('.entry', { hasText: 'Received' }).innerText()).toContain('Arlington')
  })
})

describe('every attempt to steal is made, and is refused by whom it went to', () => {
  beforeAll(async () => {
    await visitor.visit('Try to steal it')
    await visitor.shows('target', SSN)
  })

  test.each([
    ['Ask the Tokenizer with your cookie', /TypeError/],
    ['Ask without the browser asking first', /TypeError/],
    ['Look into the frame that shows it', /contentDocument: null\n.*SecurityError/],
    ['Fetch it from the object store', /TypeError/],
  ])('%s', async (title, saw) => {
    await attempt(title).getByRole('button', { name: 'Steal it' }).click()
    await attempt(title).getByText('Nothing was read.').waitFor()
    expect(await attempt(title).locator('.saw').innerText()).toMatch(saw)
    expect(problems.join('\n')).not.toMatch(/Content Security Policy|violates/)
    if (title.startsWith('Look')) expect(problems).toEqual([])
    else expect(problems.join('\n')).toMatch(/CORS|ERR_BLOCKED_BY_RESPONSE|ERR_FAILED/)
  })

  test('the key logger hears the plain field, and not one key of the secure one', async () => {
    await visitor.type('secure-try', 'not heard')
    expect(await attempt('Log your keystrokes').locator('.saw').innerText()).toBe('not one key')
    await page.locator('#plain-try').click()
    await page.keyboard.type('heard')
    await expect.poll(() => attempt('Log your keystrokes').locator('.saw').innerText()).toBe('heard')
    expect(problems).toEqual([])
  })

  test('the token of Ada', async () => {
    await page.getByRole('button', { name: 'Take Ada’s token' }).click()
    await page.getByText('Refused: access-denied.').waitFor()
    expect(await visitor.shown('stolen-value')).toBe('')
    const [red = '', ...more] = problems
    expect(red).toMatch(/403/)
    expect(more).toEqual([])
  })
})

describe('what is on the page fits', () => {
  const widths = [360, 768, 1280]

  test.each(widths)('in a window of %i pixels', async (width) => {
    await page.setViewportSize({ width, height: 800 })
    for (const place of ['Profile', 'Vault', 'Try to steal it'] as const) {
      await visitor.visit(place)
      await page.locator('main .secure, main .secret').first().waitFor()
      expect(await page.evaluate(tooWide), place).toEqual([])
    }
  })

  test('at the entrance, too', async () => {
    await visitor.logOut()
    for (const width of widths) {
      await page.setViewportSize({ width, height: 800 })
      expect(await page.evaluate(tooWide), String(width)).toEqual([])
    }
  })
})

/** The secret fields of every profile, as they lie in the app's database. */
function storedTokens(): unknown[] {
  using database = new DatabaseSync(join(folder.path, '.lunadefend', 'demo.sqlite'), { readOnly: true })
  return database
    .prepare('SELECT ssn, notes FROM profiles')
    .all()
    .map((row) => Object.values(row))
}

/** Runs in the page: what stands out of it to the right. */
function tooWide(): string[] {
  return [...document.querySelectorAll('body, body *')]
    .filter((element) => !element.matches('.skip') && element.getBoundingClientRect().right > innerWidth + 1)
    .map((element) => `${element.localName}.${element.className}`)
}
