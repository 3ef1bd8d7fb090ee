import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { afterEdit, canHold, caretAfter, type Kept, type Mask, storedForm, write } from '../src/frame/mask.ts'
import { keepHistory } from '../src/frame/mask-history.ts'
import { MASKED_TYPES } from '../src/frame/masked-types.ts'

const masks = Object.entries(MASKED_TYPES).map(([name, { mask }]) => [name, mask as Mask] as const)
const typed = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'0123456789') }),
  fc.string({ unit: fc.constantFrom(...'0123456789AZaz -/٣۴７Ａ') }),
  fc.string({ unit: 'binary' }),
)

/** What the user does at a caret or a selection: places are in the written text. */
const action = fc.record({
  kind: fc.constantFrom('insert', 'backward', 'forward'),
  text: fc.oneof(fc.constantFrom(...'0123456789'), typed),
  from: fc.nat(50),
  length: fc.oneof(fc.constant(0), fc.constant(0), fc.nat(8)),
})
type Action = typeof action extends fc.Arbitrary<infer A> ? A : never

/** A browser's text control under a mask. */
function act(
  mask: Mask,
  state: Kept,
  { kind, text, from, length }: Action,
): { next: Kept; expected: string } {
  const written = write(mask, state.kept)
  let start = Math.min(from, written.length)
  let end = Math.min(start + length, written.length)
  const isCaret = start === end
  const count = (place: number): number => mask.keep(written.slice(0, place), false).length
  const [first, last] = [count(start), count(end)]
  if (isCaret && kind === 'backward') start = Math.max(0, start - 1)
  if (isCaret && kind === 'forward') end = Math.min(written.length, end + 1)
  const inserted = kind === 'insert' ? text : ''
  const isInserted = kind === 'insert'
  const next = afterEdit(mask, {
    text: written.slice(0, start) + inserted + written.slice(end),
    caret: start + inserted.length,
    before: state.kept,
    start: first,
    deleted: isInserted || !isCaret ? null : kind === 'backward' ? 'backward' : 'forward',
    isInserted,
  })
  // The model knows of no groups: it inserts and deletes characters that count.
  const [low, high] =
    isCaret && kind === 'backward'
      ? [Math.max(0, first - 1), first]
      : isCaret && kind === 'forward'
        ? [last, last + 1]
        : [first, last]
  const rest = [state.kept.slice(0, low), state.kept.slice(high)] as const
  const all = mask.keep(inserted, false)
  const whole = rest[0] + all + rest[1]
  const surplus = Math.min(Math.max(0, whole.length - mask.longest(whole)), all.length)
  return { next, expected: rest[0] + all.slice(0, all.length - surplus) + rest[1] }
}

describe.each(masks)('%s', (name, mask) => {
  test('writing twice is writing once, and nothing that counts is lost', () => {
    fc.assert(
      fc.property(typed, fc.boolean(), (text, isInserted) => {
        const kept = mask.keep(text, isInserted)
        const written = write(mask, kept)
        expect(mask.keep(written, isInserted)).toBe(kept)
        expect(write(mask, mask.keep(written, isInserted))).toBe(written)
        expect(storedForm(mask, mask.keep(written, isInserted))).toBe(storedForm(mask, kept))
        expect(canHold(mask, storedForm(mask, kept))).toBe(true)
      }),
    )
  })

  test('the caret stands after as many characters that count as were said', () => {
    fc.assert(
      fc.property(typed, fc.nat(60), (text, place) => {
        const kept = mask.keep(text, true)
        const count = Math.min(place, kept.length)
        const caret = caretAfter(mask, kept, count)
        const written = write(mask, kept)
        expect(caret).toBeLessThanOrEqual(written.length)
        expect(mask.keep(written.slice(0, caret), false)).toBe(kept.slice(0, count))
        if (count === kept.length) expect(caret).toBe(written.length)
      }),
    )
  })

  test.skipIf(name === 'card-expiry')('any sequence of edits keeps what was typed, and no other', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 30 }), (actions) => {
        let state: Kept = { kept: '', at: 0 }
        for (const each of actions) {
          const { next, expected } = act(mask, state, each)
          expect(next.kept).toBe(expected)
          expect(next.at).toBeLessThanOrEqual(next.kept.length)
          state = next
        }
      }),
    )
  })

  test('what does not stand in the stored form is not taken for it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        expect(canHold(mask, value)).toBe(storedForm(mask, mask.keep(value, false)) === value)
      }),
    )
    for (const value of ['x y', ' 1', '1 ', 'de']) expect(canHold(mask, value)).toBe(false)
  })
})

describe('an expiry', () => {
  const mask = MASKED_TYPES['card-expiry'].mask as Mask
  const typeIn = (text: string): string => {
    let state: Kept = { kept: '', at: 0 }
    for (const key of text) {
      const written = write(mask, state.kept)
      state = afterEdit(mask, {
        text: written + key,
        caret: written.length + key.length,
        before: state.kept,
        start: state.kept.length,
        deleted: null,
        isInserted: true,
      })
    }
    return write(mask, state.kept)
  }

  test.each([
    ['4', '04'],
    ['427', '04/27'],
    ['4/27', '04/27'],
    ['1/27', '01/27'],
    ['12/27', '12/27'],
    ['1227', '12/27'],
    ['04/2027', '04/27'],
    ['042027', '04/27'],
    ['04/20', '04/20'],
    ['04/279', '04/27'],
  ])('%s, key by key, is %s', (keys, written) => expect(typeIn(keys)).toBe(written))

  test.each([
    ['2027-04', '04/27'],
    ['04 / 2027', '04/27'],
    [' 4-27 ', '04/27'],
    ['٠٤/٢٧', '04/27'],
  ])('%s, pasted, is %s', (text, written) => expect(write(mask, mask.keep(text, true))).toBe(written))
})

describe('history', () => {
  test('goes back and forth, and forgets what was undone when something new is typed', () => {
    const history = keepHistory({ kept: '', at: 0 })
    for (const kept of ['1', '12', '12', '123']) history.add({ kept, at: kept.length })
    expect(history.undo()?.kept).toBe('12')
    expect(history.undo()?.kept).toBe('1')
    expect(history.redo()?.kept).toBe('12')
    history.add({ kept: '129', at: 3 })
    expect(history.redo()).toBeNull()
    expect([history.undo()?.kept, history.undo()?.kept, history.undo()?.kept, history.undo()]).toEqual([
      '12',
      '1',
      '',
      null,
    ])
  })

  test('has an end', () => {
    const history = keepHistory({ kept: '', at: 0 })
    for (let n = 0; n < 1000; n++) history.add({ kept: String(n), at: 0 })
    let steps = 0
    while (history.undo() !== null) steps++
    expect(steps).toBe(199)
  })
})
