import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Site, startSite } from '../../apps/demo/test/site.ts'
import { axeFindings, IN_A_FRAME } from '../../packages/secure-frame/test/axe.ts'
import { type OwnBrowser, startChromium } from '../../packages/secure-frame/test/chromium.ts'
import { Visitor } from '../harness/visitor.ts'

let site: Site
let chromium: OwnBrowser
let context: BrowserContext
let stranger: Page
let visitor: Visitor

beforeAll(async () => {
  site = await startSite()
  chromium = await startChromium()
  stranger = (await Visitor.open(await chromium.browser.newContext(), site.url)).page
  context = await chromium.browser.newContext()
  visitor = await Visitor.open(context, site.url)
  await visitor.signUp()
  await visitor.type('ssn', '219-09-4001')
  await visitor.save()
})
afterAll(async () => {
  await chromium?.[Symbol.asyncDispose]()
  await site?.[Symbol.asyncDispose]()
})

/** In the page, and in each frame on it: frames let the ground of their element through, of which axe is told. */
async function everything(page: Page): Promise<string[]> {
  const found = await axeFindings(page)
  for (const frame of page.frames().filter((each) => each !== page.mainFrame())) {
    const ground = await (await frame.frameElement()).evaluate(groundOf)
    await frame.evaluate((color) => {
      document.documentElement.style.backgroundColor = color
    }, ground)
    found.push(...(await axeFindings(frame, { without: IN_A_FRAME })))
  }
  return found
}

/** Runs in the page: the first colour under a node, its shadow host's and what that stands in included. */
function groundOf(iframe: Node): string {
  for (
    let node: Node | null = iframe;
    node !== null;
    node = node instanceof ShadowRoot ? node.host : node.parentNode
  ) {
    const color = node instanceof Element ? getComputedStyle(node).backgroundColor : 'transparent'
    if (!/^(transparent|rgba\(0, 0, 0, 0\))$/.test(color)) return color
  }
  return 'Canvas'
}

describe.each(['light', 'dark'] as const)('in %s colours axe finds nothing', (colorScheme) => {
  test.each(['/', '/support'])('for who has not logged in, at %s', async (path) => {
    await stranger.emulateMedia({ colorScheme })
    await stranger.goto(site.url + path)
    await stranger.locator('h1').first().waitFor()
    expect(await everything(stranger)).toEqual([])
  })

  test.each(['/profile', '/vault', '/steal', '/support'])('for who has, at %s', async (path) => {
    const { page } = visitor
    await page.emulateMedia({ colorScheme })
    await page.goto(site.url + path)
    await page.locator('h1').first().waitFor()
    for (const frame of await page.locator('iframe').all()) await frame.waitFor()
    await page.waitForFunction(() =>
      [...document.querySelectorAll('secure-input, secure-textarea, secure-paragraph')].every((each) =>
        each.matches(':state(ready)'),
      ),
    )
    expect(await everything(page)).toEqual([])
  })
})
