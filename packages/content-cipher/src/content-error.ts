/** What can be wrong, and nothing more: how exactly an object is broken helps only whoever broke it. */
export const CONTENT_ERRORS = {
  content_damaged: 'The object is not what was stored under this token: changed, cut short, or another one.',
  content_unsupported: 'This value is encrypted in a way that this version does not know.',
  content_length: 'The value is not as long as was said beforehand.',
} as const satisfies Record<string, string>

export type ContentErrorCode = keyof typeof CONTENT_ERRORS

/** Carries a code of the closed list; never a byte of a value or of a key, and no `cause`. */
export class ContentError extends Error {
  readonly code: ContentErrorCode
  constructor(code: ContentErrorCode) {
    super(CONTENT_ERRORS[code])
    this.name = 'ContentError'
    this.code = code
  }
}
