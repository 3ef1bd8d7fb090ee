import { randomUUID } from 'node:crypto'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { axeFindings, IN_A_FRAME } from '../../secure-frame/test/axe.ts'
import { frameOf, type RealStage, startRealStage } from './real-stage.ts'
import { sdkBundle } from './stage.ts'

let stage: RealStage
beforeAll(async () => {
  stage = await startRealStage(sdkBundle())
})
afterAll(() => stage?.[Symbol.asyncDispose]())

const FORM = `<main><h1>Profile</h1><form>
  <label for="plain">Name</label> <secure-input id="plain" name="plain"></secure-input>
  <label for="needed">Card</label>
  <secure-input id="needed" name="needed" required pattern="[0-9]{4}" placeholder="0000" autocomplete="cc-number"
    aria-describedby="hint"></secure-input> <span id="hint">Four digits</span>
  <label for="secret">Password</label> <secure-input id="secret" type="password"></secure-input>
  <label for="off">Off</label> <secure-input id="off" disabled></secure-input>
  <label for="read">Read only</label> <secure-input id="read" readonly></secure-input>
  <label for="notes">Notes</label> <secure-textarea id="notes"></secure-textarea>
  <secure-paragraph id="shown" aria-label="Stored name"></secure-paragraph>
  <button>Save</button></form></main>`

/** In the page, and in each frame on it. */
async function everything(page: Page): Promise<string[]> {
  const frames = page.frames().filter((frame) => frame !== page.mainFrame())
  const inside = await Promise.all(frames.map((frame) => axeFindings(frame, { without: IN_A_FRAME })))
  return [...(await axeFindings(page)), ...inside.flat()]
}

describe('axe finds nothing', () => {
  test('in a form of secure fields: empty, invalid, required, disabled, read-only, with a value shown', async () => {
    const page = await stage.open(FORM)
    expect(await everything(page)).toEqual([])
    const card = (await frameOf(page, '#needed')).locator('.value')
    await card.fill('12')
    await page.locator('button').focus()
    await page.evaluate(() => document.forms[0]?.reportValidity())
    await expect.poll(() => card.getAttribute('aria-invalid')).toBe('true')
    const token = await page.evaluate(async () => {
      const field = document.querySelector('secure-textarea')
      field?.focus()
      return field?.token
    })
    expect(token).toBe('')
    expect(await everything(page)).toEqual([])
  })

  test('where there is a fault, it is found: the tool looks', async () => {
    const page = await stage.open('<main><h1>x</h1><secure-input aria-label="x"></secure-input></main>')
    const frame = await frameOf(page, 'secure-input')
    await frame.evaluate(() => document.querySelector('.value')?.removeAttribute('aria-label'))
    expect((await everything(page)).join()).toContain('label: <input')
  })
})

describe('a field without a label', () => {
  test.each(['de', 'ar'])('in %s has the words of that language', async (lang) => {
    const page = await stage.open(
      `<main lang="${lang}" dir="${lang === 'ar' ? 'rtl' : 'ltr'}"><h1>x</h1><secure-input required></secure-input></main>`,
    )
    const frame = await frameOf(page, 'secure-input')
    expect(await frame.evaluate(() => [document.documentElement.lang, document.title])).toEqual([
      lang,
      lang === 'ar' ? 'حقل آمن' : 'Geschütztes Feld',
    ])
    expect(await page.locator('iframe').getAttribute('title')).toBe(await frame.title())
    const bubble = await page.evaluate(() => document.querySelector('secure-input')?.validationMessage)
    expect(bubble).toBe(lang === 'ar' ? 'يُرجى ملء هذا الحقل.' : 'Bitte füllen Sie dieses Feld aus.')
  })
})

test('a page may word what its components say; it stays text', async () => {
  const page = await stage.open('<p>')
  const title = `<img src=x onerror=alert(1)> ${randomUUID()}`
  await page.evaluate((text) => {
    const { LunaDefendPage } = Reflect.get(window, 'sdk')
    const paragraph = document.createElement('secure-paragraph')
    const tokenizerUrl = Reflect.get(window, 'tokenizerUrl')
    paragraph.lunadefend = new LunaDefendPage({
      tokenizerUrl,
      app: 'shop',
      texts: { paragraph: { title: text } },
    })
    document.body.append(paragraph)
  }, title)
  const frame = await frameOf(page, 'secure-paragraph')
  await expect.poll(() => frame.title()).toBe(title)
  expect(await frame.locator('img').count()).toBe(0)
})
