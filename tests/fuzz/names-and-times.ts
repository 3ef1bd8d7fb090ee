import { parseAppId, parseSessionId, parseTokenId } from '@lunadefend/contract'
import { GRANT_LIFE, parseDuration, TOKEN_LIFE } from '@lunadefend/core'
import fc from 'fast-check'
import { expect } from 'vitest'
import { LunaDefendClientError } from '../../packages/node-sdk/src/client-error.ts'
import { checkStored } from '../../packages/node-sdk/src/submitted-tokens.ts'
import { checkToken, checkTokens } from '../../packages/node-sdk/src/token-lists.ts'
import { accessTokens } from '../../packages/tokenizer/src/http/cookies.ts'
import { networkOf } from '../../packages/tokenizer/src/http/network.ts'
import { type Target, target } from './guard.ts'
import { hostileJson, hostileText } from './hostile.ts'

export const token = fc.uuid({ version: 4 }).map((uuid) => `lunasec-${uuid}`)
const duration = fc
  .tuple(fc.nat(30), fc.nat(90), fc.nat(90))
  .map(([hours, minutes, seconds]) => `${hours}h${minutes}m${seconds}s`)
const secret = fc.stringMatching(/^[A-Za-z0-9_-]{43}$/)
const cookies = fc
  .array(fc.tuple(fc.constantFrom('access_token', 'access_token_acme', 'other', '__proto__'), secret), {
    maxLength: 12,
  })
  .map((pairs) => pairs.map((pair) => pair.join('=')).join('; '))
const isClientError = (error: unknown) => error instanceof LunaDefendClientError

/** Identifiers, durations, cookies, addresses. */
export const NAMES_AND_TIMES: readonly Target[] = [
  target({
    reads: 'a token, in a body',
    file: 'contract/token-id.ts',
    cases: hostileText(token),
    check: (text) => {
      if (parseTokenId(text) !== null) expect(text).toMatch(/^lunasec-[0-9a-f-]{36}$/)
    },
  }),
  target({
    reads: 'the id of an app, in bodies, tokens, settings',
    file: 'contract/token-id.ts',
    cases: hostileText(fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,29}[a-z0-9]$/)),
    check: (text) => {
      const parsed = parseAppId(text)
      if (parsed !== null) expect(encodeURIComponent(parsed)).toBe(text)
    },
  }),
  target({
    reads: "an app's name for a login, in a body or an assertion",
    file: 'contract/token-id.ts',
    cases: hostileText(fc.string({ minLength: 1, maxLength: 64 })),
    check: (text) => {
      const parsed = parseSessionId(text)
      if (parsed !== null) expect(Buffer.from(parsed).toString()).toBe(text)
    },
  }),
  target({
    reads: 'a duration, in a body or a setting',
    file: 'core/domain/duration.ts',
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
  target({
    reads: 'the header Cookie',
    file: 'tokenizer/http/cookies.ts',
    cases: hostileText(cookies),
    check: (text) => {
      const found = accessTokens(text)
      expect(found.length).toBeLessThanOrEqual(8)
      for (const each of found) expect(text).toContain(each)
    },
  }),
  target({
    reads: "a caller's address, from the socket or X-Forwarded-For",
    file: 'tokenizer/http/network.ts',
    cases: hostileText(fc.oneof(fc.ipV4(), fc.ipV6(), fc.ipV4Extended()), 1_024),
    check: (text) => {
      const network = networkOf(text)
      // A network is its own: who asks twice does not get away with another name.
      if (network !== null) expect(networkOf(network.replace(/\/\d+$/, ''))).toBe(network)
    },
  }),
  target({
    reads: 'tokens that a form submits, at the server of an app',
    file: 'node-sdk/token-lists.ts',
    cases: hostileJson(fc.oneof(token, fc.array(token, { maxLength: 5 }))),
    check: (tokens) => {
      for (const each of checkTokens(tokens)) expect(checkToken({ place: 'it', value: each })).toBe(each)
    },
    refuses: isClientError,
  }),
  target({
    reads: 'tokens beside those that are stored, at the server of an app',
    file: 'node-sdk/submitted-tokens.ts',
    cases: fc.tuple(
      hostileJson(fc.dictionary(fc.constantFrom('a', 'b', '__proto__', 'constructor'), token)),
      hostileJson(fc.dictionary(fc.constantFrom('a', 'b', '__proto__', 'constructor'), token)),
    ),
    check: ([tokens, stored]) => checkStored(tokens as never, stored as never, ['a']),
    refuses: isClientError,
  }),
]
