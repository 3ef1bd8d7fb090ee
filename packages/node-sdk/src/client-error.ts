import { ERRORS, type ErrorCode } from '@lunadefend/contract'

/** What this package itself can find wrong. The Tokenizer's own codes (`ERRORS` of the contract) come in addition. */
export const CLIENT_ERRORS = {
  invalid_option: 'An option is not valid.',
  invalid_signing_key: 'The signing key is not valid.',
  invalid_session_id: 'The session id is not valid.',
  invalid_session: 'The session of the application is not valid.',
  missing_token: 'A token is missing.',
  invalid_token: 'This is not a token.',
  invalid_argument: 'An argument is not valid.',
  not_granted: 'The session holds no valid store grant for this token. Do not store it.',
  timed_out: 'There was no complete answer within the time-out.',
  tokenizer_unreachable: 'The Tokenizer cannot be reached.',
  unexpected_answer: 'The answer is not one of a Tokenizer.',
  store_unreachable: 'The object store cannot be reached.',
  store_refused: 'The object store refused the request.',
  value_damaged: 'What the object store gave out is not the value that was stored.',
  value_changed: 'The value cannot be read any more, or is not the one whose upload began.',
  value_too_large: 'The value is larger than allowed here.',
  upload_not_resumable: 'An upload that is encrypted end to end cannot be resumed. Begin again.',
  audit_unsigned: 'The checkpoint of the audit log was not signed by a key that is pinned.',
  audit_forked:
    'The audit log is not what it was: rows were changed or removed, or an older database was put back.',
  webhook_refused: 'This is no webhook of the Tokenizer, or an old one.',
  aborted: 'The caller gave it up.',
  not_text: 'The value is not text in UTF-8.',
} as const satisfies Record<string, string>

/** A code of this package or of the Tokenizer: a closed list. */
export type ClientErrorCode = keyof typeof CLIENT_ERRORS | ErrorCode

/** What is known about a failed answer. */
export interface Failed {
  /** The HTTP status of the answer. */
  readonly status?: number
  /** The id under which the Tokenizer's audit log knows the request. */
  readonly requestId?: string
}

/**
 * The only error that this package makes. Decide on `code`; the message is for people.
 * It never holds a token, a value, a key or a session id, and has no `cause`.
 */
export class LunaDefendClientError extends Error {
  readonly code: ClientErrorCode
  /** The HTTP status of the Tokenizer's or the object store's answer; `undefined` when there was none. */
  readonly status: number | undefined
  /** `undefined` when there was no answer, or one without an id. */
  readonly requestId: string | undefined

  constructor(code: ClientErrorCode, detail?: string, failed: Failed = {}) {
    const message = messageOf(code)
    super(detail === undefined ? message : `${message} ${detail}`)
    this.name = 'LunaDefendClientError'
    this.code = code
    this.status = failed.status
    this.requestId = failed.requestId
  }
}

function messageOf(code: ClientErrorCode): string {
  return isOwn(code) ? CLIENT_ERRORS[code] : ERRORS[code].message
}

function isOwn(code: ClientErrorCode): code is keyof typeof CLIENT_ERRORS {
  return Object.hasOwn(CLIENT_ERRORS, code)
}
