import type { CardBrand, InputMode, Rules } from '@lunadefend/contract/frame-messages'
import type { Mask } from './mask.ts'
import type { Obeys } from './rules.ts'

/**
 * One row of the table of types: what may be typed into a field of it. A value has one form, that which is stored; the
 * rules of the page and the checks of the row see that form and no other.
 */
export interface FieldType {
  /** The browser's own type of control. */
  readonly control: 'text' | 'password' | 'email' | 'tel' | 'url' | 'search' | 'date'
  /** What the page gets unless it says something else. */
  readonly inputMode?: InputMode
  /** As of `inputMode`: an autofill field name of HTML. */
  readonly autoComplete?: string
  /** Groups while somebody types. */
  readonly mask?: Mask
  /** Whether a value that is there is a whole one. */
  readonly fits?: (value: string, now: Date) => boolean
  /** What the page's `min`, `max` and `step` come to. */
  readonly range?: (rules: Rules) => Obeys
  /** Whose card it is. */
  readonly brand?: (value: string) => CardBrand
}
