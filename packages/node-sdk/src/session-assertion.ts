import { randomBytes } from 'node:crypto'
import type { SessionId } from '@lunadefend/contract'
import { SignJWT } from 'jose'
import type { Settings } from './settings.ts'

const LIFE_SECONDS = 60

/** What one assertion says. */
export interface AssertionSubject {
  readonly sid: SessionId
  /** The application's opaque id of the user. */
  readonly subject: string | undefined
  /** What the user is, for policies. */
  readonly roles: readonly string[]
  /** When the user last showed who they are. */
  readonly authenticatedAt: Date | undefined
  /** The origin of the page that asks. */
  readonly origin: string
  /** RFC 7638 thumbprint of the frame's key. */
  readonly thumbprint: string
  readonly challenge: string
}

/** Signs that the holder of a key is in a session of this application. It is good for one minute and one use. */
export function signAssertion(
  { id, key, tokenizerUrl }: Settings,
  subject: AssertionSubject,
): Promise<string> {
  const iat = Math.floor(Date.now() / 1000)
  const claims = {
    iss: id,
    aud: tokenizerUrl,
    ...(subject.subject === undefined ? {} : { sub: subject.subject }),
    ...(subject.roles.length === 0 ? {} : { roles: subject.roles }),
    ...(subject.authenticatedAt && { auth_time: Math.floor(subject.authenticatedAt.getTime() / 1000) }),
    sid: subject.sid,
    iat,
    exp: iat + LIFE_SECONDS,
    jti: randomBytes(16).toString('base64url'),
    nonce: subject.challenge,
    origin: subject.origin,
    cnf: { jkt: subject.thumbprint },
  }
  const header = { typ: 'lunadefend-session+jwt', alg: key.alg, kid: key.kid }
  return new SignJWT(claims).setProtectedHeader(header).sign(key.privateKey)
}
