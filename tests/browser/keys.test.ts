import type { BrowserContext, CDPSession, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Site, startSite } from '../../apps/demo/test/site.ts'
import { type OwnBrowser, startChromium, untilKeysArrive } from '../../packages/secure-frame/test/chromium.ts'
import { findLeaks } from '../harness/leaks.ts'
import { heardKeys, overheard, spyOn } from '../harness/page-spy.ts'
import { Visitor } from '../harness/visitor.ts'

/** The profile of the demo with one more secure field between the plain ones. */
const FIELDS = ['display-name', 'third', 'city', 'ssn', 'notes'] as const
const PLAIN: readonly string[] = ['display-name', 'city']

let site: Site
let chromium: OwnBrowser
let context: BrowserContext
let visitor: Visitor
let page: Page

beforeAll(async () => {
  site = await startSite()
  chromium = await startChromium()
  context = await chromium.browser.newContext()
  await spyOn(context, site.url)
  visitor = await Visitor.open(context, site.url)
  page = visitor.page
  await visitor.signUp()
})
afterAll(async () => {
  await chromium[Symbol.asyncDispose]()
  await site[Symbol.asyncDispose]()
})
beforeEach(async () => {
  await page.goto(`${site.url}/profile`)
  await page.locator('#ssn').waitFor()
  await addField({ id: 'third', name: 'third', autocomplete: 'email' })
  for (const id of ['third', 'ssn', 'notes']) await page.locator(`#${id}:state(ready)`).waitFor()
})

/** Puts a secure field with a label before the city. */
async function addField(attributes: Readonly<Record<string, string>>): Promise<void> {
  await page.evaluate((given) => {
    const field = document.createElement('secure-input')
    for (const [name, value] of Object.entries(given)) field.setAttribute(name, value)
    field.className = 'secure'
    field.lunadefend = document.querySelector('secure-input')?.lunadefend
    const label = Object.assign(document.createElement('label'), {
      htmlFor: given['id'],
      textContent: 'More',
    })
    document.querySelector('label[for=city]')?.before(label, field)
  }, attributes)
}

/** What is in a field; of a secure one only a test can tell. */
function content(id: string): Promise<string | null> {
  return PLAIN.includes(id) ? page.locator(`#${id}`).inputValue() : visitor.shown(id)
}

/** The page's script has none of it: not in a key, an event, a form, an attribute, a message. */
async function expectUnheard(...secrets: readonly string[]): Promise<void> {
  expect(findLeaks(await overheard(page), secrets)).toEqual([])
}

/** One key after the other, so that a page that heard each alone would be found out. */
async function expectNoKeyHeard(characters: string): Promise<void> {
  const keys = (await heardKeys(page)).filter((line) => /^key/.test(line)).map((line) => line.split(' ')[1])
  for (const character of characters) expect(keys).not.toContain(character)
}

/** Goes on when the focus is there, as a user does who looks at the ring. */
async function press(key: 'Tab' | 'Shift+Tab', to: string): Promise<void> {
  await page.keyboard.press(key)
  await focused(to)
}

async function focused(id: string): Promise<void> {
  const isPlain = PLAIN.includes(id)
  await page.locator(isPlain ? `#${id}:focus` : `#${id}:state(focused)`).waitFor()
  await untilKeysArrive(page, isPlain ? page : await visitor.frame(id))
}

describe('not one character reaches the page', () => {
  test('after a click on a label, however early one types: the first key may be lost, but is not heard', async () => {
    for (const id of ['ssn', 'notes', 'third']) {
      await page.locator(`label[for="${id}"]`).click()
      await page.keyboard.type('kQ')
      await focused(id)
      await page.keyboard.type('xZ9-xZ9-')
      await expect.poll(() => content(id)).toMatch(/xZ9-xZ9-$/)
    }
    await expectUnheard('xZ9-xZ9-')
    await expectNoKeyHeard('kQxZ9')
  })

  test('with autofocus, from the first moment', async () => {
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur())
    await addField({ id: 'fourth', name: 'fourth', autofocus: '' })
    await page.keyboard.type('kQ')
    await focused('fourth')
    await page.keyboard.type('xZ9-xZ9-')
    await expect.poll(() => content('fourth')).toMatch(/xZ9-xZ9-$/)
    await expectUnheard('xZ9-xZ9-')
    await expectNoKeyHeard('kQxZ9')
  })

  test('that is composed, pasted, cut or copied', async () => {
    const session = await sessionOf('ssn')
    await page.locator('label[for="ssn"]').click()
    await focused('ssn')
    await session.send('Input.imeSetComposition', { text: 'ひみつ', selectionStart: 3, selectionEnd: 3 })
    await session.send('Input.insertText', { text: '秘密の番号' })
    await expect.poll(() => content('ssn')).toBe('秘密の番号')
    await page.keyboard.press('ControlOrMeta+A')
    await page.keyboard.press('ControlOrMeta+X')
    await expect.poll(() => content('ssn')).toBe('')
    await page.locator('label[for="notes"]').click()
    await focused('notes')
    await page.keyboard.press('ControlOrMeta+V')
    await page.keyboard.press('ControlOrMeta+V')
    await expect.poll(() => content('notes')).toBe('秘密の番号秘密の番号')
    await expectUnheard('ひみつ', '秘密の番号')
    const heard = (await heardKeys(page)).filter((line) => /^(?:paste|copy|cut|composition|input)/.test(line))
    expect(heard).toEqual([])
  })

  test('that a password manager or another keyboard inserts', async () => {
    await page.locator('label[for="third"]').click()
    await focused('third')
    await page.keyboard.insertText('jane@roe.example')
    await expect.poll(() => content('third')).toBe('jane@roe.example')
    await expectUnheard('jane@roe.example', 'roe.example')
  })

  // Chromium fills a form of the page when it is told to over CDP; a single field in a frame of another origin it leaves
  // alone, so what it would put there is inserted in the test above.
  test('that the browser fills in: the page’s own fields get theirs, and there is none that could get the others', async () => {
    const session = await context.newCDPSession(page)
    await page.locator('#display-name').click()
    const filled = new Promise((resolve) => session.once('Autofill.addressFormFilled', resolve))
    await session.send('Autofill.enable')
    const { result } = await session.send('Runtime.evaluate', {
      expression: `document.querySelector('#display-name')`,
    })
    const { node } = await session.send('DOM.describeNode', { objectId: result.objectId ?? '' })
    const fields = [
      { name: 'NAME_FULL', value: 'Jane Roe' },
      { name: 'ADDRESS_HOME_CITY', value: 'Arlington' },
      { name: 'ADDRESS_HOME_COUNTRY', value: 'US' },
      { name: 'EMAIL_ADDRESS', value: 'jane@roe.example' },
    ]
    await session.send('Autofill.trigger', { fieldId: node.backendNodeId, address: { fields } })
    await filled
    expect([await content('display-name'), await content('city')]).toEqual(['Jane Roe', 'Arlington'])
    await expectUnheard('jane@roe.example')
  })
})

test('the page has no field that a value could get into: only its own', async () => {
  const controls = await page.evaluate(() => {
    const found: string[] = []
    const walk = (root: ParentNode): void => {
      for (const element of root.querySelectorAll<HTMLElement>('*')) {
        if (element.matches('input, textarea, select') || element.isContentEditable) found.push(element.id)
        if (element.shadowRoot !== null) walk(element.shadowRoot)
      }
    }
    walk(document)
    return found
  })
  expect(controls).toEqual(PLAIN)
})

describe('Tab', () => {
  test('goes through three secure and two plain fields, there and back; no key is lost, none is heard', async () => {
    const text = (n: number, id: string) => (PLAIN.includes(id) ? `plain-${n}-` : `Qu7x-Zk9-${n}-`)
    await page.locator('#display-name').focus()
    for (const [n, id] of FIELDS.entries()) {
      if (n > 0) await press('Tab', id)
      await page.keyboard.type(text(n, id))
    }
    for (const [n, id] of [...FIELDS.entries()].reverse()) {
      if (n < FIELDS.length - 1) await press('Shift+Tab', id)
      await page.keyboard.press('End')
      await page.keyboard.type(text(n, id))
    }
    const typed = FIELDS.map((id, n) => text(n, id).repeat(2))
    await expect.poll(() => Promise.all(FIELDS.map(content))).toEqual(typed)
    await expectUnheard('Qu7x-Zk9')
    await expectNoKeyHeard('Qu7xZk9')
    // The page does hear what is typed into its own fields, so it would hear the rest.
    expect((await heardKeys(page)).join('\n')).toContain('plain-0-plain-0-')
    await visitor.save()
    await expectUnheard('Qu7x-Zk9')
    await visitor.visit('Vault')
    await visitor.shows('shown-notes', typed[4] ?? '')
  })

  test('walks through every stop once, in both directions', async () => {
    const stops = [...FIELDS, 'Save']
    const stop = () =>
      page.evaluate(() => document.activeElement?.id || document.activeElement?.textContent?.slice(0, 20))
    await page.locator('#display-name').focus()
    for (const expected of stops) {
      await expect.poll(stop).toBe(expected)
      await page.keyboard.press('Tab')
    }
    await expect.poll(stop).not.toBe('Save')
    for (const expected of stops.reverse()) {
      await page.keyboard.press('Shift+Tab')
      await expect.poll(stop).toBe(expected)
    }
  })
})

/** For what only the process of the frame can be told. */
async function sessionOf(id: string): Promise<CDPSession> {
  return context.newCDPSession(await visitor.frame(id))
}
