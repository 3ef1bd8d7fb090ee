import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { allowedAutofill } from '../src/frame/autofill.ts'
import { PLAIN_TYPES } from '../src/frame/plain-types.ts'
import { readRules } from '../src/frame/rules.ts'

const obeys = (rules: Parameters<typeof readRules>[0], text: string): boolean =>
  readRules(rules, () => true)(text)

describe('rules', () => {
  test.each([
    [{}, '', true],
    [{ required: true }, '', false],
    [{ minLength: 3 }, '', true],
    [{ minLength: 3 }, 'ab', false],
    [{ minLength: 3 }, 'abc', true],
    [{ maxLength: 3 }, 'abcd', false],
    [{ maxLength: 2 }, '😀', true],
    [{ maxLength: 1 }, '😀', false],
    [{ pattern: '\\d{3}-\\d{2}-\\d{4}' }, '078-05-1120', true],
    [{ pattern: '\\d{3}-\\d{2}-\\d{4}' }, 'x078-05-1120', false],
    [{ pattern: '\\d{3}-\\d{2}-\\d{4}' }, '078-05-1120\n', false],
    [{ pattern: 'a|b' }, 'ax', false],
    [{ pattern: '\\p{L}+' }, 'äöü', true],
    [{ pattern: '(' }, 'a pattern that is none does not apply', true],
    [{ pattern: 'a)|(.*' }, 'nor one that would break out', true],
  ])('%j and %j: %j', (rules, text, expected) => {
    expect(obeys(rules, text)).toBe(expected)
  })

  test('the kind of the field counts, for a text that is there', () => {
    expect(readRules({}, () => false)('x')).toBe(false)
    expect(readRules({}, () => false)('')).toBe(true)
  })

  test('lengths are those of HTML', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', minLength: 1 }),
        fc.nat(20),
        fc.nat(20),
        (text, minLength, maxLength) => {
          expect(obeys({ minLength, maxLength }, text)).toBe(
            text.length >= minLength && text.length <= maxLength,
          )
        },
      ),
    )
  })
})

describe('limits', () => {
  const within = (type: 'number' | 'date', rules: Parameters<typeof readRules>[0], text: string): boolean =>
    PLAIN_TYPES[type].range?.(rules)(text) ?? false

  test.each([
    ['number', {}, 'anything that the type itself takes', true],
    ['number', { min: '18' }, '18', true],
    ['number', { min: '18' }, '17.999', false],
    ['number', { max: '100' }, '1e2', true],
    ['number', { max: '100' }, '100,5', false],
    ['number', { min: '-0.5', max: '+0,5' }, '-.5', true],
    ['number', { step: '0.1' }, '0.3', true],
    ['number', { step: '0.1' }, '0.35', false],
    ['number', { step: '2', min: '1' }, '3', true],
    ['number', { step: '2', min: '1' }, '2', false],
    ['number', { step: 'any', max: '1' }, '0.123456789', true],
    // Doubles do not tell these two from the limit.
    ['number', { max: '9007199254740992' }, '9007199254740993', false],
    ['number', { min: '0.1' }, '0.09999999999999999999', false],
    // Not comparable in a sensible time: out of every range.
    ['number', { min: '0' }, '1e4000', false],
    ['number', { min: '0' }, `1${'0'.repeat(5000)}`, false],
    ['number', { min: '0' }, '1e99999999', false],
    // What is no limit does not apply.
    ['number', { min: 'x', max: '', step: '0' }, '5', true],
    ['number', { step: '-1' }, '0.5', true],
    ['date', { min: '1900-01-01', max: '2026-11-22' }, '1990-02-28', true],
    ['date', { min: '1900-01-01' }, '1899-12-31', false],
    ['date', { max: '2026-11-22' }, '2026-11-23', false],
    ['date', { step: '7', min: '2026-11-02' }, '2026-11-16', true],
    ['date', { step: '7', min: '2026-11-02' }, '2026-11-17', false],
    ['date', { step: '7' }, '1970-01-08', true],
    ['date', { min: '2026-02-30' }, '2026-01-01', true],
    ['date', { min: '26-01-01' }, '2025-01-01', true],
    ['date', {}, '0001-01-01', true],
  ] as const)('%s %j takes %s: %j', (type, rules, text, expected) => {
    expect(within(type, rules, text)).toBe(expected)
  })

  test('hold exactly, for numbers of any length, in every way to write one', () => {
    const units = fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n })
    const written = ([value, places, comma]: readonly [bigint, number, boolean]): string => {
      const digits = String(value < 0n ? -value : value).padStart(places + 1, '0')
      const at = digits.length - places
      const text = places === 0 ? digits : `${digits.slice(0, at)}${comma ? ',' : '.'}${digits.slice(at)}`
      return (value < 0n ? '-' : '') + text
    }
    fc.assert(
      fc.property(units, units, fc.nat(20), fc.boolean(), (limit, value, places, comma) => {
        const text = written([value, places, comma])
        const bound = `${limit}e-${places}`
        expect([bound, text, within('number', { min: bound }, text)]).toEqual([bound, text, value >= limit])
        expect([bound, text, within('number', { max: bound }, text)]).toEqual([bound, text, value <= limit])
        const step = `${1 + places}e-${places}`
        const steps = value % BigInt(1 + places) === 0n
        expect([step, text, within('number', { step }, text)]).toEqual([step, text, steps])
      }),
    )
  })
})

describe('autofill', () => {
  test.each([
    'on',
    'cc-number',
    'CC-Number',
    'shipping street-address',
    'section-a billing cc-exp',
    'work email',
    'tel-national',
    'one-time-code',
    'new-password',
  ])('%s is let through', (text) => expect(allowedAutofill(text)).toBe(text.toLowerCase()))
  test.each([
    '',
    'off',
    'nope',
    'on off',
    'cc-number x',
    'work cc-number',
    'name email',
    '"><script>',
    'section- name',
    'shipping',
    'webauthn',
  ])('%j is off', (text) => expect(allowedAutofill(text)).toBe('off'))
})
