/**
 * Every error the Tokenizer can answer with. The caller learns no more than this; the reason behind a refusal is in
 * the audit log, under the same request id.
 */
export const ERRORS = {
  invalid_request: { status: 400, name: 'InvalidRequest', message: 'The request is not valid.' },
  unauthenticated: { status: 401, name: 'Unauthenticated', message: 'A valid credential is needed.' },
  session_changed: {
    status: 401,
    name: 'SessionChanged',
    message: 'The session is no longer the one that was sent.',
  },
  step_up_required: {
    status: 401,
    name: 'StepUpRequired',
    message: 'The user must log in again before this session goes on.',
  },
  access_denied: { status: 403, name: 'AccessDenied', message: 'Access to this token is denied.' },
  forbidden: { status: 403, name: 'Forbidden', message: 'This caller may not use this call.' },
  not_found: { status: 404, name: 'NotFound', message: 'There is no such path.' },
  method_not_allowed: {
    status: 405,
    name: 'MethodNotAllowed',
    message: 'This path does not take this method.',
  },
  end_to_end_required: {
    status: 406,
    name: 'EndToEndRequired',
    message: 'The client must encrypt end to end here, and say so with accept: ["e2e"].',
  },
  masked: {
    status: 406,
    name: 'Masked',
    message:
      'Only a part of this value may be seen. A client that knows parts says so with accept: ["mask"].',
  },
  no_upload: {
    status: 409,
    name: 'NoUpload',
    message: 'The value of this token has not arrived, and no upload of it is under way.',
  },
  upload_incomplete: {
    status: 409,
    name: 'UploadIncomplete',
    message: 'Parts are missing, or have another length than the plan says.',
  },
  rekey_by_client: {
    status: 409,
    name: 'RekeyByClient',
    message: 'The object store cannot encrypt this value anew: the client must, with by: "client".',
  },
  changed_meanwhile: {
    status: 409,
    name: 'ChangedMeanwhile',
    message: 'The token was changed by another call meanwhile: begin again.',
  },
  too_many_grants: {
    status: 409,
    name: 'TooManyGrants',
    message: 'This session has as many grants as it may have. Revoke some, or let them expire.',
  },
  idempotency_key_in_use: {
    status: 409,
    name: 'IdempotencyKeyInUse',
    message: 'The first call with this Idempotency-Key is still under way. Try again later.',
  },
  payload_too_large: { status: 413, name: 'PayloadTooLarge', message: 'The request body is too large.' },
  unsupported_media_type: {
    status: 415,
    name: 'UnsupportedMediaType',
    message: 'The request body must be application/json.',
  },
  idempotency_key_reused: {
    status: 422,
    name: 'IdempotencyKeyReused',
    message: 'This Idempotency-Key was used for another request. Each call needs a key of its own.',
  },
  too_many_requests: { status: 429, name: 'TooManyRequests', message: 'Too many requests. Try again later.' },
  internal: { status: 500, name: 'Internal', message: 'Something failed on our side.' },
  unavailable: {
    status: 503,
    name: 'Unavailable',
    message: 'A service that is needed does not answer. Try again later.',
  },
} as const satisfies Record<string, { status: number; name: string; message: string }>

export type ErrorCode = keyof typeof ERRORS

/** An error with a code from the closed list. `detail` says where and what, and never repeats what was sent. */
export class LunaDefendError extends Error {
  readonly code: ErrorCode
  readonly detail: string | undefined
  constructor(code: ErrorCode, detail?: string) {
    super(detail === undefined ? ERRORS[code].message : `${ERRORS[code].message} ${detail}`)
    this.name = ERRORS[code].name
    this.code = code
    this.detail = detail
  }
}
