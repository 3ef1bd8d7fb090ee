import { createHash } from 'node:crypto'
import { parseSessionId, type SessionId } from '@lunadefend/contract'
import { LunaDefendClientError } from './client-error.ts'

const LABEL = 'lunadefend/v1/sid'

/**
 * The Tokenizer's name for one login: base64url(SHA-256(label ‖ 00 ‖ the application's own session id)).
 * The assertion passes through page script, so what it carries must not be a credential of the application.
 */
export function deriveSessionId(appSessionId: unknown): SessionId {
  if (typeof appSessionId !== 'string' || appSessionId.length === 0 || !appSessionId.isWellFormed()) {
    throw new LunaDefendClientError(
      'invalid_session_id',
      "The application's session id must be a text, not empty.",
    )
  }
  const hash = createHash('sha256').update(LABEL).update('\0').update(appSessionId, 'utf8')
  return hash.digest('base64url') as SessionId
}

/** What a caller gives as `sid`. */
export function checkSessionId(sid: unknown): SessionId {
  const parsed = typeof sid === 'string' ? parseSessionId(sid) : null
  if (parsed === null) {
    throw new LunaDefendClientError(
      'invalid_session_id',
      '`sid` must be a text of 1 to 256 bytes: use lunadefend.sid().',
    )
  }
  return parsed
}
