import type { TextKey } from '@lunadefend/contract/frame-texts'

/** A text of a component in the user's language, with what is to stand for each `{name}` in it. */
export type Say<C extends string> = (
  key: TextKey<C>,
  values?: Readonly<Record<string, string | number>>,
) => string

/** The words of this frame: there is one component in it. */
const words = new Map<string, string>()

/** What Unicode calls controls, and what turns the direction of a line round: no text needs them, and some lie with them. */
const CONTROLS = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu

/** Takes up what the Tokenizer wrote into this frame's page. */
export function takeTexts(served: Readonly<Record<string, string>>): void {
  words.clear()
  for (const [key, text] of Object.entries(served)) words.set(key, text)
}

/** Takes a text of the page in place of one's own; one that nobody here says is left out. */
export function overrideText(key: string, text: string): void {
  if (words.has(key)) words.set(key, text.replace(CONTROLS, ''))
}

/** `say` of one component: with its name, TypeScript knows which texts there are. */
export function speaker<C extends string>(): Say<C> {
  return (key, values = {}) =>
    (words.get(key) ?? '').replace(/\{(\w+)\}/g, (whole, name) =>
      Object.hasOwn(values, name) ? String(values[name]) : whole,
    )
}
