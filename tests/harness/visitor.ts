import type { BrowserContext, Frame, Page } from 'playwright-core'
import { expect, vi } from 'vitest'

const PASSWORD = 'correct horse battery'
let people = 0

/** Somebody who uses the demo with mouse and keyboard, in a browser profile of his own. */
export class Visitor {
  readonly name = `visitor-${++people}`
  readonly page: Page

  constructor(page: Page) {
    this.page = page
  }

  static async open(context: BrowserContext, url: string): Promise<Visitor> {
    context.setDefaultTimeout(15_000)
    const page = await context.newPage()
    await page.goto(url)
    return new Visitor(page)
  }

  async signUp(): Promise<void> {
    await this.#enter('Create my account')
  }

  async logIn(name = this.name): Promise<void> {
    await this.page.getByRole('button', { name: 'Log in' }).first().click()
    await this.#enter('Log in', name)
  }

  async #enter(button: string, name = this.name): Promise<void> {
    await this.page.getByLabel('Name', { exact: true }).fill(name)
    await this.page.getByLabel('Password').fill(PASSWORD)
    await this.page.locator('form').getByRole('button', { name: button }).click()
    await this.page.locator('#ssn').waitFor()
  }

  async logOut(): Promise<void> {
    await this.page.getByRole('button', { name: 'Log out' }).click()
    await this.page.getByRole('heading', { name: 'This clinic never sees' }).waitFor()
  }

  async visit(place: 'Profile' | 'Vault' | 'Try to steal it'): Promise<void> {
    await this.page.getByRole('link', { name: place }).click()
  }

  /** Clicks the label and types, as soon as the focus ring is there. */
  async type(id: string, text: string): Promise<void> {
    await this.page.locator(`#${id}:state(ready)`).waitFor()
    await this.page.locator(`label[for="${id}"]`).click()
    await this.page.locator(`#${id}:state(focused)`).waitFor()
    await this.page.keyboard.type(text)
    await this.shows(id, text)
  }

  /** All at once, as from the clipboard. */
  async insert(id: string, text: string): Promise<void> {
    await this.page.locator(`#${id}:state(ready)`).waitFor()
    await this.page.locator(`label[for="${id}"]`).click()
    await this.page.locator(`#${id}:state(focused)`).waitFor()
    await this.page.keyboard.press('ControlOrMeta+A')
    if (text === '') await this.page.keyboard.press('Delete')
    else await this.page.keyboard.insertText(text)
    await this.shows(id, text)
  }

  pressSave(): Promise<void> {
    return this.page.getByRole('button', { name: 'Save' }).click()
  }

  async save(): Promise<void> {
    const answered = this.page.waitForResponse(
      (response) => response.url().endsWith('/api/profile') && response.request().method() === 'POST',
    )
    await this.pressSave()
    expect((await answered).status()).toBe(200)
    await this.page.getByText('Saved. The panel shows').waitFor()
  }

  /** The frame in a secure element. A test may look into it; the page may not. */
  async frame(id: string): Promise<Frame> {
    const handle = await this.page.locator(`#${id} iframe`).elementHandle()
    const frame = await handle?.contentFrame()
    if (frame === null || frame === undefined) throw new Error(`There is no frame in ${id}.`)
    return frame
  }

  /** What the frame shows, exactly; `null` while there is nothing that could show it. */
  async shown(id: string): Promise<string | null> {
    const frame = await this.frame(id).catch(() => null)
    return (await frame?.evaluate(contentOf).catch(() => null)) ?? null
  }

  async shows(id: string, text: string): Promise<void> {
    await vi.waitFor(async () => expect(await this.shown(id)).toBe(text), { timeout: 15_000, interval: 25 })
  }

  /** The tokens that the profile page says are stored. */
  async tokens(): Promise<string[]> {
    return this.page.locator('.row-view .token').allInnerTexts()
  }
}

/** Runs in the frame. */
function contentOf(): string | null {
  const element = document.querySelector('.value')
  if (element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement) return element.value
  return element?.textContent ?? null
}
