import fc from 'fast-check'

/** What breaks readers of text: unpaired surrogates, look-alikes, controls, signs that case-fold or normalize to others. */
const ODD_TEXT = [
  '\ud800',
  '\udfff',
  '\u0000',
  '\u200b',
  '\u202e',
  '\ufeff',
  'ſ',
  'İ',
  'K',
  'а',
  '０',
  '٣',
  '\u0301',
  '👩‍👩‍👧',
  '\r\n',
  '\n',
  '\t',
  ' ',
  '__proto__',
  'constructor',
  'toString',
  '%00',
  '%',
  '../',
  '"',
  "'",
  '\\',
  '\\u0000',
  ';',
  ',',
  '=',
  '==',
  '&',
  '<',
  '&#x110000;',
  '-0',
  '1e999',
  '99999999999999999999',
  'NaN',
  'Infinity',
] as const

const oddText = fc.constantFrom(...ODD_TEXT)

/** One change of a text: a piece cut out, doubled, swapped for something odd, put in, or repeated many times. */
const edit = fc.record({
  kind: fc.constantFrom('cut', 'double', 'replace', 'insert', 'repeat', 'truncate', 'flip'),
  at: fc.nat(),
  length: fc.integer({ min: 1, max: 8 }),
  odd: oddText,
  times: fc.integer({ min: 2, max: 400 }),
})
type Edit = ReturnType<(typeof edit)['generate']>['value']

function edited(text: string, { kind, at, length, odd, times }: Edit): string {
  const start = text.length === 0 ? 0 : at % text.length
  const [before, piece, after] = [
    text.slice(0, start),
    text.slice(start, start + length),
    text.slice(start + length),
  ]
  switch (kind) {
    case 'cut':
      return before + after
    case 'double':
      return before + piece + piece + after
    case 'replace':
      return before + odd + after
    case 'insert':
      return before + odd + piece + after
    case 'repeat':
      return before + piece.repeat(times) + after
    case 'truncate':
      return before
    case 'flip':
      return (
        before + String.fromCharCode((piece.charCodeAt(0) || 0) ^ (1 << (at % 8))) + piece.slice(1) + after
      )
  }
}

/** A text in a format, wholly or almost: as it should be, with a few changes, or anything at all. `limit` is in characters. */
export function hostileText(valid: fc.Arbitrary<string>, limit = 16_384): fc.Arbitrary<string> {
  const changed = fc
    .tuple(valid, fc.array(edit, { minLength: 1, maxLength: 4 }))
    .map(([text, edits]) => edits.reduce(edited, text))
  const anything = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 64 }),
    fc.array(oddText, { maxLength: 40 }).map((parts) => parts.join('')),
    longText(limit),
  )
  return fc
    .oneof(
      { weight: 2, arbitrary: valid },
      { weight: 6, arbitrary: changed },
      { weight: 2, arbitrary: anything },
    )
    .map((text) => text.slice(0, limit))
}

/** One piece over and over, up to the limit, with an end that does not fit: where a regular expression would go back. */
function longText(limit: number): fc.Arbitrary<string> {
  const piece = fc.oneof(oddText, fc.string({ minLength: 1, maxLength: 3 }))
  return fc
    .tuple(piece, fc.integer({ min: 1, max: limit }), oddText)
    .map(([text, length, end]) => text.repeat(Math.ceil(length / text.length)).slice(0, length) + end)
}
