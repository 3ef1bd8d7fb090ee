import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type LunaDefend, startLunaDefend } from '@lunadefend/testing'
import { fillSecure, readSecure, secureField } from '@lunadefend/testing/playwright'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createApp } from '../../docs/examples/express-react/server.ts'
import { launchChromium } from '../../packages/secure-frame/test/chromium.ts'

let lunadefend: LunaDefend
let server: Server
let browser: Browser
let page: Page

beforeAll(async () => {
  server = createServer().listen(0)
  await once(server, 'listening')
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`
  lunadefend = await startLunaDefend({ app: 'hello', origins: [origin] })
  const { tokenizerUrl, signingKey } = lunadefend
  server.on('request', createApp(origin, { tokenizerUrl, app: 'hello', signingKey: signingKey() }))

  browser = await launchChromium()
  page = await browser.newPage({ baseURL: origin })
  await page.goto('/')
  await page.getByLabel('Name').fill('grace')
  await page.getByRole('button', { name: 'Log in' }).click()
})
afterEach(() => lunadefend.faults.reset())
afterAll(async () => {
  await browser.close()
  server.close().closeAllConnections()
  await lunadefend.close()
})

test('what was saved is shown', async () => {
  const form = page.locator('form[action="/ssn"]')
  await fillSecure(form, 'Social security number', '078-05-1120')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.locator('#stored[token^=lunasec-]').waitFor()
  expect(await readSecure(page, page.locator('#stored'))).toBe('078-05-1120')
})

test('nothing is saved while the object store is down', async () => {
  const ssn = secureField(page, page.locator('#ssn'))
  await lunadefend.faults.storeDown()
  await ssn.fill('219-09-9999')
  const [error] = await Promise.all([
    page.waitForEvent('pageerror'),
    page.getByRole('button', { name: 'Save' }).click(),
  ])
  expect(error.message).toContain('The object store cannot be reached.')
  expect(await ssn.inputValue()).toBe('219-09-9999')
})
