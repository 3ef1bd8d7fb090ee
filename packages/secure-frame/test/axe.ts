import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type axe from 'axe-core'
import type { Frame, Page } from 'playwright-core'

const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** Everything that axe knows of but what is no fault: rules of WCAG 2.2 A and AA, and its best practices for pages. */
export interface AxeOptions {
  /** Rules that do not apply, such as those about the landmarks of a page, to a frame with one field. */
  readonly without?: readonly string[]
}

/** What axe finds in one document, as `rule: element`. Nothing is best. */
export async function axeFindings(
  document: Page | Frame,
  { without = [] }: AxeOptions = {},
): Promise<string[]> {
  // Through the browser's own door: the CSP of the page lets in no script.
  await document.evaluate(source)
  const found = await document.evaluate(async (rules) => {
    const { axe: tool } = window as unknown as { axe: typeof axe }
    const off = Object.fromEntries(rules.map((rule) => [rule, { enabled: false }]))
    // `iframes: false`: each document is looked at by itself, those of another origin included.
    const { violations } = await tool.run({ rules: off, iframes: false, resultTypes: ['violations'] })
    return violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)] as const)
  }, without)
  return found.flatMap(([rule, nodes]) => nodes.map((html) => `${rule}: ${html}`))
}

/** A frame with one field is no page: what must be in a landmark, or under a heading, is in the page around it. */
export const IN_A_FRAME = ['region', 'landmark-one-main', 'page-has-heading-one'] as const
