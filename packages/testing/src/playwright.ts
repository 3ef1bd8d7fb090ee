import type { FrameLocator, Locator, Page } from 'playwright-core'

/** Where to look: a page, or a part of one. */
export type Place = Page | Locator | FrameLocator

/** A secure element: its accessible name, or a locator of the element on the page. */
export type SecureName = string | RegExp | Locator

/**
 * What a user types into or reads: the control in the frame of a secure element. Use it as any other locator of
 * Playwright; it waits until the frame is there.
 * @example await expect(secureField(page, 'Social security number')).toHaveValue('078-05-1120')
 */
export function secureField(place: Place, name: SecureName): Locator {
  return frameOf(place, name).contentFrame().locator('.value')
}

/** Types a text in place of what is in a field. `''` empties it. Playwright's own errors where that cannot be done. */
export async function fillSecure(place: Place, name: SecureName, text: string): Promise<void> {
  await secureField(place, name).fill(text)
}

/**
 * What a field holds, or what a paragraph shows. Where the element stands for a token, it waits until the value is there;
 * `''` when it does not come.
 * @param options.timeout how long it waits, in milliseconds; 5000 by default
 */
export async function readSecure(
  place: Place,
  name: SecureName,
  { timeout = 5000 }: { readonly timeout?: number } = {},
): Promise<string> {
  const isStored = await frameOf(place, name).evaluate((iframe) => {
    const { host } = iframe.getRootNode() as ShadowRoot
    return 'token' in host && host.token !== ''
  })
  return secureField(place, name).evaluate(textIn, isStored ? timeout : 0)
}

/** Runs in the frame. */
async function textIn(element: Element, waitMs: number): Promise<string> {
  const text = () => ('value' in element ? String(element.value) : (element as HTMLElement).innerText)
  const end = performance.now() + waitMs
  while (text() === '' && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 20))
  return text()
}

/** An iframe bears the accessible name of its element as its title. */
function frameOf(place: Place, name: SecureName): Locator {
  if (typeof name !== 'string' && !(name instanceof RegExp)) return name.locator('iframe')
  return place.getByTitle(name, { exact: true }).and(place.locator('iframe'))
}
