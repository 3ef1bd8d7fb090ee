import type { Frame, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { SecureTags } from '../../packages/browser/src/secure-attributes.ts'
import { errorsOf, frameOf, type RealStage, startRealStage } from '../../packages/browser/test/real-stage.ts'
import { allReady, bundleOf } from '../../packages/browser/test/stage.ts'
import { faultsIn } from '../../packages/secure-frame/test/frame-faults.ts'
import type * as HostilePage from './hostile-props-page.ts'

const PIXEL = Buffer.from('R0lGODlhAQABAIAAAAAAAAAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw==', 'base64')

let stage: RealStage
let page: Page
let text = ''
let picture = ''
const leaks: string[] = []

beforeAll(async () => {
  stage = await startRealStage(bundleOf(new URL('hostile-props-page.ts', import.meta.url), 'sdk'))
  const store = async (value: string | Uint8Array): Promise<string> => {
    const token = await stage.client.tokenize(stage.client.sid('login-1'), value)
    await stage.client.grants.create(stage.client.sid('login-1'), token)
    return token
  }
  text = await store('Ada Lovelace')
  picture = await store(PIXEL)
})
afterAll(() => stage?.[Symbol.asyncDispose]())
beforeEach(async () => {
  page?.removeAllListeners()
  page = await stage.open('<main></main>')
  page.on('dialog', (dialog) => leaks.push(dialog.message()))
  page.on('request', (request) => {
    // What a page's own `style` loads into the page is not ours.
    if (request.frame() !== page.mainFrame() && request.url().includes('leak')) leaks.push(request.url())
  })
})

type Script = Pick<typeof HostilePage, 'begin' | 'change' | 'mend' | 'render' | 'renderFine' | 'pageFaults'>
type Calls = { readonly [K in keyof Script]: Parameters<Script[K]> }

function run<K extends keyof Script>(name: K, ...given: Calls[K]): Promise<ReturnType<Script[K]>> {
  return page.evaluate(([call, args]) => Reflect.get(window, 'sdk')[call](...args), [name, given] as const)
}

const rounds = (): Promise<number> => page.evaluate(() => Reflect.get(window, 'sdk').ROUNDS)

async function expectHarmless(): Promise<void> {
  await allReady(page)
  const inFrames = await Promise.all(
    page
      .frames()
      .filter((frame) => frame !== page.mainFrame())
      .map(faultsIn),
  )
  expect(inFrames.flat()).toEqual([])
  expect(await run('pageFaults', stage.service.tokenizerUrl)).toEqual([])
  expect(leaks).toEqual([])
}

type Kind = keyof SecureTags

/** Of each element those that are tried, by attributes that they keep, so that others have something to do. */
const VARIANTS: Readonly<Record<Kind, readonly Readonly<Record<string, string>>[]>> = {
  'secure-input': [{}, { type: 'number' }, { type: 'password', reveal: '' }, { type: 'iban' }],
  'secure-textarea': [{}],
  'secure-select': [{}],
  'secure-radio-group': [{}],
  'secure-checkbox': [{}],
  'secure-upload': [{ multiple: '' }],
  'secure-paragraph': [{ copyable: '' }],
  'secure-image': [{}],
  'secure-download': [{}],
  'secure-table': [{}],
}

const ADA = (frame: Frame): Promise<unknown> => frame.getByText('Ada Lovelace').waitFor()
const FILE = { name: 'a.txt', mimeType: 'text/plain', buffer: PIXEL }

/** What each of them is for: something is shown, or something is put in, to become a token. */
const USES: Readonly<Record<Kind, (frame: Frame) => Promise<unknown>>> = {
  'secure-input': (frame) => frame.locator('.value').fill('5'),
  'secure-textarea': (frame) => frame.locator('.value').fill('x'),
  'secure-select': (frame) => frame.locator('select').selectOption({ index: 1 }),
  'secure-radio-group': (frame) => frame.locator('input').first().check(),
  'secure-checkbox': (frame) => frame.locator('input').check(),
  'secure-upload': async (frame) => {
    await frame.locator('input[type=file]').setInputFiles(FILE)
    await page.locator('secure-upload:not(:state(uploading), :state(empty))').waitFor()
  },
  'secure-paragraph': ADA,
  'secure-image': (frame) => frame.locator('img').waitFor(),
  'secure-download': (frame) => frame.getByRole('button').first().waitFor(),
  'secure-table': ADA,
}
const SHOWN = { 'secure-paragraph': () => text, 'secure-download': () => text, 'secure-table': () => text, 'secure-image': () => picture } // biome-ignore format: one line

async function expectToken(selector: string): Promise<void> {
  const made = await page
    .locator(selector)
    .evaluate((field: HTMLElement & { tokenize(): Promise<unknown> }) => field.tokenize())
  expect(String(made)).toMatch(/^lunasec-/)
}

/** What elements report is named, so that whoever wrote the page finds it. */
async function expectNamed(): Promise<void> {
  const codes = (await errorsOf(page)).map((error) => error.slice(error.lastIndexOf(':') + 1))
  expect(['bad-attribute', 'not-a-token']).toEqual(expect.arrayContaining([...new Set(codes)]))
  expect(codes).not.toEqual([])
}

describe('whatever a page hands over: nothing runs or breaks, every message is one, and it works again', () => {
  test.each(Object.keys(VARIANTS) as Kind[])('to attributes and properties of %s', async (tag) => {
    const most = await rounds()
    for (let round = 0; round < most; round++) {
      await run('begin', tag, VARIANTS[tag], round)
      await expectHarmless()
      await run('change', round)
      await expectHarmless()
    }
    await expectNamed()
    const isShown = tag in SHOWN
    await run('mend', isShown ? SHOWN[tag as keyof typeof SHOWN]() : '')
    await expectHarmless()
    await USES[tag](await frameOf(page, `${tag}:first-of-type`))
    if (!isShown) await expectToken(`${tag}:first-of-type`)
    await expectHarmless()
  })

  test('to props of React components', async () => {
    const { tokenizerUrl } = stage.service
    const most = await rounds()
    for (let round = 0; round < most; round++) {
      await run('render', round, tokenizerUrl)
      await page.locator('main form').waitFor()
      await expectHarmless()
    }
    await run('renderFine', tokenizerUrl, text)
    await USES['secure-input'](await frameOf(page, '#input'))
    await expectToken('#input')
    await ADA(await frameOf(page, '#paragraph'))
    await ADA(await frameOf(page, '#table'))
    await expectHarmless()
  })
})
