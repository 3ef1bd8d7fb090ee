/** Everything that the app's server refuses with. The page shows `message`. */
const REFUSALS = {
  invalid_request: { status: 400, message: 'The request is not complete.' },
  wrong_credentials: { status: 401, message: 'There is no account with this name and password.' },
  not_logged_in: { status: 401, message: 'Please log in.' },
  cross_site: { status: 403, message: 'Only pages of this app may ask for this.' },
  token_refused: { status: 403, message: 'A token was refused: this session did not make it.' },
  not_found: { status: 404, message: 'There is nothing here.' },
  name_taken: { status: 409, message: 'This name is taken.' },
  changed_elsewhere: {
    status: 409,
    message: 'The profile was changed in another window. Reload and try again.',
  },
  too_large: { status: 413, message: 'This is too long.' },
  wrong_host: { status: 421, message: 'This server does not go by that name.' },
  too_many_attempts: { status: 429, message: 'Too many attempts. Wait a little.' },
  internal: { status: 500, message: 'Something failed on our side.' },
  vault_unavailable: {
    status: 503,
    message: 'The Tokenizer does not answer. Nothing was changed; try again.',
  },
} as const satisfies Record<string, { status: number; message: string }>

export type RefusalCode = keyof typeof REFUSALS

/** What a request ends with that is not answered. `detail` is shown to the user. */
export class Refusal extends Error {
  readonly code: RefusalCode
  readonly status: number
  /** Seconds after which another try makes sense. */
  readonly retryAfter: number | undefined

  constructor(code: RefusalCode, options: { readonly detail?: string; readonly retryAfter?: number } = {}) {
    super(options.detail ?? REFUSALS[code].message)
    this.code = code
    this.status = REFUSALS[code].status
    this.retryAfter = options.retryAfter
  }
}
