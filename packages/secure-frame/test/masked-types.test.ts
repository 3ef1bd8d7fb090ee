import type { InputType } from '@lunadefend/contract/frame-messages'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { brandOf } from '../src/frame/cards.ts'
import { MASKED_TYPES } from '../src/frame/masked-types.ts'
import { PLAIN_TYPES } from '../src/frame/plain-types.ts'

const TYPES = { ...PLAIN_TYPES, ...MASKED_TYPES }
const NOW = new Date(2026, 10, 22)
const fits = (type: InputType, value: string): boolean => TYPES[type].fits?.(value, NOW) ?? true

describe('whole values', () => {
  test.each<[InputType, string]>([
    ['number', '0.10'],
    ['number', '-1,5'],
    ['number', '9007199254740993.000000000000000000001'],
    ['number', '1e400'],
    ['number', '.5'],
    ['one-time-code', '0000'],
    ['one-time-code', '1234567890'],
    ['card-number', '4242424242424242'],
    ['card-number', '4222222222222'],
    ['card-number', '378282246310005'],
    ['card-number', '5555555555554444'],
    ['card-number', '2223003122003222'],
    ['card-number', '6011111111111117'],
    ['card-number', '30569309025904'],
    ['card-number', '3530111333300000'],
    ['card-number', '6200000000000005'],
    // No check digit: UnionPay.
    ['card-number', '6200000000000000'],
    ['card-expiry', '11/26'],
    ['card-expiry', '11/51'],
    ['card-cvc', '000'],
    ['card-cvc', '1234'],
    // Examples of the IBAN Registry.
    ['iban', 'DE89370400440532013000'],
    ['iban', 'GB29NWBK60161331926819'],
    ['iban', 'NO9386011117947'],
    ['iban', 'MT84MALT011000012345MTLCAST001S'],
    ['iban', 'FR1420041010050500013M02606'],
    ['ssn', '078-05-1120'],
    ['ssn', '899-99-9999'],
    ['ein', '12-3456789'],
    ['ein', '98-0000000'],
  ])('%s: %s', (type, value) => expect(fits(type, value)).toBe(true))

  test.each<[InputType, string]>([
    ['number', '1 000'],
    ['number', '1.2.3'],
    ['number', 'e5'],
    ['number', '-'],
    ['number', 'Infinity'],
    ['number', '0x10'],
    ['one-time-code', '123'],
    ['card-number', '4242424242424241'],
    ['card-number', '42424242424242420'],
    ['card-number', '424242424242'],
    ['card-number', ''],
    ['card-expiry', '10/26'],
    ['card-expiry', '12/51'],
    ['card-expiry', '00/27'],
    ['card-expiry', '13/27'],
    ['card-expiry', '1127'],
    ['card-cvc', '12'],
    ['iban', 'DE88370400440532013000'],
    ['iban', 'DE8937040044053201300'],
    ['iban', 'ZZ89370400440532013000'],
    ['iban', 'de89370400440532013000'],
    ['ssn', '000-12-3456'],
    ['ssn', '666-12-3456'],
    ['ssn', '900-12-3456'],
    ['ssn', '123-00-4567'],
    ['ssn', '123-45-0000'],
    ['ssn', '123456789'],
    ...[
      '00',
      '07',
      '08',
      '09',
      '17',
      '18',
      '19',
      '28',
      '29',
      '49',
      '69',
      '70',
      '78',
      '79',
      '89',
      '96',
      '97',
    ].map((prefix): [InputType, string] => ['ein', `${prefix}-1234567`]),
  ])('none of %s: %j', (type, value) => expect(fits(type, value)).toBe(false))

  test('one wrong digit, or two neighbours exchanged, is found in every IBAN', () => {
    const good = 'GB29NWBK60161331926819'
    fc.assert(
      fc.property(fc.integer({ min: 8, max: 21 }), fc.integer({ min: 1, max: 9 }), (at, by) => {
        const wrong = (Number(good[at]) + by) % 10
        expect(fits('iban', good.slice(0, at) + wrong + good.slice(at + 1))).toBe(false)
        const [a = '', b = ''] = good.slice(at - 1, at + 1)
        const swapped = good.slice(0, at - 1) + b + a + good.slice(at + 1)
        if (a !== b && at > 8) expect(fits('iban', swapped)).toBe(false)
      }),
    )
  })

  test('of any fifteen digits just one check digit makes a card number', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^4\d{14}$/), (digits) => {
        const found = [...'0123456789'].filter((check) => fits('card-number', digits + check))
        expect(found).toHaveLength(1)
      }),
    )
  })
})

describe('brands', () => {
  test.each([
    ['4', 'visa'],
    ['51', 'mastercard'],
    ['2221', 'mastercard'],
    ['2720', 'mastercard'],
    ['2721', 'unknown'],
    ['2220', 'unknown'],
    ['2200', 'mir'],
    ['34', 'amex'],
    ['37', 'amex'],
    ['3', 'unknown'],
    ['36', 'diners'],
    ['3528', 'jcb'],
    ['6011', 'discover'],
    ['62', 'unionpay'],
    ['50', 'maestro'],
    ['60', 'maestro'],
    ['', 'unknown'],
    ['1', 'unknown'],
  ])('%j: %s', (digits, brand) => expect(brandOf(digits)).toBe(brand))
})
