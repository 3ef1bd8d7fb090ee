import { env } from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { LOCALES, type Locale } from '@lunadefend/contract/frame-texts'
import type { Page } from 'playwright-core'
import { PNG } from 'pngjs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { axeFindings, IN_A_FRAME } from '../../../packages/secure-frame/test/axe.ts'
import { type Gallery, startGallery } from '../src/gallery.ts'
import { THEMES, type Theme } from '../src/sheet-page.ts'
import { SHEETS, type Sheet } from '../src/sheets.ts'
import {
  accept,
  acceptVersion,
  complain,
  differenceFrom,
  discard,
  isAccepting,
  isOtherChromium,
  keptBytes,
  keptNames,
  MOST_PIXELS,
} from './pictures.ts'
import { bare, openStudio, type Studio } from './studio.ts'
import { play } from './user.ts'

let gallery: Gallery
let studio: Studio
beforeAll(async () => {
  gallery = await startGallery()
  studio = await openStudio()
})
afterAll(async () => {
  await studio?.[Symbol.asyncDispose]()
  await gallery?.[Symbol.asyncDispose]()
})

/** For a machine with much to do, where a request may fail for want of time: a sheet is opened anew then. */
const PATIENCE = { timeout: 600_000, retry: isAccepting ? 0 : 2 }
/** So long a sheet may take to look as it did, in milliseconds. */
const SETTLE_MS = 20_000

/** Only there fonts come by way of fontconfig. */
const hasOurFonts = process.platform === 'linux'

const ALL = Object.keys(THEMES) as Theme[]

/** Every theme in the language that is written from left to right, and in the one that is not. */
function themesIn(language: Locale): readonly Theme[] {
  return language === 'en' || language === 'ar' ? ALL : ['light']
}

const SHOWN = SHEETS.flatMap((sheet) => LOCALES.map((language) => ({ sheet, language, id: sheet.id })))
/** All of them take minutes: `npm run gallery:compare`. */
const isWhole = isAccepting || env['LUNADEFEND_SLOW'] === '1'
const COMPARED = isWhole ? SHOWN : SHOWN.filter(({ id, language }) => id === 'input' && language === 'en')
const nameOf = (sheet: Sheet, language: Locale, theme: Theme): string => `${sheet.id}.${language}.${theme}`

/** The sheet as people see it, every component with its frame. */
async function open(page: Page, sheet: Sheet, language: Locale = 'en'): Promise<void> {
  const { id } = sheet
  await page.emulateMedia(MEDIA.light)
  for (let tries = 1; ; tries++) {
    await page.goto(`${gallery.url}/${id}?lang=${language}`)
    const ready = await page.waitForFunction(areReady, null, { timeout: 30_000 }).catch(() => null)
    // Who picks something in a component that is being filled may miss it.
    if (ready !== null) return settled(page, pendingOn(sheet))
    // Where the time-outs of pages do not end (./studio.ts), a frame that did not start is not loaded again by itself.
    if (tries === 3) throw new Error(`Not all frames of ${id} in ${language} have started.`)
  }
}

function areReady(): boolean {
  return [...document.querySelectorAll('section *')]
    .filter(({ localName }) => localName.startsWith('secure-'))
    .every((element) => element.matches(':state(ready)'))
}

const MEDIA = {
  light: { colorScheme: 'light', forcedColors: 'none' },
  dark: { colorScheme: 'dark', forcedColors: 'none' },
  forced: { colorScheme: 'light', forcedColors: 'active' },
  own: { colorScheme: 'light', forcedColors: 'none' },
} as const

async function show(page: Page, theme: Theme): Promise<void> {
  await page.emulateMedia(MEDIA[theme])
  await page.evaluate((value) => {
    const choice = document.querySelector<HTMLInputElement>(`input[name=theme][value=${value}]`)
    if (choice === null) throw new Error(`There is no theme ${value}.`)
    choice.checked = true
    choice.dispatchEvent(new Event('change', { bubbles: true }))
  }, theme)
}

/** Straight from the browser: Playwright would first look into every frame for what moves, and nothing does. */
async function take(page: Page): Promise<PNG> {
  const box = await page.locator('section').boundingBox()
  if (box === null) throw new Error('There is no sheet.')
  const devtools = await page.context().newCDPSession(page)
  const { data } = await devtools.send('Page.captureScreenshot', {
    format: 'png',
    clip: { ...box, scale: 1 },
  })
  await devtools.detach()
  return PNG.sync.read(Buffer.from(data, 'base64'))
}

/** Two pictures in a row that are the same, with time between them, when nothing waits for values but what is to wait. */
async function takeStill(page: Page, sheet: Sheet): Promise<PNG> {
  await settled(page, waitingOn(sheet))
  for (let before = await take(page); ; ) {
    await pause(1000)
    const now = await take(page)
    if (now.data.equals(before.data)) return now
    before = now
  }
}

async function busyIn(page: Page): Promise<number> {
  const frames = page.frames().slice(1)
  const busy = await Promise.all(frames.map((frame) => frame.locator('[aria-busy=true]').count()))
  return busy.reduce((sum, each) => sum + each, 0)
}

/** Until so many parts of components, and no more, wait for something. */
async function settled(page: Page, waiting: number): Promise<void> {
  const deadline = Date.now() + SETTLE_MS
  for (;;) {
    const busy = await busyIn(page)
    if (busy === waiting) return
    if (Date.now() > deadline) throw new Error(`${busy} parts are busy, and ${waiting} should be.`)
    await pause(50)
  }
}

/** Those whose value never comes. */
function pendingOn({ states }: Sheet): number {
  return states.flatMap(({ sample, rows = [] }) => [sample, ...rows]).filter((each) => each === 'pending')
    .length
}

/** Those, and files that do not arrive. */
function waitingOn(sheet: Sheet): number {
  const deeds = sheet.states.flatMap(({ user = [] }) => user)
  return pendingOn(sheet) + deeds.filter((deed) => deed.does === 'choose' && deed.fate === 'held').length
}

/** Looks until the sheet is as it was; what is under way has its time. */
async function look(
  page: Page,
  sheet: Sheet,
  language: Locale,
  theme: Theme,
  skip: (why: string) => void,
): Promise<void> {
  const name = nameOf(sheet, language, theme)
  if (isAccepting) return accept(name, await takeStill(page, sheet))
  const deadline = Date.now() + SETTLE_MS
  for (;;) {
    const actual = await take(page)
    const difference = differenceFrom(name, actual)
    if (difference.pixels <= MOST_PIXELS) return
    if (Date.now() > deadline || difference.pixels === Number.POSITIVE_INFINITY) {
      const complaint = complain(name, actual, difference, studio.version)
      if (isOtherChromium(studio.version)) skip(complaint)
      throw new Error(complaint)
    }
    await pause(100)
  }
}

describe.runIf(hasOurFonts)('every component looks as it did', { concurrent: true }, () => {
  test.for(COMPARED)('$id in $language', PATIENCE, async ({ sheet, language }, { skip }) => {
    await studio.borrow(async (page) => {
      await open(page, sheet, language)
      await bare(page)
      await play(page, sheet, gallery)
      for (const theme of themesIn(language)) {
        await show(page, theme)
        await look(page, sheet, language, theme, skip)
      }
    })
  })
})

describe.runIf(isWhole)(
  'axe finds nothing in a page of the gallery, nor in the frames on it',
  { concurrent: true },
  () => {
    test.each(SHEETS)('$id', PATIENCE, async (sheet) => {
      await studio.borrow(async (page) => {
        await open(page, sheet)
        await play(page, sheet, gallery)
        expect(await findings(page)).toEqual([])
        await show(page, 'dark')
        expect(await findings(page)).toEqual([])
      })
    })
  },
)

async function findings(page: Page): Promise<string[]> {
  const found = await axeFindings(page)
  for (const frame of page.frames().slice(1))
    found.push(...(await axeFindings(frame, { without: IN_A_FRAME })))
  return found
}

const CHANGES = {
  'a border of another colour, in the page': (page: Page) =>
    page.evaluate(() => {
      const sheet = new CSSStyleSheet()
      sheet.replaceSync('secure-input { border-color: #c00 }')
      document.adoptedStyleSheets.push(sheet)
    }),
  'a text of another colour, in one frame': async (page: Page) => {
    const frames = page.frames().slice(1)
    const shown = frames.map((frame) =>
      frame.evaluate(() => {
        const value = document.querySelector<HTMLInputElement>('.value')
        if (value?.value === 'Grace Hopper') value.style.setProperty('color', '#06c', 'important')
      }),
    )
    await Promise.all(shown)
  },
  'a field that is a pixel higher': (page: Page) =>
    page.evaluate(() => {
      const sheet = new CSSStyleSheet()
      sheet.replaceSync('secure-input { padding-block: 2px 3px }')
      document.adoptedStyleSheets.push(sheet)
    }),
}

describe.runIf(hasOurFonts)('what is changed is seen', () => {
  test.for(Object.entries(CHANGES))('%s', PATIENCE, async ([, change], { skip }) => {
    const sheet = SHEETS.find(({ id }) => id === 'input') as Sheet
    await studio.borrow(async (page) => {
      await open(page, sheet)
      await bare(page)
      await play(page, sheet, gallery)
      await look(page, sheet, 'en', 'light', skip)
      await change(page)
      await expect
        .poll(async () => differenceFrom('input.en.light', await take(page)).pixels, { timeout: SETTLE_MS })
        .toBeGreaterThan(MOST_PIXELS)
    })
  })
})

test('there is a picture of each sheet, and no other; all together are small', () => {
  const known = SHOWN.flatMap(({ sheet, language }) =>
    themesIn(language).map((theme) => nameOf(sheet, language, theme)),
  )
  const old = keptNames().filter((name) => !known.includes(name))
  if (isAccepting) {
    acceptVersion(studio.version)
    for (const name of old) discard(name)
  } else expect(old).toEqual([])
  expect(known.filter((name) => !keptNames().includes(name))).toEqual([])
  expect(keptBytes()).toBeLessThan(3_000_000)
})
