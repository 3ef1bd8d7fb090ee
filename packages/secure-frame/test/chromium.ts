import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, chromium, type Frame, type Page } from 'playwright-core'
import { expect } from 'vitest'
import { chromiumPath } from '../../../tools/chromium.ts'

const BARE = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run']

/** Keeps Chromium from starting a process for a page that may come: each takes as long as a small test. */
const NO_SPARE = '--disable-features=SpareRendererForSitePerProcess'

const FLAGS = [
  ...BARE,
  NO_SPARE,
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-startup-window',
  '--remote-debugging-port=0',
]

export interface OwnBrowser extends AsyncDisposable {
  readonly browser: Browser
}

/**
 * Chromium as Playwright launches it, for tests of pages to which cookies and storage are nothing.
 * @param environment variables besides those of this process
 */
export function launchChromium(
  flags: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<Browser> {
  const surroundings = { ...process.env, ...environment }
  return chromium.launch({ executablePath: chromiumPath(), args: [...BARE, ...flags], env: surroundings })
}

/** Chromium as a user has it, cookie and storage rules included: Playwright's own launch switches some of them off. */
export async function startChromium(
  flags: readonly string[] = [],
  preferences: object | null = null,
): Promise<OwnBrowser> {
  const directory = await mkdtemp(join(tmpdir(), 'secure-frame-'))
  if (preferences !== null) await writePreferences(directory, preferences)
  const child = spawn(chromiumPath(), [...FLAGS, ...flags, `--user-data-dir=${directory}`], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const end = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill()
      await once(child, 'exit')
    }
    await rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  }
  try {
    const browser = await chromium.connectOverCDP(await endpointOf(child))
    return {
      browser,
      async [Symbol.asyncDispose]() {
        await browser.close()
        await end()
      },
    }
  } catch (error) {
    await end()
    throw error
  }
}

/** What a user has set, in the profile that the browser itself opens: a context of its own does not follow it. */
async function writePreferences(directory: string, preferences: object): Promise<void> {
  await mkdir(join(directory, 'Default'))
  await writeFile(join(directory, 'Default', 'Preferences'), JSON.stringify(preferences))
}

function endpointOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text
      const found = /DevTools listening on (ws:\S+)/.exec(said)
      if (found?.[1] !== undefined) resolve(found[1])
    })
    child.once('exit', () => reject(new Error('Chromium ended before it listened.')))
  })
}

/**
 * Waits until keys come to this document. Frames and page know of a new focus before the process of the browser does, which
 * hands out the keys; on a busy machine that is longer than Playwright takes for the next one. Shift alone types nothing.
 */
export async function untilKeysArrive(page: Page, target: Page | Frame): Promise<void> {
  const heard = await target.evaluateHandle(() => {
    const keys = new Set<string>()
    addEventListener('keydown', ({ key }) => keys.add(key), { capture: true, once: true })
    return keys
  })
  const press = async (): Promise<boolean> => {
    await page.keyboard.press('Shift')
    return heard.evaluate((keys) => keys.has('Shift'))
  }
  await expect.poll(press, { timeout: 10_000, interval: 20 }).toBe(true)
}

/**
 * Makes a page as good as one in a new context, which would take processes of its own: nothing is left of its frames, of
 * other pages beside it, of cookies, and of what these origins keep in the browser.
 */
export async function renew(page: Page, origins: readonly string[]): Promise<Page> {
  const context = page.context()
  for (const other of context.pages()) if (other !== page) await other.close()
  await page.evaluate(() => document.body.replaceChildren())
  await page.mouse.move(0, 0)
  await context.clearCookies()
  const devtools = await context.newCDPSession(page)
  for (const origin of origins)
    await devtools.send('Storage.clearDataForOrigin', { origin, storageTypes: 'all' })
  await devtools.detach()
  return page
}
