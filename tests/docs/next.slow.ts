import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, globSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort, type LunaDefend, startLunaDefend } from '@lunadefend/testing'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type OwnBrowser, startChromium } from '../../packages/secure-frame/test/chromium.ts'
import { packAll } from '../../tools/pack.ts'
import { scratch } from '../harness/directory.ts'
import { findLeaks } from '../harness/leaks.ts'

const EXAMPLE = fileURLToPath(new URL('../../docs/examples/next', import.meta.url))
const NEXT = 'node_modules/next/dist/bin/next'
const SSN = '078-05-1120'
const IBAN = 'DE89370400440532013000'

const folder = scratch()
const environment = { ...process.env, NEXT_TELEMETRY_DISABLED: '1' }
Reflect.deleteProperty(environment, 'NODE_ENV')
let own: OwnBrowser

/** The app as somebody has it who copies the example: Next from the registry, our packages as they are packed. */
beforeAll(async () => {
  cpSync(EXAMPLE, folder.path, { recursive: true })
  packAll(join(folder.path, 'packages'))
  run('npm', ['install', '--no-save', '--ignore-scripts', ...globSync(join(folder.path, 'packages/*.tgz'))])
  run(process.execPath, [NEXT, 'build'])
  own = await startChromium()
})
afterAll(async () => {
  await own[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

function run(command: string, args: readonly string[]): void {
  execFileSync(command, args, { cwd: folder.path, env: environment, stdio: ['ignore', 'ignore', 'inherit'] })
}

async function startNext(command: string, origin: string, house: LunaDefend): Promise<ChildProcess> {
  const next = spawn(process.execPath, [NEXT, command, '--port', new URL(origin).port], {
    cwd: folder.path,
    env: {
      ...environment,
      APP_ORIGIN: origin,
      LUNADEFEND_TOKENIZER_URL: house.tokenizerUrl,
      LUNADEFEND_SIGNING_KEY: JSON.stringify(house.signingKey()),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const isReady = new Promise<void>((resolve, reject) => {
    next.stdout.on('data', (said) => String(said).includes('Ready') && resolve())
    next.once('exit', (code) => reject(new Error(`next ${command} ended with ${code}`)))
  })
  await isReady
  // In development each is compiled when it is first asked for: that can take longer than a frame waits.
  for (const path of ['/', '/.lunadefend/jwks.json']) await fetch(origin + path)
  return next
}

/** In production React says nothing of attributes that differ; in development it does, and renders all twice (StrictMode). */
describe.each(['start', 'dev'])('next %s', (command) => {
  let house: LunaDefend
  let next: ChildProcess
  let origin: string
  let page: Page
  /** What the browser said, of whatever kind: nothing. */
  const said: string[] = []
  /** All that the app's server sent and was sent, its RSC payloads among them. */
  const traffic: Promise<string>[] = []

  beforeAll(async () => {
    origin = `http://localhost:${await freePort()}`
    house = await startLunaDefend({ app: 'hello', origins: [origin] })
    next = await startNext(command, origin, house)
    page = await (await own.browser.newContext()).newPage()
    page.setDefaultTimeout(300_000)
    page.on('pageerror', (error) => said.push(String(error)))
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) said.push(message.text())
    })
    page.on('response', (response) => {
      if (!response.url().startsWith(origin) || response.url().includes('/_next/static/')) return
      const sent = response.request().postData() ?? ''
      traffic.push(
        response.text().then(
          (text) => `${response.url()}\n${sent}\n${text}`,
          () => sent,
        ),
      )
    })
  })
  afterAll(async () => {
    await page?.context().close()
    if (next?.exitCode === null && next.kill()) await once(next, 'exit')
    await house?.close()
  })

  const inside = (id: string, selector: string) => page.frameLocator(`#${id} iframe`).locator(selector)

  async function type(label: string, id: string, text: string): Promise<void> {
    await page.locator(`#${id}:state(ready)`).waitFor()
    await page.getByText(label, { exact: true }).click()
    await page.locator(`#${id}:state(focused)`).waitFor()
    await page.keyboard.type(text)
  }

  test('the server renders the elements, with a policy that leads frames to the Tokenizer alone', async () => {
    await page.goto(origin)
    await page.getByLabel('Name').fill('grace')
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.locator('#ssn:state(ready)').waitFor()
    const answer = await page.request.get(origin)
    const html = await answer.text()
    expect(html).toMatch(/<secure-input id="ssn" name="ssn" required="[^"]*"><\/secure-input>/)
    expect(html).toMatch(/<secure-paragraph id="stored-ssn"[^>]*><\/secure-paragraph>/)
    expect(answer.headers()['content-security-policy']).toContain(`frame-src ${house.tokenizerUrl};`)
  })

  test('type, save by a server action, see it again', async () => {
    await type('Social security number', 'ssn', SSN)
    await type('IBAN', 'iban', IBAN)
    await page.getByRole('button', { name: 'Save' }).click()
    await inside('stored-ssn', '.value').getByText(SSN).waitFor()
    await inside('stored-iban', '.value').getByText(IBAN).waitFor()
    // React resets a form after its action: to what is stored by now.
    await expect.poll(() => inside('ssn', 'input').inputValue()).toBe(SSN)
  })

  test('after a reload the fields hold what is stored, and one can be changed alone', async () => {
    await page.reload()
    await inside('stored-iban', '.value').getByText(IBAN).waitFor()
    await expect.poll(() => inside('ssn', 'input').inputValue()).toBe(SSN)
    await inside('iban', 'input').fill('')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.locator('#stored-iban[token=""]').waitFor()
    await inside('stored-ssn', '.value').getByText(SSN).waitFor()
  })

  test('after the logout nothing is shown', async () => {
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByLabel('Name').waitFor()
    expect(await page.locator('iframe').count()).toBe(0)
  })

  test('the app got tokens and no value, and the browser had nothing to complain about', async () => {
    const all = (await Promise.all(traffic)).join('\n')
    expect(all).toMatch(/name="[^"]*ssn"\s+lunasec-/)
    expect(findLeaks(all, [SSN, IBAN])).toEqual([])
    expect(said).toEqual([])
  })
})
