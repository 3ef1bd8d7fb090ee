import { buffer } from 'node:stream/consumers'
import type { FrameLocator, Locator, Page } from 'playwright-core'
import { buttonsIn, filesIn, filesSince, isShown, labelsIn, rowsFrom, textIn } from './reading.ts'
import { buttonCalled, missing, optionMissing, severalCalled, troubled } from './wording.ts'

/** Where to look: a page, or a part of one. */
export type Place = Page | Locator | FrameLocator

/** A secure element: its accessible name, or a locator of the element on the page. */
export type SecureName = string | RegExp | Locator

/** A file on the disk, or one that is made up. */
export type SecureFile =
  | string
  | { readonly name: string; readonly mimeType: string; readonly buffer: Buffer }

export interface Waiting {
  /** How long it waits, in milliseconds. @default 5000 */
  readonly timeout?: number
}

/** How long it is waited for what must be there soon, in milliseconds. */
const SOON_MS = 5000
/** From the end of a download in the frame until the browser tells of it, in milliseconds. */
const SAVED_MS = 2000
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/**
 * What a user types into, picks from or reads: the control in the frame of a secure element. Use it as any other locator of
 * Playwright; it waits until the frame is there.
 * @example await expect(secureField(page, 'Social security number')).toHaveValue('078-05-1120')
 */
export function secureField(place: Place, name: SecureName): Locator {
  return frameOf(place, name).contentFrame().locator('.value, .grid')
}

/** Types a text in place of what is in a field. `''` empties it. Playwright's own errors where that cannot be done. */
export async function fillSecure(place: Place, name: SecureName, text: string): Promise<void> {
  await (await fieldOf(place, name)).fill(text)
}

/** Picks the option with this label from a list, or from radio buttons. `''` takes a pick from a list back. */
export async function chooseSecure(place: Place, name: SecureName, option: string): Promise<void> {
  const field = await fieldOf(place, name)
  const labels = await field.evaluate(labelsIn)
  const index = labels.indexOf(option)
  if (index < 0) throw optionMissing(option, labels.filter(Boolean))
  await field.focus()
  if ((await field.evaluate(({ localName }) => localName)) === 'select') await field.selectOption({ index })
  else await field.getByRole('radio').nth(index).check()
}

/** Checks a checkbox, or takes the check away. */
export async function checkSecure(place: Place, name: SecureName, isChecked = true): Promise<void> {
  await (await fieldOf(place, name)).getByRole('checkbox').setChecked(isChecked)
}

/**
 * Chooses files, and waits until they have arrived. Rejects with what the field says when it refuses one or an upload fails.
 * @param options.wait `false`: does not wait for what comes of it
 * @param options.timeout 30,000 by default
 */
export async function uploadSecure(
  place: Place,
  name: SecureName,
  files: SecureFile | readonly SecureFile[],
  { wait = true, timeout = 30_000 }: Waiting & { readonly wait?: boolean } = {},
): Promise<void> {
  const field = await fieldOf(place, name)
  const before = await field.evaluateHandle(filesIn)
  const chosen = [files].flat()
  // Each of them is one or the other.
  await field.locator('input[type=file]').setInputFiles(chosen as string[])
  if (!wait) return
  const isOver = await within(timeout, async () => {
    const since = await field.evaluate(filesSince, before)
    return since.count < chosen.length || since.isUnderWay ? null : since
  })
  const title = await titleOf(place, name)
  if (isOver === null) throw troubled(title, [await field.evaluate(textIn)])
  if (isOver.troubles.length > 0) throw troubled(title, isOver.troubles)
}

/** Presses the button in an element that is called so, or on which this stands: `Show`, `Copy`, `Remove: cv.pdf`. */
export async function pressSecure(place: Place, name: SecureName, button: string): Promise<void> {
  const field = await fieldOf(place, name)
  const isThere = (buttons: ReturnType<typeof buttonsIn>): boolean =>
    buttons.some((each) => each.isThere && (each.name === button || each.text === button))
  await within(SOON_MS, async () => isThere(await field.evaluate(buttonsIn)) || null)
  const index = buttonCalled(button, await field.evaluate(buttonsIn))
  await frameOf(place, name).contentFrame().locator('button').nth(index).click()
}

/** Clicks a download. @returns what is saved; rejects with what the element says when it fails */
export async function downloadSecure(
  place: Place,
  name: SecureName,
  { timeout = 30_000 }: Waiting = {},
): Promise<{ name: string; bytes: Buffer }> {
  const field = await fieldOf(place, name)
  const button = field.locator('button').first()
  const saving = field.page().waitForEvent('download', { timeout })
  const failing = button.click().then(async () => {
    const isOver = async () => ((await button.getAttribute('aria-disabled')) !== 'true' ? true : null)
    await within(timeout, isOver)
    // What is saved comes as an event, perhaps a moment later.
    await sleep(SAVED_MS)
    throw troubled(await titleOf(place, name), [await field.evaluate(textIn)])
  })
  const download = await Promise.race([saving, failing])
  failing.catch(() => {})
  saving.catch(() => {})
  return { name: download.suggestedFilename(), bytes: await buffer(await download.createReadStream()) }
}

/**
 * What a user reads: the text in a field or paragraph, the label of an option, `checked`, `unchecked` or `mixed`, the `alt` of a picture, a
 * line for each file or row. Where the element stands for a token, it waits until the value is there; `''` when it does not come.
 */
export async function readSecure(
  place: Place,
  name: SecureName,
  { timeout = SOON_MS }: Waiting = {},
): Promise<string> {
  const field = await fieldOf(place, name)
  const isDue = await frameOf(place, name).evaluate((iframe) => {
    const { host } = iframe.getRootNode() as ShadowRoot
    return 'token' in host && host.token !== '' && host.localName !== 'secure-download'
  })
  if (isDue) await within(timeout, async () => (await field.evaluate(isShown)) || null)
  return field.evaluate(textIn)
}

/** All rows of a table or list, as texts; `—` is a value that may not be read. */
export async function readSecureRows(
  place: Place,
  name: SecureName,
  { timeout = SOON_MS }: Waiting = {},
): Promise<string[][]> {
  const field = await fieldOf(place, name)
  const total = await frameOf(place, name).evaluate((iframe) => {
    const { host } = iframe.getRootNode() as ShadowRoot
    return 'rows' in host && Array.isArray(host.rows) ? host.rows.length : 0
  })
  const rows: string[][] = []
  while (rows.length < total) {
    const more = await within(timeout, async () => {
      const next = await field.evaluate(rowsFrom, rows.length)
      return next.length > 0 ? next : null
    })
    if (more === null) break
    rows.push(...more)
  }
  return rows
}

/** The control, as soon as there is one and no more. @throws Error which says what there is instead */
async function fieldOf(place: Place, name: SecureName): Promise<Locator> {
  const iframe = frameOf(place, name)
  const count = await within(SOON_MS, async () => (await iframe.count()) || null)
  if (count === 1) return secureField(place, name)
  const what = typeof name === 'string' ? `"${name}"` : String(name)
  if (count !== null) throw severalCalled(what, count)
  const titles = place.locator(HOSTS).locator('iframe')
  throw missing(what, await titles.evaluateAll((all) => all.map((each) => (each as HTMLIFrameElement).title)))
}

/** What stands for secure elements on a page. */
const HOSTS = [
  'input',
  'textarea',
  'select',
  'radio-group',
  'checkbox',
  'upload',
  'paragraph',
  'image',
  'download',
  'table',
]
  .map((kind) => `secure-${kind}`)
  .join()

/** An iframe bears the accessible name of its element as its title. */
function frameOf(place: Place, name: SecureName): Locator {
  if (typeof name !== 'string' && !(name instanceof RegExp)) return name.locator('iframe')
  return place.getByTitle(name, { exact: true }).and(place.locator('iframe'))
}

async function titleOf(place: Place, name: SecureName): Promise<string> {
  return (await frameOf(place, name).getAttribute('title')) ?? ''
}

/** Asks until there is an answer; `null` when there is none in time. */
async function within<T>(ms: number, ask: () => Promise<T | null>): Promise<T | null> {
  for (const end = performance.now() + ms; ; await sleep(20)) {
    const answer = await ask()
    if (answer !== null || performance.now() > end) return answer
  }
}
