import type { PlainType } from '@lunadefend/contract/frame-messages'
import type { FieldType } from './field-type.ts'
import { DAYS, NUMBERS, readRange } from './range.ts'

/**
 * Digits with one decimal point or comma and an exponent. It stays the text that was typed: a number of JavaScript, and
 * the control of the browser, would make another one of it.
 */
const NUMBER = /^[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:e[+-]?\d+)?$/i

/** Types that are kept as they are typed. Of e-mail addresses, URLs and dates the browser is the judge. */
export const PLAIN_TYPES: Readonly<Record<PlainType, FieldType>> = {
  text: { control: 'text' },
  password: { control: 'password' },
  email: { control: 'email' },
  tel: { control: 'tel' },
  url: { control: 'url' },
  search: { control: 'search' },
  number: {
    control: 'text',
    inputMode: 'decimal',
    fits: (value) => NUMBER.test(value),
    range: (rules) => readRange(rules, NUMBERS),
  },
  // `YYYY-MM-DD` in every locale (HTML, "Dates").
  date: { control: 'date', range: (rules) => readRange(rules, DAYS) },
}
