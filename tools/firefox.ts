import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'
import { env } from 'node:process'

/** What Debian calls it. */
export const FIREFOX_PACKAGE = 'firefox-esr'
const NAMES = [FIREFOX_PACKAGE, 'firefox']

/** The Firefox that the tests drive: `LUNADEFEND_FIREFOX`, else the first in PATH. `null` when there is none. */
export function findFirefox(settings: Readonly<Record<string, string | undefined>> = env): string | null {
  const named = settings['LUNADEFEND_FIREFOX']
  if (named !== undefined && named !== '') return isAbsolute(named) && isProgram(named) ? named : null
  const folders = (settings['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram) ?? null
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
