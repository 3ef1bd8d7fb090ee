import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { allowedAutofill } from '../src/frame/autofill.ts'
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
