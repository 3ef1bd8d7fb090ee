/** A token: `lunasec-` and a lower-case UUID version 4 (RFC 9562 §5.4). The application stores it in place of a value. */
export type TokenId = string & { readonly __brand: 'TokenId' }
/** The id of one registered application. Lower-case, so that it can be part of a cookie's name. */
export type AppId = string & { readonly __brand: 'AppId' }
/** The id of one operator: who runs the installation. No application has the same. */
export type OperatorId = string & { readonly __brand: 'OperatorId' }
/** An application's name for one login of one user. Never the value of a cookie. 1–256 bytes of UTF-8. */
export type SessionId = string & { readonly __brand: 'SessionId' }

/** What a grant allows: to see a value, or to keep its token in the application's own record. */
export type Access = 'read' | 'store'

export const TOKEN_PATTERN = '^lunasec-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'
export const APP_PATTERN = '^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$'

const TOKEN = new RegExp(TOKEN_PATTERN)
const APP = new RegExp(APP_PATTERN)

/** `null` when the text is no token. There is one spelling of each token. */
export function parseTokenId(text: string): TokenId | null {
  return TOKEN.test(text) ? (text as TokenId) : null
}

/** `null` when the text is no application id. */
export function parseAppId(text: string): AppId | null {
  return APP.test(text) ? (text as AppId) : null
}

/** `null` when the text is empty or longer than 256 bytes of UTF-8. */
export function parseSessionId(text: string): SessionId | null {
  if (text.length === 0 || text.length > 256) return null
  return encodeURIComponentLength(text) <= 256 ? (text as SessionId) : null
}

/** Length in bytes of UTF-8; infinite for text that is not well-formed Unicode. */
function encodeURIComponentLength(text: string): number {
  if (!text.isWellFormed()) return Number.POSITIVE_INFINITY
  return encodeURIComponent(text).replace(/%../g, '.').length
}
