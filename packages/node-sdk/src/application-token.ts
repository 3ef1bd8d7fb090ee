import type { SessionId } from '@lunadefend/contract'
import { SignJWT } from 'jose'
import type { Settings } from './settings.ts'

/** The Tokenizer takes no longer life than this, in seconds. */
const LIFE_SECONDS = 300
/** Half of its life: the rest is for slow requests and for clocks that differ. */
const REUSE_SECONDS = 150
/** Signed tokens that are kept at most. The oldest goes first. */
const KEPT = 500

interface Kept {
  readonly token: string
  readonly signedAt: number
}

/** Signs what the caller proves itself with, and reuses it for a part of its life. */
export interface ApplicationTokens {
  /** A JWT (RFC 7519) for calls as itself, or, of an application, for the session `sid`. */
  get(sid?: SessionId): Promise<string>
  /** A revoked session refuses what was signed before. */
  forget(sid: SessionId): void
}

/** `now` gives milliseconds since 1970. */
export function applicationTokens(settings: Settings, now: () => number = Date.now): ApplicationTokens {
  const kept = new Map<SessionId | null, Kept>()
  return {
    async get(sid) {
      const seconds = Math.floor(now() / 1000)
      const known = kept.get(sid ?? null)
      // A clock that was set back leaves a token from the future, which nobody accepts.
      const age = known === undefined ? -1 : seconds - known.signedAt
      if (known !== undefined && age >= 0 && age < REUSE_SECONDS) return known.token
      const token = await sign(settings, seconds, sid)
      keep(kept, sid ?? null, { token, signedAt: seconds })
      return token
    },
    forget(sid) {
      kept.delete(sid)
    },
  }
}

function keep(kept: Map<SessionId | null, Kept>, sid: SessionId | null, entry: Kept): void {
  kept.delete(sid)
  kept.set(sid, entry)
  const [oldest] = kept.keys()
  if (kept.size > KEPT && oldest !== undefined) kept.delete(oldest)
}

function sign(
  { id, role, key, tokenizerUrl }: Settings,
  iat: number,
  sid: SessionId | undefined,
): Promise<string> {
  const claims = {
    iss: id,
    aud: tokenizerUrl,
    sub: role,
    iat,
    exp: iat + LIFE_SECONDS,
    ...(sid === undefined ? {} : { sid }),
  }
  return new SignJWT(claims)
    .setProtectedHeader({ typ: 'JWT', alg: key.alg, kid: key.kid })
    .sign(key.privateKey)
}
