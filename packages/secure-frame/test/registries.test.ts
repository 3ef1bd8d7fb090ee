import creditCardType from 'credit-card-type'
import fc from 'fast-check'
import { composeIBAN, getCountrySpecifications } from 'ibantools'
import { describe, expect, test } from 'vitest'
import { brandOf, cardGroups } from '../src/frame/cards.ts'
import { longestIban } from '../src/frame/iban.ts'
import { MASKED_TYPES } from '../src/frame/masked-types.ts'

/** Tables that others keep, too: what they take is taken here. */
const fits = (type: keyof typeof MASKED_TYPES, value: string): boolean =>
  MASKED_TYPES[type].fits?.(value, new Date()) ?? false

describe('card numbers, by the table of the library credit-card-type', () => {
  /** Brands of one country are told as what their cards are besides, or not at all. */
  const BRANDS: Readonly<Record<string, string>> = {
    visa: 'visa',
    mastercard: 'mastercard',
    'american-express': 'amex',
    'diners-club': 'diners',
    discover: 'discover',
    jcb: 'jcb',
    unionpay: 'unionpay',
    maestro: 'maestro',
    mir: 'mir',
  }
  const cards = Object.values(creditCardType.types).map((name) => creditCardType.getTypeInfo(name))

  /** The first and the last numbers of every range, and some between, in each length that the brand has. */
  const number = fc
    .oneof(...cards.map(numbersOf))
    // One of a range within that of another brand, and longer or shorter than its cards, is a card of nobody.
    .filter((card) => creditCardType(card)[0]?.lengths.includes(card.length) ?? false)
    // Ranges of Maestro in those of UnionPay and of Visa: nobody uses the first, and the second has cards of 16 digits.
    .filter((card) => creditCardType(card)[0]?.type !== 'maestro' || !/^(?:62|81|4)/.test(card))

  test('every card that it knows is taken', () => {
    fc.assert(
      fc.property(number, (card) => {
        expect([card, fits('card-number', card)]).toEqual([card, true])
      }),
      { numRuns: 800 },
    )
  })

  test('its brand is ours, and so are the groups, where we tell that brand', () => {
    const told = new Set<string>()
    fc.assert(
      fc.property(number, (card) => {
        const [best] = creditCardType(card)
        const brand = BRANDS[best?.type ?? '']
        // Cards of JCB that were given out in the last century; one range of Maestro within those of Visa.
        if (best === undefined || brand === undefined || /^(?:2131|1800)/.test(card)) return
        told.add(brand)
        expect([card, brandOf(card)]).toEqual([card, brand])
        const groups = cardGroups(card)
        const ends = groups.map((_, last) => groups.slice(0, last + 1).reduce((sum, size) => sum + size))
        expect(ends.slice(0, best.gaps.length)).toEqual(best.gaps)
      }),
      { numRuns: 800 },
    )
    expect([...told].sort()).toEqual(Object.values(BRANDS).sort())
  })

  test('a security code of any of them is taken', () => {
    expect(new Set(cards.map(({ code }) => code.size))).toEqual(new Set([3, 4]))
    for (const { code } of cards) expect(fits('card-cvc', '0'.repeat(code.size))).toBe(true)
    for (const wrong of ['', '12', '12345', '12a']) expect(fits('card-cvc', wrong)).toBe(false)
  })

  function numbersOf({ patterns, lengths }: (typeof cards)[number]): fc.Arbitrary<string> {
    return fc
      .record({ begin: beginning(patterns), length: fc.constantFrom(...lengths), fill: digits(19) })
      .map(({ begin, length, fill }) => checked((begin + fill).slice(0, length - 1)))
  }

  function beginning(patterns: readonly (number | number[])[]): fc.Arbitrary<string> {
    const ranges = patterns.map((each) => (typeof each === 'number' ? [each, each] : each))
    return fc.constantFrom(...ranges).chain(([min = 0, max = 0]) => fc.integer({ min, max }).map(String))
  }

  /** With its check digit (ISO/IEC 7812-1, annex B). */
  function checked(begin: string): string {
    const sum = [...begin].reverse().reduce((total, digit, index) => {
      const twice = Number(digit) * 2
      return total + (index % 2 === 1 ? Number(digit) : twice > 9 ? twice - 9 : twice)
    }, 0)
    return `${begin}${(10 - (sum % 10)) % 10}`
  }
})

describe('IBANs, by the table of the library ibantools', () => {
  /** In the registry, but with the prefix of the country to which they belong. */
  const TERRITORIES = ['AX', 'GF', 'GP', 'MF', 'MQ', 'NC', 'PF', 'PM', 'RE', 'TF', 'WF', 'YT']
  const specifications = getCountrySpecifications()
  const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ']
  /** The longest of all is said of a country that is not known; none has it. */
  const known = letters.flatMap((a) => letters.map((b) => a + b)).filter((code) => longestIban(code) < 34)

  test('every country has its length, and none of the registry is missing', () => {
    expect(known).toHaveLength(89)
    for (const code of known) expect([code, longestIban(code)]).toEqual([code, specifications[code]?.chars])
    const registered = Object.keys(specifications).filter((code) => specifications[code]?.IBANRegistry)
    expect(registered.filter((code) => !known.includes(code)).sort()).toEqual(TERRITORIES)
  })

  test('every IBAN that it makes is taken, and with one character changed none is', () => {
    const iban = fc
      .record({ countryCode: fc.constantFrom(...known), picks: fc.infiniteStream(fc.nat()) })
      .map(({ countryCode, picks }) => composeIBAN({ countryCode, bban: bbanOf(countryCode, picks) }))
    fc.assert(
      fc.property(iban, fc.nat(), digits(1), (made, at, digit) => {
        // Some countries have check digits of their own inside, and few of these fit.
        if (made === null) return
        expect([made, fits('iban', made)]).toEqual([made, true])
        const place = 4 + (at % (made.length - 4))
        const changed = made.slice(0, place) + digit + made.slice(place + 1)
        // A letter counts as two digits, so another one may come to the same.
        if (/\d/.test(made[place] ?? '')) expect(fits('iban', changed)).toBe(changed === made)
      }),
      { numRuns: 500 },
    )
  })

  function bbanOf(countryCode: string, picks: Iterator<number>): string {
    const classes = (specifications[countryCode]?.bban_regexp ?? '').matchAll(/\[([^\]]+)\]\{(\d+)\}/g)
    return [...classes]
      .flatMap(([, allowed = '', count]) => Array.from({ length: Number(count) }, () => allowed))
      .map((allowed) => {
        const characters = [...'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'].filter((each) =>
          new RegExp(`[${allowed}]`).test(each),
        )
        return characters[picks.next().value % characters.length]
      })
      .join('')
  }
})

/** Each prefix, as the IRS lists them by who gives it out: "How EINs are assigned and valid EIN prefixes". */
const EIN_PREFIXES = {
  Andover: '10 12',
  Atlanta: '60 67',
  Austin: '50 53',
  Brookhaven: '01 02 03 04 05 06 11 13 14 16 21 22 23 25 34 51 52 54 55 56 57 58 59 65',
  Cincinnati: '30 32 35 36 37 38 61',
  Fresno: '15 24',
  'Kansas City': '40 44',
  Memphis: '94 95',
  Ogden: '80 90',
  Philadelphia:
    '33 39 41 42 43 46 48 62 63 64 66 68 71 72 73 74 75 76 77 82 83 84 85 86 87 88 91 92 93 98 99',
  Internet: '20 26 27 45 46 47 81 82 83 84 85 86 87 88 92 93 99',
  'Small Business Administration': '31',
}

test('EINs: the prefixes that the IRS gives out, and no other', () => {
  const valid = new Set(Object.values(EIN_PREFIXES).flatMap((list) => list.split(' ')))
  for (let prefix = 0; prefix < 100; prefix += 1) {
    const two = String(prefix).padStart(2, '0')
    expect([two, fits('ein', `${two}-1234567`)]).toEqual([two, valid.has(two)])
  }
})

test('SSNs: all but those that the SSA never gives out', () => {
  const part = (size: number, never: readonly number[]) =>
    fc.oneof(fc.constantFrom(...never, 1, 10 ** size - 1), fc.integer({ min: 0, max: 10 ** size - 1 }))
  fc.assert(
    fc.property(part(3, [0, 665, 666, 667, 899, 900]), part(2, [0]), part(4, [0]), (area, group, serial) => {
      const [a, g, s] = [area, group, serial].map((value, index) =>
        String(value).padStart([3, 2, 4][index] ?? 0, '0'),
      )
      const isGiven = area !== 0 && area !== 666 && area < 900 && group !== 0 && serial !== 0
      expect([`${a}-${g}-${s}`, fits('ssn', `${a}-${g}-${s}`)]).toEqual([`${a}-${g}-${s}`, isGiven])
    }),
    { numRuns: 250 },
  )
})

function digits(length: number): fc.Arbitrary<string> {
  return fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: length, maxLength: length })
}
