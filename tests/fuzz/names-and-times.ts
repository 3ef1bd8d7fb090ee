import { parseAppId, parseSessionId, parseTokenId } from '@lunadefend/contract'
import { GRANT_LIFE, parseDuration, TOKEN_LIFE } from '@lunadefend/core'
import fc from 'fast-check'
import { expect } from 'vitest'
import { type Target, target } from './guard.ts'
import { hostileText } from './hostile.ts'

const token = fc.uuid({ version: 4 }).map((uuid) => `lunasec-${uuid}`)
const duration = fc
  .tuple(fc.nat(30), fc.nat(90), fc.nat(90))
  .map(([hours, minutes, seconds]) => `${hours}h${minutes}m${seconds}s`)

/** Identifiers and durations. */
export const NAMES_AND_TIMES: readonly Target[] = [
  target({
    reads: 'a token, in a body',
    file: 'packages/contract/src/token-id.ts',
    cases: hostileText(token),
    check: (text) => {
      const parsed = parseTokenId(text)
      if (parsed !== null) expect(text).toMatch(/^lunasec-[0-9a-f-]{36}$/)
    },
  }),
  target({
    reads: 'the id of an app, in bodies, tokens, settings',
    file: 'packages/contract/src/token-id.ts',
    cases: hostileText(fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,29}[a-z0-9]$/)),
    check: (text) => {
      const parsed = parseAppId(text)
      if (parsed !== null) expect(encodeURIComponent(parsed)).toBe(text)
    },
  }),
  target({
    reads: "an app's name for a login, in a body or an assertion",
    file: 'packages/contract/src/token-id.ts',
    cases: hostileText(fc.string({ minLength: 1, maxLength: 64 })),
    check: (text) => {
      const parsed = parseSessionId(text)
      if (parsed !== null) expect(Buffer.from(parsed).toString()).toBe(text)
    },
  }),
  target({
    reads: 'a duration, in a body or a setting',
    file: 'packages/core/src/domain/duration.ts',
    cases: fc.tuple(
      fc.oneof(hostileText(duration, 4_096), fc.double(), fc.maxSafeInteger()),
      fc.constantFrom(GRANT_LIFE, TOKEN_LIFE),
    ),
    check: ([value, limits]) => {
      const parsed = parseDuration(value, limits)
      if ('problem' in parsed) return
      expect(Number.isSafeInteger(parsed.seconds)).toBe(true)
      expect(parsed.seconds).toBeGreaterThan(0)
      expect(parsed.seconds).toBeLessThanOrEqual(limits.maximumSeconds)
    },
  }),
]
