import { randomUUID } from 'node:crypto'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MASKED_TYPES } from '../../contract/src/frame-messages.ts'
import { axeFindings, IN_A_FRAME } from '../../secure-frame/test/axe.ts'
import { frameOf, type RealStage, startRealStage } from './real-stage.ts'
import { sdkBundle } from './stage.ts'

let stage: RealStage
let stored: ReturnType<typeof storeAll>
beforeAll(async () => {
  stage = await startRealStage(sdkBundle())
  stored = storeAll()
  await stored
})
afterAll(() => stage?.[Symbol.asyncDispose]())

const OPTIONS = '<option value="a">One</option><option value="b">Two</option>'
const GROUND = '<style>:root { color-scheme: light dark; background: Canvas; color: CanvasText }</style>'

type Tokens = Readonly<Record<'text' | 'picture' | 'file', string>>

const masked = (types: readonly string[]) => () =>
  types
    .map(
      (type) =>
        `<label for="${type}">${type}</label> <secure-input id="${type}" type="${type}"></secure-input>`,
    )
    .join('\n')

/** All components, each with a label; few on one page, as each frame is a document. */
const GROUPS = {
  'plain fields': ({ text }: Tokens) => `
    <label for="plain">Name</label> <secure-input id="plain" name="plain" token="${text}"></secure-input>
    <label for="needed">Card</label>
    <secure-input id="needed" name="needed" required pattern="[0-9]{4}" placeholder="0000" autocomplete="cc-number"
      aria-describedby="hint"></secure-input> <span id="hint">Four digits</span>
    <label for="secret">Password</label> <secure-input id="secret" type="password"></secure-input>
    <label for="without">Off</label> <secure-input id="without" disabled></secure-input>
    <label for="read">Read only</label> <secure-input id="read" readonly></secure-input>
    <label for="notes">Notes</label> <secure-textarea id="notes" placeholder="Notes"></secure-textarea>
    <secure-paragraph id="shown" aria-label="Stored name"></secure-paragraph>`,
  choices: () => `
    <label for="select">Select</label> <secure-select id="select" required placeholder="None">${OPTIONS}</secure-select>
    <span id="group">Group</span> <secure-radio-group id="radio" aria-labelledby="group">${OPTIONS}</secure-radio-group>
    <secure-checkbox id="checkbox" required>I agree</secure-checkbox>
    <label for="off">Off</label> <secure-select id="off" disabled>${OPTIONS}</secure-select>`,
  'cards and codes': masked(MASKED_TYPES.slice(0, 4)),
  'other masks': masked(MASKED_TYPES.slice(4)),
  'what is shown': ({ text, picture }: Tokens) => `
    <secure-paragraph id="text" token="${text}" aria-label="Name" hide-after="60" copyable></secure-paragraph>
    <secure-image id="picture" token="${picture}" label="A scan"></secure-image>
    <secure-table id="table" aria-label="People" lines="3"></secure-table>`,
  files: ({ file }: Tokens) => `
    <label for="upload">Papers</label> <secure-upload id="upload" multiple required maxsize="1000"></secure-upload>
    <secure-download id="file" token="${file}"></secure-download>
    <label for="reveal">Password</label> <secure-input id="reveal" type="password" reveal></secure-input>`,
} as const
type Group = keyof typeof GROUPS

function pageOf(group: Group, tokens: Tokens, lang: string): string {
  return `${GROUND}<main lang="${lang}" dir="${lang === 'ar' ? 'rtl' : 'ltr'}"><h1>x</h1><form>
    ${GROUPS[group](tokens)} <button>Save</button></form></main>`
}

/** A picture of one pixel. */
const GIF = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64')

async function storeAll() {
  const { client } = stage
  const sid = client.sid('login-1')
  const store = async (value: string | Uint8Array): Promise<string> => {
    const token = await client.tokenize(sid, value)
    await client.grants.create(sid, token)
    return token
  }
  return { text: await store('Ada Lovelace'), picture: await store(GIF), file: await store('of a file') }
}

/** Frames let the ground of the page through; axe, which sees a frame alone, is told of it. */
async function giveGround(page: Page): Promise<void> {
  const ground = await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)
  for (const frame of page.frames())
    await frame.evaluate((color) => {
      document.documentElement.style.backgroundColor = color
    }, ground)
}

/** In the page, and in each frame on it. */
async function everything(page: Page): Promise<string[]> {
  const frames = page.frames().filter((frame) => frame !== page.mainFrame())
  const inside = await Promise.all(frames.map((frame) => axeFindings(frame, { without: IN_A_FRAME })))
  return [...(await axeFindings(page)), ...inside.flat()]
}

describe('axe finds nothing', () => {
  describe.each([
    ['light', 'en'],
    ['dark', 'ar'],
    ['forced', 'de'],
  ] as const)('in %s colours, in the language %s', (colors, lang) => {
    const forcedColors = colors === 'forced' ? 'active' : 'none'
    const open = async (group: Group) => {
      const page = await stage.open(pageOf(group, await stored, lang))
      await page.emulateMedia({ colorScheme: colors === 'dark' ? 'dark' : 'light', forcedColors })
      await giveGround(page)
      return page
    }

    test.each([
      ['plain fields', 'needed'],
      ['choices', 'select'],
      ['cards and codes', 'card-number'],
      ['other masks', 'iban'],
    ] as const)('in %s, empty and invalid', async (group, id) => {
      const page = await open(group)
      expect(await everything(page)).toEqual([])
      const control = (await frameOf(page, `#${id}`)).locator('.value')
      if (group !== 'choices') await control.fill('12')
      await page.evaluate(() => document.forms[0]?.reportValidity())
      await page.evaluate((name) => document.getElementById(name)?.setAttribute('aria-invalid', 'true'), id)
      await expect.poll(() => control.getAttribute('aria-invalid')).toBe('true')
      expect(await everything(page)).toEqual([])
    })

    test('in what is shown: texts, pictures, tables', async () => {
      const page = await open('what is shown')
      await page.evaluate(
        (token) => {
          const table = document.querySelector('secure-table')
          if (table === null) return
          table.columns = [
            { key: 'place', label: 'Place' },
            { key: 'name', label: 'Name', secure: true },
          ]
          table.rows = Array.from({ length: 20 }, (_, index) => ({ place: `Town ${index}`, name: token }))
        },
        (await stored).text,
      )
      const text = await frameOf(page, '#text')
      await text.getByText('Ada Lovelace').waitFor()
      await (await frameOf(page, '#picture')).locator('img').waitFor()
      await (await frameOf(page, '#table')).getByText('Ada Lovelace').first().waitFor()
      expect(await everything(page)).toEqual([])
      await text.getByRole('button').last().click()
      await text.getByText('Ada Lovelace').waitFor({ state: 'detached' })
      expect(await axeFindings(text, { without: IN_A_FRAME })).toEqual([])
    })

    test('in files: none, under way, refused, arrived, saved', async () => {
      const page = await open('files')
      expect(await everything(page)).toEqual([])
      const upload = await frameOf(page, '#upload')
      stage.line.hold()
      await upload.locator('input[type=file]').setInputFiles([
        { name: 'a.txt', mimeType: 'text/plain', buffer: Buffer.from('a') },
        { name: 'large.txt', mimeType: 'text/plain', buffer: Buffer.alloc(2000) },
      ])
      await upload.locator('.flaws p').waitFor()
      await upload.locator('li').waitFor()
      expect(await everything(page)).toEqual([])
      stage.line.mend()
      await page.locator('#upload:not(:state(uploading))').waitFor()
      await (await frameOf(page, '#file')).getByRole('button').first().click()
      await page.evaluate(() => document.querySelector('secure-upload')?.toggleAttribute('disabled', true))
      expect(await everything(page)).toEqual([])
    })
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
