import Type from 'typebox'
import { LIMITS } from './limits.ts'

/**
 * The header `Idempotency-Key`: a string as RFC 9651, section 3.3.3 writes it, in double quotes, with `\"` and `\\` for
 * these two (draft-ietf-httpapi-idempotency-key-header, section 2.1). It takes no parameters.
 */
export const IdempotencyKey = Type.String({
  pattern: `^"(?:[ !#-\\[\\]-~]|\\\\["\\\\]){1,${LIMITS.idempotencyKeyCharacters}}"$`,
  description:
    'A name for this one call, in double quotes, chosen by the caller and never used for another: the same call again, within 24 hours, has no second effect and gets the same answer.',
})

/** What stands between the quotes of a header that fits the schema. */
export function parseIdempotencyKey(header: string): string {
  return header.slice(1, -1).replace(/\\(["\\])/g, '$1')
}
