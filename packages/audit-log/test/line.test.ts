import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type AuditLine, decodeLine, encodeLine, leafHash } from '../src/index.ts'

const count = fc.nat({ max: Number.MAX_SAFE_INTEGER })
const text = fc.string({ unit: 'binary', maxLength: 40 })
const orNull = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: null })
const lines: fc.Arbitrary<AuditLine> = fc.record({
  writer: fc.stringMatching(/^[0-9a-f]{16}$/),
  seq: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  at: count,
  requestId: text,
  app: orNull(text),
  actor: text,
  operator: orNull(text),
  action: text,
  epoch: count,
  session: orNull(text),
  user: orNull(text),
  token: orNull(text),
  network: orNull(text),
  generation: orNull(count),
  policy: orNull(text),
  count,
  refusal: orNull(text),
})

const sample: AuditLine = {
  ...{
    writer: '00112233aabbccdd',
    seq: 7,
    at: 1_760_000_000_000,
    requestId: 'r-1',
    app: 'shop',
    actor: 'user',
  },
  ...{
    operator: null,
    action: 'detokenize',
    epoch: 679_000,
    session: 'c2Vzc2lvbg',
    user: null,
    token: 'dG9rZW4',
  },
  ...{ network: 'bmV0', generation: 1, policy: null, count: 1, refusal: 'no-grant' },
}

test('a row is written in one way, whatever the order of its fields', () => {
  const written = encodeLine(sample)
  expect(written).toBe(
    '{"v":1,"writer":"00112233aabbccdd","seq":7,"at":1760000000000,"requestId":"r-1","app":"shop","actor":"user","operator":null,' +
      '"action":"detokenize","epoch":679000,"session":"c2Vzc2lvbg","user":null,"token":"dG9rZW4","network":"bmV0",' +
      '"generation":1,"policy":null,"count":1,"refusal":"no-grant"}',
  )
  const turned = Object.fromEntries(Object.entries(sample).reverse()) as unknown as AuditLine
  expect(encodeLine({ ...turned, more: 'x' } as AuditLine)).toBe(written)
  expect(Buffer.from(leafHash(written)).toString('hex')).toBe(
    Buffer.from(leafHash(Buffer.from(written))).toString('hex'),
  )
})

test('what was written is read back, on one line', () => {
  fc.assert(
    fc.property(lines, (line) => {
      const written = encodeLine(line)
      expect(written).not.toMatch(/[\n\r]/)
      expect(decodeLine(written)).toEqual(line)
    }),
  )
})

const written = encodeLine(sample)
const with_ = (changes: object) => JSON.stringify({ v: 1, ...sample, ...changes })
test.each([
  ...['', 'null', '[]', '1', '{}', '{', written.slice(0, -1), `${written} `, ` ${written}`, `${written}\n`],
  ...[
    written.replace(',', ', '),
    written.replace('"shop"', '"\\u0073hop"'),
    written.replace('"v":1', '"v":2'),
  ],
  ...[with_({ more: 1 }), with_({ seq: 0 }), with_({ seq: 1.5 }), with_({ seq: '7' }), with_({ at: -1 })],
  ...[with_({ writer: 'AABB' }), with_({ app: 3 }), with_({ count: 2 ** 53 }), with_({ actor: null })],
  ...[written.replace('"seq":7', '"seq":7.0'), written.replace('"seq":7', '"seq":7,"seq":7')],
  ...[written.replace('{"v":1', '{"__proto__":{},"v":1'), `"${'x'.repeat(70_000)}"`],
])('another spelling is no line: %.60s', (spelling) => {
  expect(() => decodeLine(spelling)).toThrowError(expect.objectContaining({ code: 'line_malformed' }))
})

test('reading survives anything', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (anything) => {
      try {
        decodeLine(anything)
      } catch (error) {
        expect(error).toMatchObject({ code: 'line_malformed' })
      }
    }),
  )
})
