import type { FrameFailure } from '@lunadefend/contract/frame-messages'

/** What can go wrong: the failures that a frame names, and those of the page itself. A closed list. */
export type LunaDefendErrorCode =
  | FrameFailure
  | 'bad-configuration'
  | 'not-configured'
  | 'no-provider'
  | 'not-a-token'
  | 'bad-attribute'
  | 'removed'
  | 'value-lost'
  | 'signed-out'
  | 'relogin'
  | 'session-endpoint'

/** What each code means and what to do about it. For developers; an application words its own messages. */
export const ERROR_MESSAGES = {
  'access-denied': 'This session may not read or store this token. Grant it on the server first.',
  masked: 'A policy shows only a part of this value. A field does not take it: show it in a SecureParagraph.',
  'no-session': 'The frame has no session with the Tokenizer. Is the user logged in?',
  'step-up-required':
    'The user must log in again before anything is shown or stored. Lead them to your login.',
  'session-changed': 'Another user has logged in. Reload the page.',
  'logged-out': 'The user has logged out, here or on another page. Every value was wiped.',
  'tokenizer-unreachable':
    'The secure frame did not start. Check tokenizerUrl, app, and the frame-src of your CSP.',
  'store-unreachable': 'The object store cannot be reached.',
  'store-refused': 'The object store refused the request.',
  'value-damaged': 'What the object store gave out is not what was stored. Nothing of it is shown.',
  'timed-out': 'The secure frame did not answer in time. Try again.',
  invalid: 'The value breaks a rule of its field.',
  'not-text': 'What this token stands for is not text.',
  busy: 'A file is still being uploaded. Submit again when it has arrived.',
  failed: 'The secure frame failed.',
  'bad-configuration': 'tokenizerUrl, app or sessionPath is not usable.',
  'not-configured': 'Call configure() first, or set the lunadefend property of the element.',
  'no-provider': 'Put a <LunaDefendProvider> around the components of LunaDefend.',
  'not-a-token': 'A secure element takes tokens only, never a value. Tokenize the value on the server first.',
  'bad-attribute': 'An attribute of a secure element is malformed or too long, and was left out.',
  removed: 'The element left the page before its work was done.',
  'value-lost': 'The secure frame had to be loaded again. What was typed is gone; ask for it again.',
  'signed-out': 'The app signs no session for this visitor. Is the user logged in?',
  relogin: 'This browser must log in again before it may use protected fields.',
  'session-endpoint': 'The session path of the app gave no usable answer. Is the LunaDefend router mounted?',
} satisfies Record<LunaDefendErrorCode, string>

/** Carries a code and the name of a field; never a value, never a token. */
export class LunaDefendError extends Error {
  override readonly name = 'LunaDefendError'
  readonly code: LunaDefendErrorCode
  /** The `name` (else the `id`) of the element that it happened in; `''` where there is none. */
  readonly field: string

  constructor(code: LunaDefendErrorCode, field = '') {
    super(field === '' ? ERROR_MESSAGES[code] : `${field}: ${ERROR_MESSAGES[code]}`)
    this.code = code
    this.field = field
  }
}
