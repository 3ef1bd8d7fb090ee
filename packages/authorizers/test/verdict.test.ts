import type { Verdict } from '@lunadefend/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { combine, ENGINE, isPolicyName, parseMask, parseVerdict } from '../src/verdict.ts'

const bad = { kind: 'deny', policy: ENGINE.badAnswer }
const masks = fc.record({ show: fc.constantFrom('first', 'last'), count: fc.integer({ min: 1, max: 14 }) })
const policy = fc.constantFrom('a', 'b', null)
const verdicts: fc.Arbitrary<Verdict> = fc.oneof(
  fc.record({ kind: fc.constant('allow' as const), policy }),
  fc.record({ kind: fc.constant('deny' as const), policy }),
  fc.record({ kind: fc.constant('mask' as const), mask: masks, policy }),
)

/** Which bytes of a value of this length are given out. */
function shown(verdict: Verdict, length: number): Set<number> {
  const all = Array.from({ length }, (_, index) => index)
  if (verdict.kind === 'deny') return new Set()
  if (verdict.kind === 'allow') return new Set(all)
  const { show, count } = verdict.mask
  return new Set(show === 'first' ? all.slice(0, count) : all.slice(-count))
}

describe('several verdicts', () => {
  test('together show no byte that one of them hides', () => {
    fc.assert(
      fc.property(fc.array(verdicts, { maxLength: 5 }), fc.integer({ min: 0, max: 12 }), (some, length) => {
        const together = [...shown(combine(some), length)]
        const isNarrow = some.every((one) => together.every((byte) => shown(one, length).has(byte)))
        expect(isNarrow).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  test('keep what all of them allow, and the name of who decided', () => {
    const last = (count: number, name: string): Verdict => ({
      ...{ kind: 'mask', policy: name },
      mask: { show: 'last', count },
    })
    expect(combine([])).toEqual({ kind: 'allow', policy: null })
    expect(combine([last(6, 'six'), { kind: 'allow', policy: 'all' }, last(4, 'four')])).toEqual(
      last(4, 'four'),
    )
    expect(combine([last(4, 'four'), { kind: 'deny', policy: 'no' }])).toEqual({ kind: 'deny', policy: 'no' })
    expect(
      combine([last(4, 'four'), { kind: 'mask', mask: { show: 'first', count: 4 }, policy: 'x' }]),
    ).toEqual({ kind: 'deny', policy: ENGINE.masksDisagree })
  })
})

describe('an answer from outside', () => {
  test('is read as what it is', () => {
    expect(parseVerdict({ kind: 'allow' }, 'tokenize')).toEqual({ kind: 'allow', policy: null })
    expect(parseVerdict({ kind: 'deny', policy: 'pace' }, 'tokenize')).toEqual({
      kind: 'deny',
      policy: 'pace',
    })
    const mask = { kind: 'mask', mask: { show: 'last', count: 4 } }
    expect(parseVerdict(mask, 'detokenize')).toEqual({ ...mask, policy: null })
  })

  test.each([
    ['a mask where there is no value', { kind: 'mask', mask: { show: 'last', count: 4 } }],
    ['an inherited verdict', Object.create({ kind: 'allow' })],
    ['a verdict in a list', [{ kind: 'allow' }]],
    ['a name of ours with an allow', { kind: 'allow', policy: ENGINE.noPermit }],
    ['a name that could be a token', { kind: 'deny', policy: 'x'.repeat(65) }],
    ['a name that is none', { kind: 'deny', policy: 'two words' }],
    ['more than a verdict', { kind: 'allow', really: true }],
  ])('%s is a denial', (_, answer) => {
    expect(parseVerdict(answer, 'read-metadata')).toEqual(bad)
  })

  test('of any shape never throws, and is a verdict by the letter or a denial', () => {
    const parts = fc.oneof(
      fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true, withMap: true }),
      verdicts,
      fc.record(
        {
          kind: fc.constantFrom('allow', 'deny', 'mask', 'ALLOW'),
          policy: fc.anything(),
          mask: fc.anything(),
        },
        { requiredKeys: [] },
      ),
    )
    fc.assert(
      fc.property(parts, (answer) => {
        const verdict = parseVerdict(answer, 'detokenize')
        if (verdict.kind !== 'deny') expect(answer).toMatchObject({ kind: verdict.kind })
        if (verdict.kind === 'mask')
          expect(parseMask(`${verdict.mask.show}:${verdict.mask.count}`)).toEqual(verdict.mask)
        const known: readonly unknown[] = [null, ...Object.values(ENGINE)]
        expect(known.includes(verdict.policy) || isPolicyName(String(verdict.policy))).toBe(true)
      }),
      { numRuns: 5_000 },
    )
  })
})

test.each([
  'last:0',
  'last:65',
  'last:04',
  'middle:4',
  'last:4 ',
  'last:-1',
  'last:4.5',
  '',
  'last:',
  'LAST:4',
])('%j is no mask', (text) => expect(parseMask(text)).toBeNull())
