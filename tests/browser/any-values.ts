import { readFile as readBytes } from 'node:fs/promises'
import fc from 'fast-check'
import type { Frame, Page } from 'playwright-core'
import { expect } from 'vitest'
import { frameOf, type RealStage } from '../../packages/browser/test/real-stage.ts'
import { until } from '../../packages/browser/test/stage.ts'
import { readFile } from '../../packages/browser/test/upload-stage.ts'
import { FILE, FILE_NAME, INPUTS, OPTIONS, TEXT_AREA } from './any-text-values.ts'
import { pixelsIn, pngOfPixels } from './pixels.ts'

/** Each value of the Tokenizer's setting `protection`. */
export const PROTECTIONS = ['store', 'prefer-end-to-end', 'require-end-to-end'] as const

const TYPES = Object.keys(INPUTS) as (keyof typeof INPUTS)[]
const CHOICES = ['select', 'radio-group', 'checkbox'] as const

const texts = fc.record<Record<string, string>>({ ...INPUTS, area: TEXT_AREA })
const choice = fc.record({ options: OPTIONS, at: fc.nat(), isChecked: fc.boolean() })
type Choice = { readonly options: readonly string[]; readonly at: number; readonly isChecked: boolean }

const PAGE = `${TYPES.map((type) => `<secure-input id="${type}" type="${type}"></secure-input>`).join('')}
  <secure-textarea id="area"></secure-textarea><secure-paragraph id="shown"></secure-paragraph><div id="more"></div>`

/** Any text, typed into every kind of field and picked in every kind of choice: shown again, filled in again, and at the server. */
export async function expectTextsBack(stage: RealStage, runs: number): Promise<void> {
  const page = await stage.open(PAGE)
  const given = fc.tuple(texts, choice, fc.constantFrom(...TYPES, 'area'))
  await fc.assert(
    fc.asyncProperty(given, async ([typed, picked, again]) => {
      for (const [id, text] of Object.entries(typed)) await type(page, id, text)
      const choices = await pick(page, picked)
      // HTML, "API value" of a text area.
      const expected: Texts = { ...typed, area: (typed['area'] ?? '').replace(/\r\n?/g, '\n'), ...choices }
      const tokens = await tokenize(page, Object.keys(expected))
      await expectBack(stage, page, tokens, expected)
      await expectFilled(page, again, tokens[again] ?? '', expected[again] ?? '')
    }),
    { numRuns: runs },
  )
}

/** A text of 100 KB, in a text area. */
export async function expectLongTextBack(stage: RealStage): Promise<void> {
  const page = await stage.open(PAGE)
  const [sample = ''] = fc.sample(
    TEXT_AREA.filter((each) => each.length > 20),
    1,
  )
  const area = sample.replace(/\r\n?/g, '\n').repeat(Math.ceil(100_000 / Buffer.byteLength(sample)))
  await type(page, 'area', area)
  await expectBack(stage, page, await tokenize(page, ['area']), { area })
}

/** Any bytes under any name: at the server, and saved from the frame of a download. */
export async function expectFilesBack(stage: RealStage, runs: number): Promise<void> {
  const page = await stage.open(
    `<secure-upload id="files"></secure-upload><secure-download id="saved"></secure-download>`,
  )
  const [files, saved] = [await frameOf(page, '#files'), await frameOf(page, '#saved')]
  await fc.assert(
    fc.asyncProperty(FILE, FILE_NAME, async (buffer, name) => {
      await page.evaluate(() => (document.querySelector('#files') as unknown as { clear(): void }).clear())
      await files.locator('input[type=file]').setInputFiles({ name, mimeType: 'application/x-any', buffer })
      const tokens = () =>
        page.evaluate(() => [...Reflect.get(document.querySelector('#files') as object, 'tokens')])
      await until(async () => (await tokens()).length, 30_000).toBe(1)
      const [token = ''] = await tokens()
      const found = await readFile(stage, token)
      expect([found.name, found.type, found.content.equals(buffer)]).toEqual([
        name,
        'application/x-any',
        true,
      ])
      await setToken(page, 'saved', token)
      expect((await save(page, saved)).equals(buffer)).toBe(true)
    }),
    { numRuns: runs },
  )
}

/** Any picture, pixel by pixel. */
export async function expectPicturesBack(stage: RealStage, runs: number): Promise<void> {
  const page = await stage.open('<secure-image id="image" label="A picture"></secure-image>')
  const frame = await frameOf(page, '#image')
  const size = { width: 5, height: 4 }
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 60, maxLength: 60 }), async (pixels) => {
      const token = await stage.client.tokenize(stage.client.sid('login-1'), pngOfPixels(size, pixels))
      await stage.client.grants.create(stage.client.sid('login-1'), token)
      await setToken(page, 'image', token)
      await until(() => pixelsIn(frame), 15_000).toEqual([...pixels])
    }),
    { numRuns: runs },
  )
}

/** Texts are sent as JSON: the driver of the browser has a way of its own with lone surrogates and U+0000. */
async function type(page: Page, id: string, text: string): Promise<void> {
  const frame = await frameOf(page, `#${id}`)
  await frame.locator('.value').evaluate((control, given) => {
    Object.assign(control, { value: JSON.parse(given) })
    control.dispatchEvent(new InputEvent('input', { inputType: 'insertFromPaste', bubbles: true }))
  }, JSON.stringify(text))
}

/** New choices with these options; one is picked in each. @returns the texts that were picked */
async function pick(page: Page, { options, at, isChecked }: Choice): Promise<Record<string, string>> {
  const picked = options[at % options.length] ?? ''
  const [unchecked = '', checked = ''] = options
  await page.evaluate(
    ([names, given]) => {
      const texts = JSON.parse(given) as string[]
      const elements = names.map((name) => {
        const element = Object.assign(document.createElement(`secure-${name}`), { id: name })
        const offered = texts.map((text, index) =>
          Object.assign(new Option(`Option ${index}`), { value: text }),
        )
        if (name === 'checkbox') Object.assign(element, { uncheckedValue: texts[0], checkedValue: texts[1] })
        else element.append(...offered)
        return element
      })
      document.querySelector('#more')?.replaceChildren(...elements)
    },
    [CHOICES, JSON.stringify(options)] as const,
  )
  for (const name of CHOICES) await page.locator(`#${name}:state(ready)`).waitFor()
  const frame = (name: string) => frameOf(page, `#${name}`)
  const label = `Option ${at % options.length}`
  await (await frame('select')).locator('select').selectOption({ label })
  await (await frame('radio-group')).getByLabel(label, { exact: true }).check()
  await (await frame('checkbox')).locator('input').click({ clickCount: isChecked ? 1 : 2 })
  return { select: picked, 'radio-group': picked, checkbox: isChecked ? checked : unchecked }
}

/** The tokens, by the ids of the fields; these are empty again then. */
function tokenize(page: Page, ids: readonly string[]): Promise<Record<string, string>> {
  return page.evaluate(async (names) => {
    const fields = names.map((id) => document.getElementById(id) as unknown as Field)
    interface Field {
      tokenize(): Promise<string>
      clear(): void
    }
    const tokens = await Promise.all(fields.map((field) => field.tokenize()))
    for (const field of fields) field.clear()
    return Object.fromEntries(names.map((id, index) => [id, tokens[index] ?? '']))
  }, ids)
}

type Texts = Readonly<Record<string, string>>

async function expectBack(stage: RealStage, page: Page, tokens: Texts, expected: Texts): Promise<void> {
  const sid = stage.client.sid('login-1')
  await stage.client.grants.create(sid, Object.values(tokens))
  const shown = (await frameOf(page, '#shown')).locator('.value')
  for (const [id, token] of Object.entries(tokens)) {
    const bytes = await stage.client.detokenize(sid, token)
    expect([id, Buffer.from(bytes).toString()]).toEqual([id, expected[id]])
    await setToken(page, 'shown', token)
    const text = () => shown.evaluate((element) => JSON.stringify(element.textContent))
    await until(async () => [id, JSON.parse(await text())], 15_000).toEqual([id, expected[id]])
  }
}

/** A new field of this type that begins with the token. */
async function expectFilled(page: Page, type: string, token: string, text: string): Promise<void> {
  await page.evaluate(
    ([kind, value]) => {
      const element = document.createElement(kind === 'area' ? 'secure-textarea' : 'secure-input')
      Object.assign(element, { id: 'again', token: value, ...(kind !== 'area' && { type: kind }) })
      document.querySelector('#more')?.replaceChildren(element)
    },
    [type, token],
  )
  await page.locator('#again:state(ready)').waitFor()
  const value = (await frameOf(page, '#again')).locator('.value')
  const held = () => value.evaluate((control) => JSON.stringify((control as HTMLInputElement).value))
  // A card and an IBAN are shown in groups.
  const plain = (given: string) =>
    ['card-number', 'iban'].includes(type) ? given.replaceAll(' ', '') : given
  await until(async () => [type, plain(JSON.parse(await held()))], 15_000).toEqual([type, text])
}

async function setToken(page: Page, id: string, token: string): Promise<void> {
  await page.evaluate(
    ([name = '', value]) => Object.assign(document.getElementById(name) as object, { token: value }),
    [id, token],
  )
}

async function save(page: Page, frame: Frame): Promise<Buffer> {
  const coming = page.waitForEvent('download')
  await frame.getByRole('button', { name: 'Download' }).click()
  return readBytes(await (await coming).path())
}
