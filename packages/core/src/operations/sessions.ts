import { type AppId, parseSessionId, type SessionId } from '@lunadefend/contract'
import { SealBroken } from '../crypto/aead.ts'
import { checkChallenge, newChallenge } from '../crypto/challenge.ts'
import { lp } from '../crypto/encoding.ts'
import { digestOf, sessionHashOf, sessionRefOf } from '../crypto/identifiers.ts'
import { newAccessToken } from '../crypto/random.ts'
import { openSession as openSeal, sealSession } from '../crypto/session-seal.ts'
import type { Actor, Caller } from '../domain/actor.ts'
import { allowed } from '../domain/audit.ts'
import { SESSION_MS, type Session, TOMBSTONE_MS } from '../domain/session.ts'
import { subjectFor, subjectOf } from './audit-trail.ts'
import type { Needs } from './needs.ts'

export type User = Extract<Actor, { kind: 'user' }>
type SessionNeeds = Pick<Needs, 'database' | 'keys' | 'clock'>

/** A challenge for one handshake: 120 seconds, stateless. `expiresAt` in Unix seconds. */
export function issueChallenge({ keys, clock }: SessionNeeds, app: AppId) {
  return newChallenge(keys.ring.session, app, clock.now())
}

/** Whether the challenge was issued for this app and is still fresh: its expiry in Unix seconds, or `null`. */
export function challengeExpiry({ keys, clock }: SessionNeeds, app: AppId, challenge: string): number | null {
  return checkChallenge(keys.ring.session, app, challenge, clock.now())
}

/** What an assertion and its proof said, after every check of both. Times in Unix seconds. */
export interface VerifiedAssertion {
  readonly app: AppId
  readonly sid: SessionId
  /** The user, in the application's own words; `''` when it did not say. */
  readonly subject: string
  readonly issuedAt: number
  readonly challenge: string
  readonly challengeExpiresAt: number
}

/** A session as its frame gets to know it. */
export interface OpenedSession {
  readonly accessToken: string
  readonly sessionHash: string
  /** Unix seconds. */
  readonly expiresAt: number
}

/** One commit uses up the challenge and writes the session. `null` = replayed, or the session was revoked. */
export async function openSession(
  needs: SessionNeeds,
  verified: VerifiedAssertion,
  requestId: string,
): Promise<OpenedSession | null> {
  const { keys, clock, database } = needs
  const { app, sid, subject } = verified
  const accessToken = newAccessToken()
  const sessionHash = sessionHashOf(keys.ring.session, app, sid, subject)
  const expiresAt = clock.now() + SESSION_MS
  const row = {
    tokenHash: digestOf(accessToken),
    app,
    sessionRef: sessionRefOf(keys.ring.session, app, sid),
    sessionHash,
    expiresAt,
  }
  const session = { ...row, sealedSid: sealSession(keys.ring.session, accessToken, sealContext(row), sid) }
  const opening = {
    session,
    challengeHash: digestOf(verified.challenge),
    challengeExpiresAt: verified.challengeExpiresAt * 1000,
    assertedAt: verified.issuedAt * 1000,
  }
  const audit = allowed(subjectFor(needs, { kind: 'user', app, sid }, requestId, 'open-session', null))
  const outcome = await database.commit.openSession(opening, audit)
  return outcome === 'opened' ? { accessToken, sessionHash, expiresAt: Math.floor(expiresAt / 1000) } : null
}

/** The user behind an access token. `null` = no such session, expired, or its row was tampered with. */
export async function findUser(
  { database, keys, clock }: SessionNeeds,
  accessToken: string,
): Promise<User | null> {
  const tokenHash = digestOf(accessToken)
  const session = await database.read((reader) => reader.findSession(tokenHash))
  if (session === null || session.expiresAt <= clock.now()) return null
  try {
    const sid = parseSessionId(
      openSeal(keys.ring.session, accessToken, sealContext(session), session.sealedSid),
    )
    const { app, sessionHash, expiresAt } = session
    return sid && { kind: 'user', app, sid, sessionHash, tokenHash, expiresAt }
  } catch (error) {
    if (error instanceof SealBroken) return null
    throw error
  }
}

/** Every column that matters is bound in: a row that was changed does not open. */
function sealContext({
  app,
  tokenHash,
  sessionRef,
  sessionHash,
  expiresAt,
}: Omit<Session, 'sealedSid'>): Buffer {
  return Buffer.concat([lp(app), tokenHash, sessionRef, lp(sessionHash), lp(String(expiresAt))])
}

/** Logs out here. */
export async function closeSession(needs: SessionNeeds, caller: Caller<User>): Promise<void> {
  const audit = allowed(subjectOf(needs, caller, 'close-session', null))
  await needs.database.commit.closeSession(caller.actor.tokenHash, audit)
}

/** Ends a session everywhere, with its grants; assertions issued before are refused from now on. */
export async function revokeSession(needs: SessionNeeds, caller: Caller, sid: SessionId): Promise<void> {
  const { app } = caller.actor
  const revokedAt = needs.clock.now()
  const sessionRef = sessionRefOf(needs.keys.ring.session, app, sid)
  const asked: Caller = { ...caller, actor: { ...caller.actor, sid } }
  const audit = allowed(subjectOf(needs, asked, 'revoke-session', null))
  await needs.database.commit.revokeSession(
    { app, sessionRef, revokedAt, expiresAt: revokedAt + TOMBSTONE_MS },
    audit,
  )
}
