import { LunaDefendError } from '@lunadefend/contract'
import { PortFailure } from '@lunadefend/core'
import { type ClientErrorCode, LunaDefendClientError } from '@lunadefend/node-sdk'
import { ConfigError } from '@lunadefend/tokenizer/config'

/** What the process ends with; documented in docs/cli.md. */
export const EXIT = {
  /** Done, and all is well. */
  good: 0,
  /** Done, and something is not as it should be: the answer says what. */
  bad: 1,
  /** The command line cannot be understood. Nothing was done. */
  usage: 2,
  /** It could not be done: a file, a setting, a key or a database is missing or broken. */
  failed: 3,
} as const

/** Why a command could not be done; documented in docs/cli.md. */
export const CLI_FAILURES = {
  usage: EXIT.usage,
  file_unreadable: EXIT.failed,
  file_unwritable: EXIT.failed,
  file_malformed: EXIT.failed,
  policies_wrong: EXIT.failed,
  key_exposed: EXIT.failed,
  nothing_sealed: EXIT.failed,
} as const

export type CliFailureCode = keyof typeof CLI_FAILURES

/** The message is for whoever typed the command: what, where, what to do. It quotes no file and no secret. */
export class CliFailure extends Error {
  readonly code: CliFailureCode
  constructor(code: CliFailureCode, message: string) {
    super(message)
    this.name = 'CliFailure'
    this.code = code
  }
}

export function usageFailure(message: string): CliFailure {
  return new CliFailure('usage', message)
}

/** Why a file could not be opened, read or written, in the system's own word (ENOENT, EACCES). */
export function fileFailure(
  code: 'file_unreadable' | 'file_unwritable',
  file: string,
  error: unknown,
): CliFailure {
  const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason'
  const doing = code === 'file_unreadable' ? 'read' : 'written'
  return new CliFailure(code, `${file} cannot be ${doing} (${reason}): check its name and its permissions.`)
}

/** Whether the system said it, of a file: not whoever made what was to be written, or took what was read. */
export function isOfSystem(error: unknown): boolean {
  return error instanceof Error && 'code' in error && 'syscall' in error
}

export interface Explained {
  readonly exit: number
  readonly code: string
  readonly message: string
}

/** Errors of ours say themselves what to do. The text of others may quote a secret: only their names are shown. */
export function explain(error: unknown): Explained {
  if (error instanceof CliFailure)
    return { exit: CLI_FAILURES[error.code], code: error.code, message: error.message }
  if (error instanceof PortFailure || error instanceof ConfigError || error instanceof LunaDefendError)
    return { exit: EXIT.failed, code: error.code, message: error.message }
  if (error instanceof LunaDefendClientError) return explainCall(error)
  const name = error instanceof Error ? error.name : typeof error
  const code = error instanceof Error && 'code' in error ? ` ${String(error.code)}` : ''
  return { exit: EXIT.failed, code: 'internal', message: `Something failed on our side: ${name}${code}.` }
}

/** What to do when a call to the Tokenizer fails: its own words are for programs. */
const ADVICE: Partial<Record<ClientErrorCode, string>> = {
  unauthenticated:
    'It knows no operator of this id with this key. Compare --operator, the `kid` and the public half of the key with ' +
    '`operators` in its settings, --tokenizer with its `publicUrl`, and the clocks of both machines.',
  access_denied: 'Why, is in its audit log. A token that is not one of the app is refused, too.',
  tokenizer_unreachable: 'Nothing was done there. Check --tokenizer, or ask another node.',
  timed_out: 'Whether it was done, nobody knows: say it again, which does no harm.',
  unexpected_answer:
    'Whether it was done, nobody knows: is this a Tokenizer? `block list` shows what is stopped.',
}

/** What was said wrongly; the Tokenizer has done nothing. */
const MISSPOKEN: ReadonlySet<ClientErrorCode> = new Set([
  ...(['invalid_request', 'invalid_option', 'invalid_token', 'missing_token', 'invalid_session_id'] as const),
])

function explainCall({ code, message, requestId }: LunaDefendClientError): Explained {
  const request = requestId === undefined ? '' : ` Request ${requestId}.`
  const advice = ADVICE[code] === undefined ? '' : ` ${ADVICE[code]}`
  return {
    exit: MISSPOKEN.has(code) ? EXIT.usage : EXIT.failed,
    code,
    message: `${message}${advice}${request}`,
  }
}
