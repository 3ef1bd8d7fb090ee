import { LIMITS, parseTokenId, type TokenId } from '@lunadefend/contract'
import { LunaDefendClientError } from './client-error.ts'

/** One token of a caller, and the words that name its place in an error: the token itself never does. */
export interface Placed {
  readonly place: string
  readonly value: unknown
}

/** Throws `missing_token` for what is absent or empty, `invalid_token` for everything else that is no token. */
export function checkToken({ place, value }: Placed): TokenId {
  if (value === undefined || value === null || value === '') {
    throw new LunaDefendClientError('missing_token', `${place} is ${value === '' ? 'empty' : String(value)}.`)
  }
  const token = typeof value === 'string' ? parseTokenId(value) : null
  if (token === null) {
    throw new LunaDefendClientError(
      'invalid_token',
      `${place} is not lunasec- and a lower-case UUID version 4.`,
    )
  }
  return token
}

/** One token or an array of them, each with its place. */
export function placeTokens(tokens: unknown): readonly Placed[] {
  if (!Array.isArray(tokens)) return [{ place: 'The token', value: tokens }]
  // Array.from, because `map` would step over the holes of a sparse array.
  return Array.from(tokens, (value: unknown, index) => ({ place: `The token at index ${index}`, value }))
}

/** Checked, each once, in the order of their first place. */
export function checkTokens(tokens: unknown): readonly TokenId[] {
  return [...new Set(placeTokens(tokens).map(checkToken))]
}

/** Cut to what one request may carry. */
export function batches(tokens: readonly TokenId[]): readonly TokenId[][] {
  const count = Math.ceil(tokens.length / LIMITS.batchTokens)
  return Array.from({ length: count }, (_, index) =>
    tokens.slice(index * LIMITS.batchTokens, (index + 1) * LIMITS.batchTokens),
  )
}
