import type { CardBrand } from '@lunadefend/contract/frame-messages'

interface Brand {
  readonly brand: CardBrand
  /** Issuer identification numbers (ISO/IEC 7812-1): the ranges that the brands publish to merchants. */
  readonly begins: RegExp
  /** In digits: 19 at the most, the check digit included (ISO/IEC 7812-1, 4.1). */
  readonly lengths: readonly number[]
  /** Groups, as they are embossed. @default fours */
  readonly groups?: readonly number[]
}

const FOURS = [4, 4, 4, 4, 3]
const UP_TO_19 = [16, 17, 18, 19]

/** The first row that fits holds. */
const BRANDS: readonly Brand[] = [
  { brand: 'visa', begins: /^4/, lengths: [13, 16, 18, 19] },
  { brand: 'mastercard', begins: /^(?:5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, lengths: [16] },
  { brand: 'amex', begins: /^3[47]/, lengths: [15], groups: [4, 6, 5] },
  { brand: 'diners', begins: /^3(?:0[0-5]|095|[689])/, lengths: [14, ...UP_TO_19], groups: [4, 6, 9] },
  { brand: 'discover', begins: /^(?:6011|64[4-9]|65)/, lengths: UP_TO_19 },
  { brand: 'jcb', begins: /^35(?:2[89]|[3-8])/, lengths: UP_TO_19 },
  { brand: 'unionpay', begins: /^(?:62|81)/, lengths: [14, 15, ...UP_TO_19] },
  { brand: 'mir', begins: /^220[0-4]/, lengths: UP_TO_19 },
  { brand: 'maestro', begins: /^(?:5[06-9]|6)/, lengths: [12, 13, 14, 15, ...UP_TO_19] },
]
const UNKNOWN: Brand = { brand: 'unknown', begins: /^/, lengths: [12, 13, 14, 15, ...UP_TO_19] }

function brandRow(digits: string): Brand {
  return BRANDS.find(({ begins }) => begins.test(digits)) ?? UNKNOWN
}

export function brandOf(digits: string): CardBrand {
  return brandRow(digits).brand
}

export function cardGroups(digits: string): readonly number[] {
  return brandRow(digits).groups ?? FOURS
}

export function longestCard(digits: string): number {
  return Math.max(...brandRow(digits).lengths)
}

/** Of UnionPay there are numbers without a check digit. */
export function isCardNumber(digits: string): boolean {
  const { brand, lengths } = brandRow(digits)
  return (
    /^\d+$/.test(digits) && lengths.includes(digits.length) && (brand === 'unionpay' || passesLuhn(digits))
  )
}

/** ISO/IEC 7812-1, annex B: from the right every second digit counts twice. */
function passesLuhn(digits: string): boolean {
  const sum = [...digits].reverse().reduce((total, digit, index) => {
    const value = Number(digit) * (1 + (index % 2))
    return total + (value > 9 ? value - 9 : value)
  }, 0)
  return sum % 10 === 0
}
