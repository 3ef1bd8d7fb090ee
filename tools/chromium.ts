import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'
import { env } from 'node:process'
import { chromium } from 'playwright-core'

/** What Chromium and its kin are called, the freest first. */
const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'microsoft-edge']

/** Places outside of PATH. */
const PLACES = [
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

/** Where a browser is looked for. */
export interface Search {
  /** `LUNADEFEND_CHROMIUM`: it alone counts when it is set. */
  readonly named: string | undefined
  /** The folders of PATH. */
  readonly folders: readonly string[]
  /** Files to try after PATH. */
  readonly places: readonly string[]
}

/** The first browser of the search; `null` when there is none. */
export function findChromium({ named, folders, places }: Search): string | null {
  if (named !== undefined && named !== '') return isAbsolute(named) && isProgram(named) ? named : null
  const inPath = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)))
  return [...inPath, ...places].find(isProgram) ?? null
}

/** The search on this machine. */
export function searchHere(): Search {
  const folders = [...(env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== ''), '/usr/bin']
  return { named: env['LUNADEFEND_CHROMIUM'], folders, places: [...PLACES, chromium.executablePath()] }
}

/** The Chromium that the tests drive. Throws, saying what to do, when there is none. */
export function chromiumPath(): string {
  const path = findChromium(searchHere())
  if (path !== null) return path
  throw new Error(
    'No Chromium was found. `npm test` installs one where it may; or set LUNADEFEND_CHROMIUM to its absolute path.',
  )
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
