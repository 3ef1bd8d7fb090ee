import { LunaDefendError, parseSessionId, type SessionId } from '@lunadefend/contract'

/** The session that a body names. Text that is no well-formed Unicode would name others, too. Throws `invalid_request`. */
export function readSessionId(text: string): SessionId {
  const sid = parseSessionId(text)
  if (sid !== null) return sid
  throw new LunaDefendError(
    'invalid_request',
    'body/sessionId: must be 1 to 256 bytes of well-formed Unicode',
  )
}
