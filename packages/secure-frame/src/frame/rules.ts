import type { Rules } from '@lunadefend/contract/frame-messages'

/** Whether a text obeys the page's rules. Lengths are in UTF-16 code units, as in HTML. */
export type Obeys = (text: string) => boolean

/** `fitsType` is the judgement of the field's type. An empty text breaks `required` alone. */
export function readRules({ required, minLength, maxLength, pattern }: Rules, fitsType: Obeys): Obeys {
  const expression = pattern === undefined ? null : compile(pattern)
  return (text) => {
    if (text === '') return required !== true
    const fits = text.length >= (minLength ?? 0) && text.length <= (maxLength ?? Number.POSITIVE_INFINITY)
    return fits && (expression === null || expression.test(text)) && fitsType(text)
  }
}

/** As HTML compiles the `pattern` attribute: the whole value, flag `v`; a pattern that is none does not apply. */
function compile(pattern: string): RegExp | null {
  try {
    new RegExp(pattern, 'v')
    return new RegExp(`^(?:${pattern})$`, 'v')
  } catch {
    return null
  }
}
