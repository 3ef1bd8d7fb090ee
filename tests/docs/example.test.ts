import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { freePort } from '@lunadefend/testing'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type OwnBrowser, startChromium } from '../../packages/secure-frame/test/chromium.ts'
import { scratch } from '../harness/directory.ts'
import { findLeaks } from '../harness/leaks.ts'

const SSN = '078-05-1120'

let own: OwnBrowser
beforeAll(async () => {
  own = await startChromium()
})
afterAll(() => own[Symbol.asyncDispose]())

/** The same server, and pages that do the same: so the same test is for all. */
describe.each(['express-react', 'vue', 'svelte'])('%s', (name) => {
  const folder = scratch()
  const start = fileURLToPath(new URL(`../../docs/examples/${name}/start.ts`, import.meta.url))
  let example: ChildProcess
  let origin: string
  let page: Page
  /** All that the page and the app's server said to each other. */
  const traffic: string[] = []

  beforeAll(async () => {
    const port = await freePort()
    origin = `http://localhost:${port}`
    example = spawn(process.execPath, [start], {
      cwd: folder.path,
      env: { ...process.env, PORT: String(port) },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [said] = await once(example.stdout as NonNullable<ChildProcess['stdout']>, 'data')
    expect(String(said)).toBe(`Open ${origin}\n`)
    page = await (await own.browser.newContext()).newPage()
    page.on('request', (request) => {
      if (request.url().startsWith(origin)) traffic.push(request.url(), request.postData() ?? '')
    })
  })
  afterAll(async () => {
    await page.context().close()
    example.kill()
    await once(example, 'exit')
    folder[Symbol.dispose]()
  })

  /** What the frame in a secure element shows. A test may look into it; the page may not. */
  function inside(id: string, selector: string) {
    return page.frameLocator(`#${id} iframe`).locator(selector)
  }

  test('type, save, see it again; the app gets a token and never the value', async () => {
    await page.goto(origin)
    await page.getByLabel('Name').fill('grace')
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.locator('#ssn:state(ready)').waitFor()
    await page.getByText('Social security number').click()
    await page.locator('#ssn:state(focused)').waitFor()
    await page.keyboard.type(SSN)
    await page.getByRole('button', { name: 'Save' }).click()
    await inside('stored', '.value').getByText(SSN).waitFor()
    await page.reload()
    await inside('stored', '.value').getByText(SSN).waitFor()
    await expect.poll(() => inside('ssn', 'input').inputValue()).toBe(SSN)
    const html = await page.content()
    expect(html).toMatch(/data-token="lunasec-/)
    expect(findLeaks(html + traffic.join('\n'), [SSN])).toEqual([])
    expect(traffic.join('\n')).toMatch(/ssn=lunasec-/)
  })

  test('a token that this login did not make is not stored', async () => {
    const before = await page.locator('#root').getAttribute('data-token')
    const answer = await page.request.post(`${origin}/ssn`, { form: { ssn: `lunasec-${randomUUID()}` } })
    expect(answer.status()).toBe(400)
    expect(await answer.text()).toBe('Refused: not_granted')
    await page.reload()
    expect(await page.locator('#root').getAttribute('data-token')).toBe(before)
  })

  test('after the logout nothing is shown, and nothing answers', async () => {
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByRole('button', { name: 'Log in' }).waitFor()
    expect(await page.locator('iframe').count()).toBe(0)
  })
})
