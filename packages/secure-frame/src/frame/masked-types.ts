import type { MaskedType } from '@lunadefend/contract/frame-messages'
import { brandOf, cardGroups, isCardNumber, longestCard } from './cards.ts'
import type { FieldType } from './field-type.ts'
import { isIban, longestIban } from './iban.ts'
import type { Mask } from './mask.ts'

/** Cards are valid for some years; a year beyond is one of the last century. */
const FURTHEST_EXPIRY_YEARS = 25

/** Types that are written in groups, or in digits only. Each stands in the form in which its issuer writes it to machines. */
export const MASKED_TYPES: Readonly<Record<MaskedType, FieldType>> = {
  'one-time-code': {
    control: 'text',
    inputMode: 'numeric',
    autoComplete: 'one-time-code',
    mask: digitMask({ groups: [10] }),
    fits: (value) => /^\d{4,10}$/.test(value),
  },
  'card-number': {
    control: 'text',
    inputMode: 'numeric',
    autoComplete: 'cc-number',
    mask: { ...digitMask({ groups: [19], separator: ' ' }), groups: cardGroups, longest: longestCard },
    fits: isCardNumber,
    brand: brandOf,
  },
  'card-expiry': {
    control: 'text',
    inputMode: 'numeric',
    autoComplete: 'cc-exp',
    mask: { ...digitMask({ groups: [2, 2], separator: '/', isStoredInGroups: true }), keep: keepExpiry },
    fits: isNotExpired,
  },
  // Four digits of American Express, three of all others: this field does not know of the one for the number.
  'card-cvc': {
    control: 'text',
    inputMode: 'numeric',
    autoComplete: 'cc-csc',
    mask: digitMask({ groups: [4] }),
    fits: (value) => /^\d{3,4}$/.test(value),
  },
  iban: {
    control: 'text',
    mask: {
      keep: (text) =>
        ascii(text)
          .toUpperCase()
          .replace(/[^A-Z\d]/g, ''),
      separator: ' ',
      groups: () => [4, 4, 4, 4, 4, 4, 4, 4, 2],
      longest: longestIban,
      isStoredInGroups: false,
    },
    fits: isIban,
  },
  // Never given out: areas 000, 666 and 900 to 999, group 00, serial 0000 (SSA, "Which Social Security numbers are invalid?").
  ssn: {
    control: 'text',
    inputMode: 'numeric',
    mask: digitMask({ groups: [3, 2, 4], separator: '-', isStoredInGroups: true }),
    fits: (value) => /^(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}$/.test(value),
  },
  // Prefixes that no campus, nor the Internet, nor the SBA gives out (IRS, "How EINs are assigned and valid EIN prefixes").
  ein: {
    control: 'text',
    inputMode: 'numeric',
    mask: digitMask({ groups: [2, 7], separator: '-', isStoredInGroups: true }),
    fits: (value) => /^(?!0[0789]|1[789]|2[89]|49|69|7[089]|89|9[67])\d{2}-\d{7}$/.test(value),
  },
}

/** A fixed number of digits. */
function digitMask(about: {
  readonly groups: readonly number[]
  readonly separator?: string
  readonly isStoredInGroups?: boolean
}): Mask {
  const { groups, separator = '', isStoredInGroups = false } = about
  const room = groups.reduce((sum, size) => sum + size)
  return { keep: digitsOf, separator, groups: () => groups, longest: () => room, isStoredInGroups }
}

function digitsOf(text: string): string {
  return ascii(text).replace(/\D/g, '')
}

/** Full-width letters and digits, and the digits of Arabic, Persian and Urdu keyboards. */
function ascii(text: string): string {
  return text
    .replace(/[\uff01-\uff5e]/g, (wide) => String.fromCharCode(wide.charCodeAt(0) - 0xfee0))
    .replace(/[\u0660-\u0669\u06f0-\u06f9]/g, (digit) => String(digit.charCodeAt(0) & 0xf))
}

/** Takes `4/27` and `04/2027`, and `2027-04`, which browsers fill in (HTML, "Autofill", `cc-exp`). */
function keepExpiry(text: string, isInserted: boolean): string {
  const turned = ascii(text).replace(/^\s*20(\d\d)-(\d\d)\s*$/, '$2/$1')
  if (!isInserted) return digitsOf(turned)
  const month = turned.replace(/^\D*(?:([2-9])|([1-9])(?=\D))/, '0$1$2')
  const [, months = '', years = ''] = /^(.{0,2})(.*)$/.exec(digitsOf(month)) ?? []
  // No card expires in 2020 any more: those two digits are a century.
  return months + years.replace(/^(?:20)+(?=\d)/, '')
}

/** Through the last day of the month, by the clock of this device. */
function isNotExpired(value: string, now: Date): boolean {
  const [, month, year] = /^(0[1-9]|1[0-2])\/(\d\d)$/.exec(value) ?? []
  if (month === undefined) return false
  const months = (2000 + Number(year) - now.getFullYear()) * 12 + Number(month) - 1 - now.getMonth()
  return months >= 0 && months <= FURTHEST_EXPIRY_YEARS * 12
}
