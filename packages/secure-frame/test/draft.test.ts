import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BLANK, type Draft, edited, emptied, filled, fillOf, tokenized, tokenOf } from '../src/frame/draft.ts'

const TOKEN = 'lunasec-1'

/** A field, as a browser would work it: text, its history, and what the draft knows. */
interface Model {
  readonly text: string
  readonly history: readonly string[]
  readonly draft: Draft
}
type Step =
  | { readonly kind: 'type' | 'replace'; readonly text: string }
  | { readonly kind: 'cut' | 'undo' | 'clear' | 'tokenize' }
  | { readonly kind: 'load'; readonly value: string }

/** Values of a letter that is never typed: whatever has it, holds a part of a stored value. */
const SECRET = 'S'
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('type' as const, 'replace' as const),
    text: fc.string({ maxLength: 3 }).map((text) => text.replaceAll(SECRET, '')),
  }),
  fc.record({
    kind: fc.constantFrom('cut' as const, 'undo' as const, 'clear' as const, 'tokenize' as const),
  }),
  fc.record({
    kind: fc.constant('load' as const),
    value: fc.integer({ min: 0, max: 4 }).map((length) => SECRET.repeat(length)),
  }),
)

function edit(
  { text, history, draft }: Model,
  after: string,
  how: { isReplacement?: boolean; isHistory?: boolean } = {},
): Model {
  const change = { before: text, after, isReplacement: false, isHistory: false, ...how }
  return { text: after, history: [...history, text], draft: edited(draft, change) }
}

function take(model: Model, step: Step): Model {
  const { text, history, draft } = model
  switch (step.kind) {
    case 'type':
      return edit(model, text + step.text)
    case 'replace':
      return edit(model, step.text, { isReplacement: text !== '' })
    case 'cut':
      return edit(model, text.slice(0, -1))
    case 'undo':
      return edit(model, history.at(-1) ?? text, { isHistory: true })
    case 'clear':
      return { text: '', history, draft: emptied(draft) }
    case 'load':
      return { text: step.value, history: [...history, text], draft: filled(TOKEN, step.value) }
    case 'tokenize':
      return text === '' ? model : { text, history, draft: tokenized(draft, `${TOKEN}+${text}`, text) }
  }
}
const START: Model = { text: '', history: [], draft: BLANK }
const run = (steps: readonly Step[]): Model => steps.reduce(take, START)

describe('a draft', () => {
  test('that may hold a part of a stored value says prefilled, and asks no rule', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const { text, draft } = run(steps)
        if (!text.includes(SECRET)) return
        const fill = fillOf(
          draft,
          text,
          () => {
            throw new Error('a rule was asked about a stored value')
          },
          true,
        )
        expect(fill).toBe('prefilled')
      }),
      { numRuns: 3000 },
    )
  })

  test('says the same of every stored value, whatever the user does that empties none of it', () => {
    const blind = step.filter(({ kind }) => kind === 'type' || kind === 'tokenize' || kind === 'load')
    fc.assert(
      fc.property(
        fc.array(blind, { maxLength: 8 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 9 }),
        (steps, one, other) => {
          const outcomes = [one, other].map((length) => {
            const { draft, text } = run([
              { kind: 'load', value: SECRET.repeat(length) },
              ...steps.filter(({ kind }) => kind !== 'load'),
            ])
            return fillOf(draft, text, () => length > 4, true)
          })
          expect(outcomes[0]).toBe(outcomes[1])
        },
      ),
    )
  })

  test('that the user has emptied speaks of what is typed next, and has no token any more', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 8 }),
        fc.string({ minLength: 1, maxLength: 5 }),
        (steps, typed) => {
          const empty = edit(run(steps), '')
          expect(fillOf(empty.draft, '', () => true, false)).toBe('empty')
          expect(tokenOf(empty.draft, '')).toBeNull()
          const { draft, text } = edit(empty, typed)
          expect(fillOf(draft, text, () => true, false)).toBe('complete')
          expect(fillOf(draft, text, () => false, false)).toBe('incomplete')
          expect(fillOf(draft, text, () => false, true)).toBe('invalid')
        },
      ),
    )
  })

  test('has a token for exactly the text that the token stands for', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), fc.string({ maxLength: 4 }), (steps, other) => {
        const { draft } = run(steps)
        const token = tokenOf(draft, other)
        if (token !== null) expect(draft.saved).toEqual({ tokenId: token, text: other })
      }),
    )
  })

  test('that stands for a value that could not be shown keeps its token until something is typed', () => {
    const unread = filled(TOKEN, '')
    expect(tokenOf(unread, '')).toBe(TOKEN)
    const typed = edited(unread, { before: '', after: 'x', isReplacement: false, isHistory: false })
    expect(fillOf(typed, 'x', () => true, false)).toBe('complete')
    const emptiedAgain = edited(typed, { before: 'x', after: '', isReplacement: false, isHistory: false })
    expect(tokenOf(emptiedAgain, '')).toBeNull()
  })
})
