import { ContentError, openWhole, readSecret, sealWhole } from '@lunadefend/content-cipher'
import {
  INPUT_MODES,
  INPUT_TYPES,
  parseConnect,
  parseFrameMessage,
  parseHostMessage,
  STYLE_PROPERTIES,
} from '@lunadefend/contract/frame-messages'
import fc from 'fast-check'
import { expect } from 'vitest'
import { FrameError } from '../../packages/secure-frame/src/frame/failure.ts'
import { decodePart, maskOf } from '../../packages/secure-frame/src/frame/masked.ts'
import { checkTarget } from '../../packages/secure-frame/src/frame/object-store.ts'
import { readRules } from '../../packages/secure-frame/src/frame/rules.ts'
import { allowedStyle } from '../../packages/secure-frame/src/frame/style.ts'
import { numberOf, textOf, textsOf } from '../../packages/secure-frame/src/frame/tokenizer.ts'
import { type Target, target } from './guard.ts'
import { hostileBytes, hostileJson, hostileText } from './hostile.ts'
import { token } from './names-and-times.ts'

const id = fc.nat(1_000)
const short = fc.string({ maxLength: 40 })
const presentation = fc.record(
  { label: short, placeholder: short, inputMode: fc.constantFrom(...INPUT_MODES), disabled: fc.boolean() },
  { requiredKeys: [] },
)
const rules = fc.record(
  {
    inputType: fc.constantFrom(...INPUT_TYPES),
    required: fc.boolean(),
    minLength: id,
    pattern: short,
    max: short,
  },
  { requiredKeys: [] },
)
const typed = (type: string, rest: fc.Arbitrary<object> = fc.constant({})) =>
  rest.map((members) => ({ type, ...members }))
const fromPage = fc.oneof(
  typed(
    'configure',
    fc.tuple(rules, presentation).map(([a, b]) => ({ ...a, ...b })),
  ),
  typed('update', presentation),
  typed('style', fc.dictionary(fc.constantFrom(...STYLE_PROPERTIES), short)),
  typed('load', fc.record({ id, tokenId: token })),
  ...['tokenize', 'logout', 'assertion-failed'].map((type) => typed(type, fc.record({ id }))),
  ...['focus', 'clear'].map((type) => typed(type)),
  typed('assertion', fc.record({ id, assertion: short })),
)
const fromFrame = fc.oneof(
  typed('state', fc.record({ fill: fc.constantFrom('empty', 'complete'), focused: fc.boolean() })),
  typed('need-assertion', fc.record({ id, thumbprint: short, challenge: short })),
  typed('tokenized', fc.record({ id, tokenId: token })),
  typed('failed', fc.record({ id, code: fc.constantFrom('masked', 'failed') })),
  ...['ready', 'submit', 'session-changed', 'logged-out'].map((type) => typed(type)),
)
const connect = typed('lunadefend.connect', fc.record({ page: fc.stringMatching(/^[0-9a-f]{32}$/) }))

const css = fc.oneof(
  fc.constantFrom(
    'red',
    '#fff',
    'rgb(1 2 3 / 50%)',
    '12px',
    '1.5em',
    'bold',
    'normal',
    'tabular-nums',
    'ltr',
  ),
  fc.constantFrom('"Fira Sans", serif', 'oklch(40% .2 none)', 'url(https://e.example)', 'var(--a)', 'start'),
  fc.constantFrom('rgb(', 'rgb(e', 'rgb(nonenone', 'é', "'a b'", 'color(srgb 1 1 1)', '-.5px', '1e3px'),
)

/** What was read is a copy of its own: it can be read again, and nothing hides in a prototype. */
function isCopy(read: (data: unknown) => object | null, data: unknown): void {
  const message = read(data)
  if (message === null) return
  expect(Object.getPrototypeOf(message)).toBeNull()
  expect(read({ ...message })).toEqual(message)
}

const secret = { contentKey: new Uint8Array(32).fill(7), token: 'lunasec-0' }
const sealed = await Promise.all(
  [0, 5, 2_000].map((size) => sealWhole(secret, new Uint8Array(size).fill(65))),
)
const isContentError = (error: unknown) => error instanceof ContentError
const isFrameError = (error: unknown) => error instanceof FrameError
const answer = fc.record({
  tokenId: token,
  uploadUrl: fc.webUrl(),
  headers: fc.dictionary(short, short),
  expiresAt: id,
  mask: fc.record({ show: fc.constantFrom('first', 'last'), count: id }),
})

/** What page, frame, and store say to each other. */
export const FRAME: readonly Target[] = [
  target({
    reads: "the page's opening message",
    file: 'contract/frame-messages.ts',
    cases: hostileJson(connect),
    check: (data) => isCopy(parseConnect, data),
  }),
  target({
    reads: 'messages of the page, at the frame',
    file: 'contract/frame-messages.ts',
    cases: hostileJson(fromPage),
    check: (data) => isCopy(parseHostMessage, data),
    runs: 10_000,
  }),
  target({
    reads: 'messages of the frame, at the page',
    file: 'contract/frame-messages.ts',
    cases: hostileJson(fromFrame),
    check: (data) => isCopy(parseFrameMessage, data),
    runs: 10_000,
  }),
  target({
    reads: 'styles',
    file: 'secure-frame/frame/style.ts',
    cases: fc.dictionary(fc.constantFrom(...STYLE_PROPERTIES), hostileText(css, 200)),
    check: (style) => {
      const allowed = allowedStyle(style)
      for (const value of Object.values(allowed))
        expect(value).not.toMatch(/url\(|var\(|[;@\\{}]|\/\*|expression/i)
      expect(allowedStyle(allowed)).toEqual(allowed)
    },
    runs: 10_000,
  }),
  target({
    reads: 'rules of the page, a pattern among them',
    file: 'secure-frame/frame/rules.ts',
    // What a pattern costs is the page's own affair: it hangs its own frame. That it is a pattern is not.
    cases: fc.tuple(hostileText(fc.constantFrom('[a-z]+', '\\d{3}', '(a|b)', '[\\p{L}--[a-z]]'), 60), short),
    check: ([pattern, text]) =>
      expect(typeof readRules({ pattern }, () => true)(text.slice(0, 3))).toBe('boolean'),
  }),
  target({
    reads: 'answers of the Tokenizer, at the frame',
    file: 'secure-frame/frame/tokenizer.ts',
    cases: hostileJson(answer),
    check: (data) => {
      if (typeof data !== 'object' || data === null || Array.isArray(data)) return
      const members = data as Record<string, unknown>
      textOf(members, 'tokenId')
      numberOf(members, 'expiresAt')
      maskOf({ data: members, sessionHash: null, clockOffset: 0 })
      const goal = { url: textOf(members, 'uploadUrl'), headers: textsOf(members, 'headers') }
      expect(new URL(checkTarget(goal, 'https://objects.example').url).origin).toBe('https://objects.example')
    },
    refuses: isFrameError,
  }),
  target({
    reads: 'a part of a value, from the store',
    file: 'secure-frame/frame/masked.ts',
    cases: fc.tuple(
      hostileBytes(fc.string({ unit: 'binary' }).map((text) => Buffer.from(text))),
      fc.boolean(),
    ),
    check: ([bytes, last]) => decodePart(new Uint8Array(bytes), { show: last ? 'last' : 'first', count: 64 }),
    refuses: isFrameError,
  }),
  target({
    reads: 'a content key, in an answer',
    file: 'content-cipher/secret.ts',
    cases: hostileJson(
      fc.record({
        v: fc.constant(1),
        alg: fc.constant('Cobblestone-256'),
        key: fc.stringMatching(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/),
      }),
    ),
    check: (e2e) => {
      const { contentKey } = readSecret(e2e, 'lunasec-0')
      expect(Buffer.from(contentKey).toString('base64url')).toBe((e2e as { key: string }).key)
    },
    refuses: isContentError,
  }),
  target({
    reads: 'an object that is encrypted end to end',
    file: 'content-cipher/value.ts',
    cases: hostileBytes(fc.constantFrom(...sealed)),
    // What is opened at all is one of those that were sealed.
    check: async (object) => {
      const value = await openWhole(secret, object)
      expect(value.every((byte) => byte === 65) && [0, 5, 2_000].includes(value.length)).toBe(true)
    },
    refuses: isContentError,
  }),
]
