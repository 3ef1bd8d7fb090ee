import { devices, type Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { untilKeysArrive } from '../../secure-frame/test/chromium.ts'
import { errorsOf, frameOf, type RealStage, startRealStage } from './real-stage.ts'
import { sdkBundle, until } from './stage.ts'

/** A telephone as Chromium shows itself as one: small, touched, with a page as wide as its screen. */
let stage: RealStage
beforeAll(async () => {
  stage = await startRealStage(sdkBundle(), 'store', devices['Pixel 7'])
})
afterAll(() => stage[Symbol.asyncDispose]())
beforeEach(() => {
  stage.app.submissions.length = 0
})

const open = (body: string): Promise<Page> =>
  stage.open(`<meta name="viewport" content="width=device-width">${body}`)

async function stored(value: string): Promise<string> {
  const sid = stage.client.sid('login-1')
  const token = await stage.client.tokenize(sid, value)
  await stage.client.grants.create(sid, token)
  return token
}

const FAR_BELOW = '<div style="height: 1500px"></div>'

/** Where the element is, whole, in the window. */
async function expectInView(page: Page, selector: string): Promise<void> {
  const isSeen = () =>
    page.locator(selector).evaluate((element) => {
      const { top, bottom } = element.getBoundingClientRect()
      return top >= 0 && bottom <= innerHeight
    })
  await until(isSeen).toBe(true)
}

describe('a field, on a telephone', () => {
  test('takes what is typed after a tap, and says to the keyboard what it is for', async () => {
    const page =
      await open(`<secure-input id="mail" type="email" autocomplete="email" aria-label="E-mail"></secure-input>
      <secure-input id="code" type="one-time-code" aria-label="Code"></secure-input><secure-input id="amount" type="number" aria-label="Amount"></secure-input>
      <secure-input id="name" inputmode="search" aria-label="Name"></secure-input><secure-textarea id="notes" enterkeyhint="next" aria-label="Notes"></secure-textarea>`)
    for (const id of ['mail', 'code', 'notes']) {
      await page.locator(`#${id}`).tap()
      await page.locator(`#${id}:state(focused)`).waitFor()
      await untilKeysArrive(page, await frameOf(page, `#${id}`))
      await page.keyboard.type('123456')
      await until(async () => (await frameOf(page, `#${id}`)).locator('.value').inputValue()).toBe('123456')
    }
    const attributes = ['type', 'inputmode', 'autocomplete', 'enterkeyhint', 'autocapitalize', 'autocorrect']
    const said = ['mail', 'code', 'amount', 'name', 'notes'].map(async (id) => {
      const box = (await frameOf(page, `#${id}`)).locator('.value')
      return Promise.all(attributes.map((name) => box.getAttribute(name)))
    })
    expect(await Promise.all(said)).toEqual([
      ['email', null, 'email', null, 'off', 'off'],
      ['text', 'numeric', 'one-time-code', null, 'off', 'off'],
      ['text', 'decimal', 'off', null, 'off', 'off'],
      ['text', 'search', 'off', null, 'off', 'off'],
      [null, null, 'off', 'next', 'off', 'off'],
    ])
  })

  // Safari of a telephone enlarges the page for who types into smaller letters.
  test('has letters of 16 pixels on a page that says nothing of letters, and the page’s own otherwise', async () => {
    const page = await open(
      '<secure-input id="a"></secure-input><secure-input id="b" style="font-size: 19px"></secure-input>',
    )
    const sizeIn = async (id: string) =>
      (await frameOf(page, id)).locator('.value').evaluate((box) => getComputedStyle(box).fontSize)
    await until(() => Promise.all(['#a', '#b'].map(sizeIn))).toEqual(['16px', '19px'])
  })

  test('that is out of sight comes into view with the focus: by a label, by a ref, by a flaw', async () => {
    const page =
      await open(`<form method="post" action="/submit"><label for="low">Low</label><button>Save</button>
      ${FAR_BELOW}<secure-input id="low" name="low" required></secure-input></form>`)
    const fromTheTop = () => page.evaluate(() => scrollTo(0, 0))
    await page.locator('label').tap()
    await page.locator('#low:state(focused)').waitFor()
    await expectInView(page, '#low')
    await fromTheTop()
    await page.evaluate(() => {
      document.querySelector<HTMLElement>('#low')?.blur()
      document.querySelector<HTMLElement>('#low')?.focus()
    })
    await expectInView(page, '#low')
    await fromTheTop()
    await page.locator('button').tap()
    await page.locator('#low:state(focused)').waitFor()
    await expectInView(page, '#low')
    expect(stage.app.submissions).toEqual([])
  })
})

test('a table scrolls under a finger, and the page stays where it is', async () => {
  const tokens: string[] = []
  for (let n = 0; n < 20; n++) tokens.push(await stored(`number ${n}`))
  const page = await open(`<secure-table id="t" lines="4" aria-label="Numbers"></secure-table>${FAR_BELOW}`)
  await page.evaluate((given) => {
    const table = document.querySelector('secure-table')
    if (table === null) return
    table.columns = [{ key: 'token', label: 'Number', secure: true }]
    table.rows = given.map((token) => ({ token }))
  }, tokens)
  const frame = await frameOf(page, '#t')
  await frame.getByText('number 0', { exact: true }).waitFor()
  const box = await page.locator('#t').boundingBox()
  const devtools = await page.context().newCDPSession(page)
  const [x, top] = [(box?.x ?? 0) + 100, box?.y ?? 0]
  const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', ...ys: number[]) =>
    devtools.send('Input.dispatchTouchEvent', { type, touchPoints: ys.map((y) => ({ x, y: top + y })) })
  const scrolled = () => frame.locator('.body').evaluate((body) => body.scrollTop)
  // Beyond its end it would be the page that goes on.
  for (let swipe = 0; swipe < 4 && (await scrolled()) < 100; swipe++) {
    await touch('touchStart', 100)
    for (const y of [80, 60, 40, 20, 5]) await touch('touchMove', y)
    await touch('touchEnd')
  }
  await until(scrolled).toBeGreaterThan(100)
  const inView = () => frame.evaluate(() => document.elementFromPoint(100, 100)?.textContent)
  await until(inView).toMatch(/^number [1-9]/)
  expect(await page.evaluate(() => scrollY)).toBe(0)
})

test('files come by a tap, from the camera where the page asks for it', async () => {
  const page =
    await open(`<form method="post" action="/submit"><secure-upload id="f" name="papers" capture="environment" accept="image/*,text/plain" aria-label="Papers"></secure-upload>
    <button>Save</button></form>`)
  const frame = await frameOf(page, '#f')
  const coming = page.waitForEvent('filechooser')
  await frame.getByRole('button', { name: 'Take a photo' }).tap()
  const chooser = await coming
  expect(await chooser.element().getAttribute('capture')).toBe('environment')
  await chooser.setFiles({ name: 'a.txt', mimeType: 'text/plain', buffer: Buffer.from('taken') })
  await frame.getByText('Uploaded – 5 bytes').waitFor()
  await page.locator('form > button').tap()
  await until(() => stage.app.submissions.length).toBe(1)
  expect(stage.app.submissions[0]?.get('papers')).toMatch(/^lunasec-/)
})

test('what is stored is hidden and shown by a tap', async () => {
  const token = await stored('DE89 3704')
  const page = await open(`<secure-paragraph id="p" token="${token}" hide-after="3600"></secure-paragraph>`)
  const frame = await frameOf(page, '#p')
  await frame.getByText('DE89 3704').waitFor()
  await frame.getByRole('button', { name: 'Hide' }).tap()
  await until(() => frame.getByText('DE89 3704').count()).toBe(0)
  await frame.getByRole('button').tap()
  await frame.getByText('DE89 3704').waitFor()
  expect(await errorsOf(page)).toEqual([])
})

test('nothing is wider than the screen of a small telephone', async () => {
  const token = await stored('shown')
  const page =
    await open(`<form><secure-input reveal type="password"></secure-input><secure-input type="card-number"></secure-input><secure-textarea></secure-textarea>
    <secure-select><option value="1">${'A long option '.repeat(9)}</option></secure-select><secure-radio-group><option value="1">${'A long option '.repeat(9)}</option></secure-radio-group>
    <secure-checkbox>${'What is agreed to is long. '.repeat(9)}</secure-checkbox><secure-upload></secure-upload></form>
    <secure-paragraph token="${token}" copyable></secure-paragraph><secure-image></secure-image><secure-download token="${token}"></secure-download><secure-table></secure-table>`)
  await page.setViewportSize({ width: 320, height: 568 })
  const widths = () => page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
  expect(await widths()).toEqual([320, 320])
  for (const frame of page.frames().slice(1))
    expect(await frame.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(
      0,
    )
})
