import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type OwnBrowser, startChromium } from '../../../packages/secure-frame/test/chromium.ts'
import { PASSWORD, type Site, startSite, Visitor } from './site.ts'

let site: Site
let own: OwnBrowser
let context: BrowserContext
let page: Page
/** All that the page had of its own server. */
const answers: string[] = []

beforeAll(async () => {
  site = await startSite()
  own = await startChromium()
  context = await own.browser.newContext({ viewport: { width: 1280, height: 1000 } })
  page = await context.newPage()
  page.on('response', async (response) => {
    if (!response.url().startsWith(`${site.url}/api/`) || response.url().endsWith('/activity')) return
    answers.push(await response.text().catch(() => ''))
  })
})
afterAll(async () => {
  await own[Symbol.asyncDispose]()
  await site[Symbol.asyncDispose]()
})

const button = (name: string, exact = true) => page.getByRole('button', { name, exact })
const frame = () => page.frameLocator('#support-ssn iframe')
const rows = () => page.locator('.audit tbody tr')
/** For people who want to see it: a folder, by the variable. */
async function picture(name: string): Promise<void> {
  const image = await page.screenshot()
  expect(image.length).toBeGreaterThan(20_000)
  const folder = process.env['LUNADEFEND_PICTURES']
  if (folder !== undefined) await page.screenshot({ path: `${folder}/${name}.png` })
}

test('support sees the last four, all of it for an identity check, and nothing once it is stopped', async () => {
  await page.goto(`${site.url}/`)
  await page.getByLabel('Name', { exact: true }).fill('visitor')
  await page.getByLabel('Password').fill(PASSWORD)
  await button('Create my account').click()
  await page.getByRole('link', { name: 'Support' }).click()
  await button('Log in as Sam from support').click()

  await button('She has a question').click()
  await frame()
    .getByText(/^\W*\d{4}/)
    .waitFor()
  const part = await frame().locator('body').innerText()
  expect(part).not.toMatch(/9\d\d-\d\d/)
  await frame().getByRole('button').click()
  await rows().filter({ hasText: 'support-sees-the-end' }).first().waitFor()
  await picture('masked')
  expect(await frame().locator('body').innerText()).not.toMatch(/9\d\d-\d\d-/)

  await button('Check who she is').click()
  await frame().getByRole('button').click()
  await frame()
    .getByText(/^9\d\d-\d\d-\d{4}$/)
    .waitFor()
  await rows().filter({ hasText: 'support-checks-identity' }).first().waitFor()
  const value = (await frame().locator('body').innerText()).trim()
  await picture('whole')

  await button('Stop this session').click()
  await page.getByRole('alert').filter({ hasText: 'This session is stopped' }).waitFor()
  await rows().filter({ hasText: 'blocked' }).first().waitFor()
  await page.locator('.card').first().getByRole('alert').waitFor()
  await picture('stopped')

  await button('Lift it').click()
  await button('She has a question').click()
  await frame()
    .getByText(/^\W*\d{4}/)
    .waitFor()
  expect(answers.join('\n')).toContain('set-block')
  // Neither the page nor the table that lies open beside it ever had the number.
  expect(answers.join('\n') + (await page.content())).not.toContain(value)
  expect(answers.filter((answer) => answer.includes('"rows"')).join()).not.toContain('lunasec-')
})

test('the desk is for support alone', async () => {
  const visitor = new Visitor(site)
  const calls = [
    ['look', { purpose: 'question' }],
    ['switch', { position: 'on' }],
  ] as const
  for (const [path, body] of calls)
    expect((await visitor.post(`/api/support/${path}`, body)).status).toBe(401)
  await visitor.post('/api/accounts', { name: 'somebody', password: PASSWORD })
  for (const [path, body] of calls)
    expect((await visitor.post(`/api/support/${path}`, body)).status).toBe(404)
  expect((await visitor.get('/api/support/audit')).status).toBe(404)
  await visitor.post('/api/support/enter', {})
  expect((await visitor.get('/api/me')).json).toEqual({ user: { name: 'sam' } })
  for (const [path, body] of [
    ['look', { purpose: 'curiosity' }],
    ['look', {}],
    ['switch', { position: 'maybe' }],
  ] as const)
    expect((await visitor.post(`/api/support/${path}`, body)).status).toBe(400)
})
