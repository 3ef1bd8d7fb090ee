import { STYLE_PROPERTIES } from '@lunadefend/contract/frame-messages'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { allowedStyle, type Style } from '../src/frame/style.ts'

const ATTACKS = [
  'url(https://evil.example/x)',
  'URL(//evil.example)',
  'u\\72l(//evil.example)',
  'image-set("//evil.example" 1x)',
  'expression(alert(1))',
  'red; background: url(//evil.example)',
  'red}body{background:url(//evil.example)}',
  '@import "//evil.example"',
  'var(--x)',
  'env(safe-area-inset-top)',
  'attr(value)',
  'calc(1px + 1px)',
  'rgb(var(--x))',
  'rgb(from red r g b)',
  'color-mix(in srgb, red, blue)',
  'light-dark(red, blue)',
  'red/**/',
  'red !important',
  '"',
  "'",
  '"a', // a quote that is not closed
  '"a\' , serif',
  '"a\\"; color: red"',
  'serif, url(x)',
  'serif,',
  ',',
  'a\nb{}',
  '-1px',
  '1px 2px',
  '1px;',
  '100vh',
  '50%',
  '10cqw',
  '99999px',
  '1NaN',
  '1e9px',
  'javascript:alert(1)',
  '<style>',
  '\u0000',
  ' ',
]

describe('style values', () => {
  test.each(ATTACKS)('%j is no value of any property that could make use of it', (attack) => {
    const fine: Record<string, string[]> = { '-1px': ['letterSpacing', 'wordSpacing'], '50%': ['lineHeight'] }
    for (const property of STYLE_PROPERTIES) {
      const isFine = fine[attack]?.includes(property) === true
      expect([property, Object.keys(allowedStyle({ [property]: attack }))]).toEqual([
        property,
        isFine ? [property] : [],
      ])
    }
  })

  test('of no allowed value can the characters do any harm', () => {
    const words = fc.constantFrom(
      'url',
      '(',
      ')',
      'var(',
      ';',
      '{',
      '}',
      '@',
      '\\',
      '/*',
      '"',
      "'",
      ':',
      '!',
      '<',
      'red',
      '1px',
      ',',
      ' ',
      'rgb(',
    )
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.array(words, { maxLength: 6 }).map((all) => all.join('')),
    )
    fc.assert(
      fc.property(fc.constantFrom(...STYLE_PROPERTIES), text, (property, value) => {
        const allowed = allowedStyle({ [property]: value })[property]
        if (allowed === undefined) return
        expect(allowed).toBe(value)
        expect(allowed).not.toMatch(/[;{}@\\:!<>*]|(?:url|var|env|attr|expression)\(/i)
        expect((allowed.match(/"/g) ?? []).length % 2).toBe(0)
      }),
      { numRuns: 2000 },
    )
  })

  const good: Style[] = [
    { color: '#1a2b3c', backgroundColor: 'transparent', caretColor: 'rgba(10, 20, 30, 0.5)' },
    { color: 'rgb(1 2 3 / 50%)', backgroundColor: 'hsl(120deg 100% 50%)', caretColor: 'CanvasText' },
    { color: 'oklch(0.627966 0.257704 29.2346)', backgroundColor: 'color(display-p3 1 0.5 0 / 0.25)' },
    { color: 'lab(29.2345 39.3825 20.0664)', backgroundColor: 'oklch(0.5 none none)' },
    { fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, \'Helvetica Neue\', sans-serif' },
    { fontFamily: '"ヒラギノ角ゴ Pro", serif' },
    { fontSize: '13.3333px', fontStyle: 'italic', fontWeight: '400', lineHeight: '1.5' },
    { fontSize: '1.25rem', fontWeight: 'bold', lineHeight: '22.4px' },
    { fontVariantNumeric: 'tabular-nums slashed-zero', letterSpacing: '-0.5px', lineHeight: 'normal' },
    { textAlign: 'end', textTransform: 'uppercase', direction: 'rtl', colorScheme: 'light dark' },
    { paddingTop: '0', paddingRight: '4px', paddingBottom: '.5em', paddingLeft: '0px' },
    { color: '' },
  ]
  test.each(good)('%j is as it was', (style) => {
    expect(allowedStyle(style)).toEqual(style)
  })
})
