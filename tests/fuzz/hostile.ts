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

/** JSON that readers stumble over: of a wrong kind, without end, with names that mean something to JavaScript. */
const ODD_JSON = [
  ...[
    'null',
    'true',
    'false',
    '0',
    '-0',
    '-1',
    '1.5',
    '1e999',
    '9007199254740993',
    '1e-400',
    '""',
    '[]',
    '{}',
  ],
  ...['[null]', '[[]]', '[{}]', '{"toString":1,"valueOf":1}', '{"__proto__":{"admin":true}}', '{"":""}'],
  ...['{"constructor":{"prototype":{}}}', '{"length":4294967296}', '{"then":{}}', '{"toJSON":1}'],
  ...['"\\ud800"', '"__proto__"', '"\\u0000"', '["allow"]', '{"type":"Buffer","data":[1]}'],
] as const

const oddJson = fc.oneof(
  fc.constantFrom(...ODD_JSON),
  fc.integer({ min: 2, max: 1_000 }).map((depth) => '['.repeat(depth) + ']'.repeat(depth)),
  fc.integer({ min: 2, max: 500 }).map((depth) => `${'{"a":'.repeat(depth)}0${'}'.repeat(depth)}`),
  fc.integer({ min: 1, max: 2_000 }).map((length) => JSON.stringify('a'.repeat(length))),
  fc.integer({ min: 1, max: 1_500 }).map((length) => `[${'0,'.repeat(length)}0]`),
)

/** A place in a JSON value, and what happens there. */
const graft = fc.record({
  at: fc.nat(),
  kind: fc.constantFrom('replace', 'replace', 'remove', 'add', 'wrap'),
  odd: oddJson,
  name: fc.constantFrom('__proto__', 'constructor', 'toString', '', 'tokenId', 'keys', 'id', 'type'),
})
type Graft = ReturnType<(typeof graft)['generate']>['value']

/** The value with changes in its structure. A value as JSON has it goes in and comes out. */
function grafted(value: unknown, { at, kind, odd, name }: Graft): unknown {
  const root: Record<string, unknown> = { value: structuredClone(value) }
  const places = placesIn(root)
  const place = places[at % places.length]
  if (place === undefined) return value
  const [parent, key] = place
  const child = (parent as Record<string, unknown>)[key]
  const put = (to: object, at: string, what: unknown) =>
    Object.defineProperty(to, at, { value: what, enumerable: true, configurable: true, writable: true })
  if (kind === 'replace') put(parent, key, JSON.parse(odd))
  if (kind === 'wrap') put(parent, key, [child])
  if (kind === 'remove' && Array.isArray(parent)) parent.splice(Number(key), 1)
  else if (kind === 'remove') Reflect.deleteProperty(parent, key)
  if (kind === 'add' && !Array.isArray(child)) put(isObject(child) ? child : root, name, JSON.parse(odd))
  return root['value'] ?? null
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

function placesIn(parent: object, depth = 0): [parent: object, key: string][] {
  return Object.entries(parent).flatMap(([key, child]): [object, string][] => [
    [parent, key],
    ...(typeof child === 'object' && child !== null && depth < 12 ? placesIn(child, depth + 1) : []),
  ])
}

/** A JSON value of a shape, wholly or almost, or anything at all. */
export function hostileJson(valid: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const plain = valid.map((value) => JSON.parse(JSON.stringify(value)) as unknown)
  const changed = fc
    .tuple(plain, fc.array(graft, { minLength: 1, maxLength: 3 }))
    .map(([value, grafts]) => grafts.reduce(grafted, value))
  const anything = fc.oneof(
    oddJson.map((text) => JSON.parse(text) as unknown),
    fc.jsonValue({ maxDepth: 4 }),
  )
  return fc.oneof(
    { weight: 2, arbitrary: plain },
    { weight: 6, arbitrary: changed },
    { weight: 1, arbitrary: anything },
  )
}

/** The same as a text, and texts that are almost JSON. */
export function hostileJsonText(valid: fc.Arbitrary<unknown>, limit = 16_384): fc.Arbitrary<string> {
  const deep = fc
    .tuple(fc.constantFrom('[', '{"a":', '[{"a":', '-', '"\\'), fc.integer({ min: 100, max: limit }))
    .map(([piece, length]) => piece.repeat(Math.ceil(length / piece.length)).slice(0, length))
  return fc.oneof(
    { weight: 6, arbitrary: hostileJson(valid).map((value) => JSON.stringify(value).slice(0, limit)) },
    {
      weight: 3,
      arbitrary: hostileText(
        valid.map((value) => JSON.stringify(value)),
        limit,
      ),
    },
    { weight: 1, arbitrary: deep },
  )
}

const byteEdit = fc.record({
  kind: fc.constantFrom('flip', 'flip', 'cut', 'insert', 'double', 'truncate', 'zero'),
  at: fc.nat(),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 16 }),
})

/** Bytes in a format, wholly or almost, or any bytes. */
export function hostileBytes(valid: fc.Arbitrary<Uint8Array>, limit = 16_384): fc.Arbitrary<Uint8Array> {
  const changed = fc
    .tuple(valid, fc.array(byteEdit, { minLength: 1, maxLength: 3 }))
    .map(([bytes, edits]) => edits.reduce(bent, bytes))
  return fc
    .oneof(
      { weight: 2, arbitrary: valid },
      { weight: 6, arbitrary: changed },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
    )
    .map((bytes) => bytes.subarray(0, limit))
}

type ByteEdit = ReturnType<(typeof byteEdit)['generate']>['value']

function bent(bytes: Uint8Array, { kind, at, bytes: more }: ByteEdit): Uint8Array {
  const start = bytes.length === 0 ? 0 : at % bytes.length
  const [before, after] = [bytes.subarray(0, start), bytes.subarray(start)]
  const rest = after.subarray(more.length)
  switch (kind) {
    case 'flip':
      return Uint8Array.from(bytes, (byte, index) => (index === start ? byte ^ (1 << (at % 8)) : byte))
    case 'cut':
      return Buffer.concat([before, rest])
    case 'insert':
      return Buffer.concat([before, more, after])
    case 'double':
      return Buffer.concat([bytes, after])
    case 'truncate':
      return before
    case 'zero':
      return Buffer.concat([before, new Uint8Array(Math.min(more.length, after.length)), rest])
  }
}
