import type { TokenId } from '@lunadefend/contract'
import { LunaDefendClientError } from './client-error.ts'
import { checkToken, type Placed, placeTokens } from './token-lists.ts'

/** What came in a request: a token, an array of them, or `{field: token}`. */
export type Submitted = string | readonly string[] | { readonly [field: string]: string }
/** What the application holds, in the same form; nothing held is `null`, `undefined` or `''`. */
export type Stored =
  | string
  | null
  | undefined
  | readonly (string | null | undefined)[]
  | { readonly [field: string]: string | null | undefined }
export type Empty = boolean | readonly string[]

interface Field extends Placed {
  readonly key: string | null
  readonly held: unknown
}

/** Checks everything that was submitted, and returns what the Tokenizer must be asked about, with its place. */
export function checkStored(
  tokens: Submitted,
  stored: Stored,
  allowEmpty: Empty,
): ReadonlyMap<TokenId, string> {
  const fields = pair(tokens, stored)
  if (fields.length === 0) throw new LunaDefendClientError('missing_token', 'There is no token at all.')
  const unknown = new Map<TokenId, string>()
  for (const field of fields) {
    if (field.value === '' && mayBeEmpty(field, allowEmpty)) continue
    const token = checkToken(field)
    if (token !== field.held && !unknown.has(token)) unknown.set(token, field.place)
  }
  return unknown
}

function mayBeEmpty({ key }: Field, allowEmpty: Empty): boolean {
  if (allowEmpty === true) return true
  return Array.isArray(allowEmpty) && key !== null && allowEmpty.includes(key)
}

function pair(tokens: unknown, stored: unknown): readonly Field[] {
  if (Array.isArray(tokens)) return pairArray(tokens, stored)
  if (typeof tokens === 'object' && tokens !== null) return pairObject(tokens, stored)
  if (typeof stored === 'object' && stored !== null) throw differentForm()
  return placeTokens(tokens).map((placed) => ({ ...placed, key: null, held: stored }))
}

function pairArray(tokens: readonly unknown[], stored: unknown): readonly Field[] {
  const held = stored ?? []
  if (!Array.isArray(held) || (stored != null && held.length !== tokens.length)) throw differentForm()
  return placeTokens(tokens).map((placed, index) => ({ ...placed, key: null, held: held[index] }))
}

function pairObject(tokens: object, stored: unknown): readonly Field[] {
  const held = stored ?? {}
  if (typeof held !== 'object' || Array.isArray(held)) throw differentForm()
  return Object.entries(tokens).map(([key, value]: [string, unknown]) => ({
    key,
    value,
    place: `The token of the field ${JSON.stringify(key.slice(0, 60))}`,
    held: Object.hasOwn(held, key) ? (held as Record<string, unknown>)[key] : undefined,
  }))
}

function differentForm(): LunaDefendClientError {
  return new LunaDefendClientError(
    'invalid_argument',
    '`stored` must have the form of `tokens`: a token, an array of the same length, or an object with the same keys.',
  )
}
