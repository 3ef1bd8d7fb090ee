import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startLunaDefend } from '@lunadefend/testing'
import { chromium, type Page } from 'playwright-core'
import { startDemo } from '../apps/demo/src/server.ts'
import { chromiumPath } from './chromium.ts'

/** Takes docs/images/demo.png: the demo, after somebody has saved a profile. */
const PICTURE = join(import.meta.dirname, '..', 'docs', 'images', 'demo.png')
const PORTS = { app: 3000, tokenizer: 37766, objects: 37767 }

async function save(page: Page): Promise<void> {
  await page.getByLabel('Name', { exact: true }).fill('grace')
  await page.getByLabel('Password').fill('a long enough password')
  await page.getByRole('button', { name: 'Create my account' }).click()
  await page.getByLabel('Display name').fill('Grace')
  await page.getByLabel('City').fill('Arlington')
  for (const [id, text] of [
    ['ssn', '078-05-1120'],
    ['notes', 'Allergic to penicillin'],
  ]) {
    await page.locator(`#${id}:state(ready)`).waitFor()
    await page.locator(`label[for="${id}"]`).click()
    await page.locator(`#${id}:state(focused)`).waitFor()
    await page.keyboard.type(String(text))
  }
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Saved. The panel shows').waitFor()
}

await using stack = new AsyncDisposableStack()
const directory = mkdtempSync(join(tmpdir(), 'lunadefend-picture-'))
stack.defer(() => rmSync(directory, { recursive: true }))
const { app: port, ...ports } = PORTS
const url = `http://localhost:${port}`
const lunaDefend = stack.use(
  await startLunaDefend({ directory, apps: [{ id: 'demo', origins: [url] }], ports }),
)
const { tokenizerUrl, objectsUrl } = lunaDefend
const signingKey = lunaDefend.signingKey('demo')
const demo = await startDemo({ directory, port, tokenizerUrl, objectsUrl, app: 'demo', signingKey })
stack.defer(() => demo.close())
const browser = await chromium.launch({ executablePath: chromiumPath(), args: ['--no-sandbox'] })
stack.defer(() => browser.close())
const page = await browser.newPage({ viewport: { width: 1200, height: 772 }, colorScheme: 'light' })
await page.goto(url)
await save(page)
await page.screenshot({ path: PICTURE })
