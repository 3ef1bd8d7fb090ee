import { globSync, mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { launchChromium } from '../../../packages/secure-frame/test/chromium.ts'

/** A Chromium in which pages look the same on every machine. */
export interface Studio extends AsyncDisposable {
  /** Of Chromium: `156.0.8078.79`. */
  readonly version: string
  /** A page that nobody else uses meanwhile. */
  borrow<T>(work: (page: Page) => Promise<T>): Promise<T>
}

/** What a run leaves behind for people. */
export const LEFT = fileURLToPath(new URL('../../../.test/gallery/', import.meta.url))

/** A page at a time for each core of a small machine. */
const PAGES = 2
/** The tallest sheet fits: a picture of what is higher than the window would lay the page out again. */
const WINDOW = { width: 960, height: 1700 }

const FLAGS = [
  '--font-render-hinting=none',
  '--disable-lcd-text',
  '--disable-partial-raster',
  '--force-color-profile=srgb',
  '--force-device-scale-factor=1',
]

export async function openStudio(): Promise<Studio> {
  const browser = await launchChromium(FLAGS, { FONTCONFIG_FILE: fontsOfOurOwn() })
  const context = await browser.newContext({
    viewport: WINDOW,
    locale: 'en-US',
    timezoneId: 'UTC',
    reducedMotion: 'reduce',
    permissions: ['clipboard-write'],
  })
  await context.addInitScript(standStill)
  context.setDefaultTimeout(120_000)
  const pages = await Promise.all(Array.from({ length: PAGES }, () => context.newPage()))
  return { version: browser.version(), borrow: lend(pages), [Symbol.asyncDispose]: () => browser.close() }
}

function lend(idle: Page[]): Studio['borrow'] {
  const waiting: (() => void)[] = []
  return async (work) => {
    while (idle.length === 0) await new Promise<void>((resolve) => waiting.push(resolve))
    const page = idle.pop() as Page
    try {
      return await work(page)
    } finally {
      idle.push(page)
      waiting.shift()?.()
    }
  }
}

/** In every document, frames included: nothing blinks, and what waits for an answer waits for as long as it takes to look. */
function standStill(): void {
  const sheet = new CSSStyleSheet()
  sheet.replaceSync('* { caret-color: transparent !important }')
  document.adoptedStyleSheets.push(sheet)
  AbortSignal.timeout = () => new AbortController().signal
  const later = window.setTimeout
  // From the wait for a whole request on (`WAITS` of the frame): frames that wait for each other go on sooner.
  const patient = (work: () => void, ms = 0, ...rest: unknown[]): number =>
    ms < 25_000 ? later(work, ms, ...rest) : 0
  window.setTimeout = patient as typeof window.setTimeout
}

/**
 * The fonts of the browser are those of this project, in pages and in frames, whatever is installed on the machine: a
 * configuration of fontconfig with one family in it, which stands in for every other.
 */
function fontsOfOurOwn(): string {
  const family = dirname(createRequire(import.meta.url).resolve('@expo-google-fonts/ibm-plex-sans-arabic'))
  const folders = ['400Regular', '500Medium', '600SemiBold', '700Bold'].map((weight) => join(family, weight))
  for (const folder of folders)
    if (globSync('*.ttf', { cwd: folder }).length !== 1) throw new Error(`There is no font in ${folder}.`)
  mkdirSync(LEFT, { recursive: true })
  const path = join(LEFT, 'fonts.conf')
  writeFileSync(path, fontConfiguration(folders, join(LEFT, 'fonts')))
  return path
}

function fontConfiguration(folders: readonly string[], cache: string): string {
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  ${folders.map((folder) => `<dir>${folder}</dir>`).join('\n  ')}
  <cachedir>${cache}</cachedir>
  <match target="pattern">
    <edit name="family" mode="assign" binding="strong"><string>IBM Plex Sans Arabic</string></edit>
  </match>
  <match target="font">
    <edit name="antialias" mode="assign"><bool>true</bool></edit>
    <edit name="hinting" mode="assign"><bool>false</bool></edit>
    <edit name="hintstyle" mode="assign"><const>hintnone</const></edit>
    <edit name="rgba" mode="assign"><const>none</const></edit>
  </match>
</fontconfig>
`
}

/** Nothing but the sheet: no switches, no words for people. */
export async function bare(page: Page): Promise<void> {
  await page.evaluate(() => {
    const sheet = new CSSStyleSheet()
    sheet.replaceSync(
      `header, nav, h1, .note, .about { display: none !important }
      body { display: block !important }
      main { padding: 0 !important }
      .sheet { inline-size: 932px; padding: 12px; gap: 16px }`,
    )
    document.adoptedStyleSheets.push(sheet)
  })
}
