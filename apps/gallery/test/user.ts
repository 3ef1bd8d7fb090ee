import type { Frame, Page, Route } from 'playwright-core'
import type { Gallery } from '../src/gallery.ts'
import { picture } from '../src/png.ts'
import { idOf } from '../src/sheet-page.ts'
import type { Deed, Fate, Sheet, State } from '../src/sheets.ts'

/** Brings every component of a sheet into its state, as a user does. */
export async function play(page: Page, sheet: Sheet, { tokenizerUrl, objectsUrl }: Gallery): Promise<void> {
  const fates = new Map<Frame, Fate>()
  const fateOf = (route: Route): Fate | undefined => fates.get(route.request().frame())
  await page.unrouteAll()
  await page.route(`${objectsUrl}/**`, (route) =>
    route.request().method() === 'PUT' && fateOf(route) === 'held' ? undefined : route.continue(),
  )
  await page.route(`${tokenizerUrl}/tokenize`, (route) =>
    fateOf(route) === 'refused' ? route.fulfill({ status: 403, json: {} }) : route.continue(),
  )
  const played = sheet.states.map((state, index) => ({ state, id: idOf(index) }))
  // The one that keeps the focus comes last.
  played.sort((one, other) => Number(keepsFocus(one.state)) - Number(keepsFocus(other.state)))
  for (const { state, id } of played) {
    if (state.user === undefined) continue
    const hands = { page, id, frame: await frameOf(page, id), fates }
    for (const deed of state.user) await does[deed.does](hands, deed as never)
  }
}

function keepsFocus({ user = [] }: State): boolean {
  return FOCUSING.has(user.at(-1)?.does)
}
const FOCUSING: ReadonlySet<Deed['does'] | undefined> = new Set(['type', 'focus', 'press', 'pick'])

async function frameOf(page: Page, id: string): Promise<Frame> {
  const handle = await page.locator(`#${id} iframe`).elementHandle()
  const frame = await handle?.contentFrame()
  if (!frame) throw new Error(`There is no frame in #${id}.`)
  return frame
}

interface Hands {
  readonly page: Page
  readonly id: string
  readonly frame: Frame
  readonly fates: Map<Frame, Fate>
}

const does: {
  readonly [D in Deed['does']]: (hands: Hands, deed: Extract<Deed, { does: D }>) => Promise<void>
} = {
  async type({ frame }, { text }) {
    await frame.locator('.value').pressSequentially(text)
  },
  async focus({ page, frame }) {
    await frame.locator(STOPS).first().focus()
    // As who uses a keyboard: the ring is there.
    await page.keyboard.press('Shift')
  },
  async leave({ page }) {
    // Beside everything.
    await page.mouse.click(2, 2)
  },
  async press({ frame }, { button }) {
    // A download has nothing to save before its token has come.
    await frame.locator(`${BUTTONS}:not([aria-disabled=true])`).nth(button).click()
  },
  async pick({ frame }, { option }) {
    const select = frame.locator('select')
    if ((await select.count()) > 0) await select.selectOption({ index: option + 1 })
    else await frame.locator('input').nth(option).check()
  },
  async submit({ page, id }) {
    await page.locator(`#${id}`).evaluate((field) => void (field as HTMLInputElement).checkValidity())
  },
  async choose({ frame, fates }, { files, fate }) {
    if (fate !== undefined) fates.set(frame, fate)
    await frame.locator('input[type=file]').setInputFiles(files.map((kind) => FILES[kind]))
    // Pause and Cancel: what only waits cannot be paused.
    if (fate === 'held') await frame.locator(BUTTONS).nth(2).waitFor()
  },
}

const BUTTONS = 'button:not([hidden])'
/** What Tab reaches in a frame. */
const STOPS = `${BUTTONS}, input:not([type=file]), select, textarea, [tabindex="0"]`

const FILES = {
  picture: { name: 'identity-card.png', mimeType: 'image/png', buffer: Buffer.from(picture(120, 76)) },
  text: { name: 'a letter.txt', mimeType: 'text/plain', buffer: Buffer.from('Dear Ada,\n') },
}
