import fc from 'fast-check'

/** Any text that has a UTF-8: control and format characters, combining, astral, right to left, ligatures, a byte order mark. */
const NASTY = [
  '\0',
  '\u202e',
  '\u200f',
  '\ufeff',
  '\u0301',
  '\u2028',
  '\u{10ffff}',
  '\ufdd0',
  '👩‍👩‍👧‍👦',
  ' ',
  '\t',
  '"<&\\',
  '0',
  '0.10',
  'null',
]
const piece = fc.oneof(
  { weight: 3, arbitrary: fc.string({ unit: 'binary', maxLength: 30 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'grapheme', maxLength: 30 }) },
  { weight: 2, arbitrary: fc.constantFrom(...NASTY) },
)
const text = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join('').toWellFormed())
const filled = text.filter((each) => each !== '')

/** HTML puts no line feed into a field of one line. */
const line = filled.map((each) => each.replace(/[\r\n]/g, ' '))
/** A text area has line feeds alone (HTML, "API value"). */
const lines = fc
  .array(filled, { minLength: 1, maxLength: 5 })
  .chain((parts) =>
    fc
      .array(fc.constantFrom('\n', '\r\n', '\r'), { minLength: parts.length, maxLength: parts.length })
      .map((breaks) => parts.map((part, index) => part + breaks[index]).join('')),
  )

const digits = (least: number, most = least) =>
  fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: least, maxLength: most })
const number = fc.integer({ min: 0, max: 1e9 })

function cardNumber(begin: string): string {
  const sum = [...begin].reverse().reduce((total, digit, index) => {
    const value = Number(digit) * (2 - (index % 2))
    return total + (value > 9 ? value - 9 : value)
  }, 0)
  return `${begin}${(10 - (sum % 10)) % 10}`
}

function iban(account: string): string {
  // ISO 13616-1, 6.2: letters count from 10 on, so DE is 1314.
  const check = 98n - (BigInt(`${account}131400`) % 97n)
  return `DE${String(check).padStart(2, '0')}${account}`
}

const two = (value: number) => String(value).padStart(2, '0')

/** What can be typed into each type of `<secure-input>`, in the form in which it is stored. */
export const INPUTS = {
  text: line,
  password: line,
  search: line,
  tel: line,
  email: fc.stringMatching(/^[\w.!#$%&'*+/=?^`{|}~-]{1,20}@[a-z0-9]{1,12}(\.[a-z0-9]{1,9}){0,2}$/),
  url: fc.webUrl({ withQueryParameters: true, withFragments: true }),
  number: fc.stringMatching(/^[+-]?\d{1,30}([.,]\d{0,20})?(e[+-]?\d{1,3})?$/),
  date: fc
    .date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true })
    .map((each) => each.toISOString().slice(0, 10)),
  'one-time-code': digits(4, 10),
  'card-number': digits(14).map((rest) => cardNumber(`4${rest}`)),
  'card-expiry': fc
    .tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 30, max: 40 }))
    .map(([month, year]) => `${two(month)}/${year}`),
  'card-cvc': digits(3, 4),
  iban: digits(18).map(iban),
  ssn: number.map(
    (each) => `${two(1 + (each % 6))}8-${two(1 + (each % 99))}-${String(1 + (each % 9999)).padStart(4, '0')}`,
  ),
  ein: number.map((each) => `${20 + (each % 7)}-${String(each % 1e7).padStart(7, '0')}`),
} as const

export const TEXT_AREA = lines
/** Texts that a choice can store: none is empty, or longer than 200 UTF-16 code units. */
export const OPTIONS = fc.uniqueArray(
  filled.map((each) => each.slice(0, 200).toWellFormed()),
  { minLength: 4, maxLength: 8 },
)

/** Lengths on both sides of the places where padding, chunks and headers end. */
const LENGTHS = [0, 1, 1015, 1016, 1017, 1023, 1024, 15_352, 15_353, 16_376, 16_383, 16_384, 16_385, 33_000]
export const FILE = fc
  .oneof(fc.constantFrom(...LENGTHS), fc.integer({ min: 0, max: 70_000 }))
  .chain((length) => fc.tuple(fc.constant(length), fc.uint8Array({ minLength: 1, maxLength: 40 })))
  .map(([length, pattern]) => Buffer.alloc(length, pattern))
export const FILE_NAME = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
  .map((name) => name.replace(/[\p{Cc}/\\]/gu, '_').toWellFormed())
