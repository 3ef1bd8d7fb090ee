import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  CAPTURES,
  CARD_BRANDS,
  COMPONENTS,
  ENTER_KEY_HINTS,
  FILLS,
  FRAME_FAILURES,
  type FrameMessage,
  type HostMessage,
  INPUT_MODES,
  INPUT_TYPES,
  parseConnect,
  parseFrameMessage,
  parseHostMessage,
  STYLE_PROPERTIES,
} from '../src/frame-messages.ts'

const PAGE = '0123456789abcdef0123456789abcdef'
const plain = (message: unknown): unknown => (message === null ? null : { ...(message as object) })

const id = fc.nat()
const some = fc.boolean()
const presentation = {
  label: fc.string({ maxLength: 500 }),
  description: fc.string({ maxLength: 1000 }),
  placeholder: fc.string({ maxLength: 500 }),
  autoComplete: fc.string({ maxLength: 100 }),
  inputMode: fc.constantFrom('', ...INPUT_MODES),
  enterKeyHint: fc.constantFrom('', ...ENTER_KEY_HINTS),
  spellCheck: some,
  lang: fc.string({ maxLength: 35 }),
  disabled: some,
  readOnly: some,
  invalid: some,
}
const rules = {
  inputType: fc.constantFrom(...INPUT_TYPES),
  required: some,
  minLength: fc.nat(),
  maxLength: fc.nat(),
  values: fc.array(fc.string({ maxLength: 200 })),
  labels: fc.array(fc.string({ maxLength: 200 })),
  pattern: fc.string({ maxLength: 500 }),
  min: fc.string({ maxLength: 100 }),
  max: fc.string({ maxLength: 100 }),
  step: fc.string({ maxLength: 100 }),
  multiple: some,
  accept: fc.string({ maxLength: 1000 }),
  capture: fc.constantFrom(...CAPTURES),
  maxBytes: fc.nat(),
  maxFiles: fc.nat(),
  reveal: some,
  fieldId: fc.string({ maxLength: 64 }),
  sameAs: fc.string({ maxLength: 64 }),
}
const style = Object.fromEntries(
  STYLE_PROPERTIES.map((property) => [property, fc.string({ maxLength: 200 })]),
)
const typed = (type: string, may: Record<string, fc.Arbitrary<unknown>>, must = {}) =>
  fc.record(
    { type: fc.constant(type), ...may, ...must },
    { requiredKeys: ['type', ...Object.keys(must)] as never },
  )

const hostMessage = fc.oneof(
  typed('configure', { ...rules, ...presentation }),
  typed('update', presentation),
  typed('style', style),
  typed('load', {}, { id, tokenId: fc.string({ maxLength: 64 }) }),
  typed('tokenize', {}, { id }),
  typed('logout', {}, { id }),
  typed('focus', {}),
  typed('clear', {}),
  typed('assertion', {}, { id, assertion: fc.string({ maxLength: 4096 }) }),
  typed('assertion-failed', {}, { id }),
) as fc.Arbitrary<HostMessage>
const frameMessage = fc.oneof(
  typed('ready', {}),
  typed(
    'state',
    { brand: fc.constantFrom(...CARD_BRANDS) },
    { fill: fc.constantFrom(...FILLS), focused: some },
  ),
  typed('submit', {}),
  typed(
    'need-assertion',
    {},
    { id, thumbprint: fc.string({ maxLength: 64 }), challenge: fc.string({ maxLength: 256 }) },
  ),
  typed('loaded', {}, { id }),
  typed('tokenized', {}, { id, tokenId: fc.string({ maxLength: 64 }) }),
  typed('tokens', {}, { id, tokenIds: fc.array(fc.string({ maxLength: 64 }), { maxLength: 100 }) }),
  typed('ended', {}, { id }),
  typed('failed', {}, { id, code: fc.constantFrom(...FRAME_FAILURES) }),
  typed('session-changed', {}),
  typed('logged-out', {}),
) as fc.Arbitrary<FrameMessage>

const sides = [
  { side: 'page', parse: parseHostMessage, message: hostMessage },
  { side: 'frame', parse: parseFrameMessage, message: frameMessage },
] as const

describe.each(sides)('messages of the $side', ({ parse, message }) => {
  test('every message of the list is read as it was sent', () => {
    fc.assert(
      fc.property(message as fc.Arbitrary<object>, (sent) => {
        expect(plain(parse(structuredClone(sent)))).toEqual(plain(sent))
      }),
    )
  })

  test('one unknown key more is no message', () => {
    fc.assert(
      fc.property(message as fc.Arbitrary<object>, fc.string(), fc.anything(), (sent, key, value) => {
        fc.pre(!(key in rules || key in presentation || key in style || key in sent))
        const extended = Object.defineProperty({ ...sent }, key, { value, enumerable: true })
        expect(parse(extended)).toBeNull()
      }),
    )
  })

  test('one key less is no message, unless the key may be left out', () => {
    fc.assert(
      fc.property(message as fc.Arbitrary<object>, fc.nat(), (sent, pick) => {
        const keys = Object.keys(sent)
        const gone = keys[pick % keys.length] as string
        const { [gone as keyof object]: _, ...rest } = sent as Record<string, unknown>
        const optional =
          gone !== 'type' && !['id', 'tokenId', 'tokenIds', 'assertion', 'fill', 'focused'].includes(gone)
        const required = ['thumbprint', 'challenge', 'code'].includes(gone)
        expect(parse(rest) !== null).toBe(optional && !required)
      }),
    )
  })

  test('whatever arrives, parsing answers null or a flat object without a prototype, and never throws', () => {
    const anything = fc.anything({ withNullPrototype: true, withDate: true, withMap: true, withBigInt: true })
    const nearly = fc
      .tuple(message as fc.Arbitrary<object>, fc.dictionary(fc.string(), anything))
      .map(([sent, noise]) => ({ ...sent, ...noise }))
    fc.assert(
      fc.property(fc.oneof(anything, nearly), (data) => {
        const read = parse(data)
        if (read === null) return
        expect(Object.getPrototypeOf(read)).toBeNull()
        // A list is one of texts.
        for (const value of Object.values(read).flat())
          expect(['string', 'number', 'boolean']).toContain(typeof value)
      }),
    )
  })
})

describe('hostile messages', () => {
  const attacks: [string, unknown][] = [
    ['nothing', undefined],
    ['null', null],
    ['a text', 'tokenize'],
    ['a list', ['focus']],
    ['a list with a type', Object.assign([], { type: 'focus' })],
    ['no type', {}],
    ['a type that is an object', { type: { toString: (): string => 'focus' } }],
    ['a type that is a String object', { type: new String('focus') }],
    ['a type of Object.prototype', { type: 'constructor' }],
    ['another type of Object.prototype', { type: '__proto__' }],
    ['an inherited type', Object.create({ type: 'focus' })],
    ['a type behind a getter', Object.defineProperty({}, 'type', { get: () => 'focus', enumerable: true })],
    ['an inherited id', Object.assign(Object.create({ id: 1 }), { type: 'tokenize' })],
    ['an id behind a getter', { type: 'tokenize', get id() { return 1 } }], // biome-ignore format: one line
    ['an own __proto__', JSON.parse('{"type":"focus","__proto__":{"id":1}}')],
    ['an own constructor', { type: 'focus', constructor: 1 }],
    ['a hidden key', Object.defineProperty({ type: 'focus' }, 'secret', { value: 1, enumerable: false })],
    ['an id that is a text', { type: 'tokenize', id: '1' }],
    ['a negative id', { type: 'tokenize', id: -1 }],
    ['a broken id', { type: 'tokenize', id: 1.5 }],
    ['no number', { type: 'tokenize', id: Number.NaN }],
    ['an endless id', { type: 'tokenize', id: Number.POSITIVE_INFINITY }],
    ['an id that is not exact', { type: 'tokenize', id: 2 ** 53 }],
    ['a nested label', { type: 'update', label: { html: '<b>' } }],
    ['a label that is there and undefined', { type: 'update', label: undefined }],
    ['a label that is too long', { type: 'update', label: 'x'.repeat(501) }],
    ['a truthy text for a boolean', { type: 'update', disabled: 'false' }],
    ['rules in an update', { type: 'update', pattern: '^1' }],
    ['a type in an update', { type: 'update', inputType: 'text' }],
    ['an unknown input type', { type: 'configure', inputType: 'hidden' }],
    ['a style that is not in the list', { type: 'style', backgroundImage: 'none' }],
    ['a style in css spelling', { type: 'style', 'background-color': 'red' }],
    ['a style that is a list', { type: 'style', color: ['red'] }],
    ['a value', { type: 'load', id: 1, tokenId: '', value: 'secret' }],
    ['a message of the other side', { type: 'ready' }],
    ['a connect', { type: 'lunadefend.connect', page: PAGE }],
  ]
  test.each(attacks)('%s is no message of the page', (_, data) => {
    expect(parseHostMessage(data)).toBeNull()
  })

  const leaks: [string, unknown][] = [
    ['a value', { type: 'loaded', id: 1, value: 'secret' }],
    ['a length', { type: 'state', fill: 'complete', focused: true, length: 9 }],
    ['a keystroke', { type: 'state', fill: 'complete', focused: true, key: 'a' }],
    ['a height', { type: 'loaded', id: 1, height: 20 }],
    ['an unknown fill', { type: 'state', fill: 'prefilled-and-valid', focused: true }],
    ['a failure in free words', { type: 'failed', id: 1, code: 'the value was 078-05-1120' }],
    ['a message of the other side', { type: 'focus' }],
  ]
  test.each(leaks)('%s is no message of the frame', (_, data) => {
    expect(parseFrameMessage(data)).toBeNull()
  })

  test('what was checked is what is used: later changes of the data do not reach the message', () => {
    const data = { type: 'load', id: 1, tokenId: 'lunasec-1' }
    const read = parseHostMessage(data)
    data.tokenId = 'lunasec-2'
    expect(plain(read)).toEqual({ type: 'load', id: 1, tokenId: 'lunasec-1' })
  })
})

describe('connect', () => {
  test('is read with a page id of 32 hex digits', () => {
    expect(plain(parseConnect({ type: 'lunadefend.connect', page: PAGE }))).toEqual({
      type: 'lunadefend.connect',
      page: PAGE,
    })
  })

  test.each([
    ['no page', { type: 'lunadefend.connect' }],
    ['a short page', { type: 'lunadefend.connect', page: PAGE.slice(1) }],
    ['a page with a line feed after it', { type: 'lunadefend.connect', page: `${PAGE}\n` }],
    ['capitals', { type: 'lunadefend.connect', page: PAGE.toUpperCase() }],
    ['an origin of its own', { type: 'lunadefend.connect', page: PAGE, origin: 'https://app.example' }],
    ['another type', { type: 'connect', page: PAGE }],
    ['a page that is an object', { type: 'lunadefend.connect', page: { toString: (): string => PAGE } }],
    ['a message of the port', { type: 'focus' }],
  ])('with %s is refused', (_, data) => {
    expect(parseConnect(data)).toBeNull()
  })
})

test('every list is closed and names each word once', () => {
  for (const list of [
    COMPONENTS,
    INPUT_TYPES,
    CARD_BRANDS,
    INPUT_MODES,
    STYLE_PROPERTIES,
    FILLS,
    FRAME_FAILURES,
  ]) {
    expect(new Set<string>(list).size).toBe(list.length)
  }
})
