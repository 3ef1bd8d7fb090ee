import type { AppId, SessionId } from '@lunadefend/contract'
import { SealBroken } from '../crypto/aead.ts'
import { checkChallenge, newChallenge } from '../crypto/challenge.ts'
import { lp } from '../crypto/encoding.ts'
import { digestOf, sessionHashOf } from '../crypto/identifiers.ts'
import { currentKey, keyOfVersion, oldestKey } from '../crypto/key-ring.ts'
import { newAccessToken } from '../crypto/random.ts'
import { openSession as openSeal, sealSession } from '../crypto/session-seal.ts'
import type { Caller, User } from '../domain/actor.ts'
import { type AuditEvent, allowed, refused } from '../domain/audit.ts'
import { SESSION_MS, type Session, TOMBSTONE_MS } from '../domain/session.ts'
import type { StepUpPassing } from '../ports.ts'
import { subjectFor, subjectOf } from './audit-trail.ts'
import { allSessionRefs } from './names.ts'
import type { Needs } from './needs.ts'
import { commitOnce } from './once.ts'
import { stopsOf } from './stops.ts'
import { watchRefusals } from './watch.ts'

type SessionNeeds = Pick<Needs, 'database' | 'keys' | 'clock'>

/** A challenge for one handshake: 120 seconds, stateless. `expiresAt` in Unix seconds. */
export function issueChallenge({ keys, clock }: SessionNeeds, app: AppId) {
  return newChallenge(currentKey(keys.ring.session, clock.now()).key, app, clock.now())
}

/** Whether the challenge was issued for this app and is still fresh: its expiry in Unix seconds, or `null`. */
export function challengeExpiry({ keys, clock }: SessionNeeds, app: AppId, challenge: string): number | null {
  for (const { key } of keys.ring.session) {
    const expiry = checkChallenge(key, app, challenge, clock.now())
    if (expiry !== null) return expiry
  }
  return null
}

/** What an assertion and its proof said, after every check of both. Times in Unix seconds. */
export interface VerifiedAssertion {
  readonly app: AppId
  readonly sid: SessionId
  /** The user, in the application's own words; `''` when it did not say. */
  readonly subject: string
  /** What the application says that the user is. */
  readonly roles: readonly string[]
  readonly issuedAt: number
  /** When the user showed who they are; `null` = the application does not say. */
  readonly authenticatedAt: number | null
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

/**
 * One commit uses up the challenge and writes the session. `null` = replayed, or the session was revoked. Of a user who
 * has logged in since a step-up was asked for, the session goes on.
 */
export async function openSession(
  needs: SessionNeeds,
  verified: VerifiedAssertion,
  { requestId, network }: Pick<Caller, 'requestId' | 'network'>,
): Promise<OpenedSession | null> {
  const { keys, clock, database } = needs
  const { app, sid, subject, roles } = verified
  const accessToken = newAccessToken()
  const { key, version } = currentKey(keys.ring.session, clock.now())
  const names = allSessionRefs(needs, app, sid)
  const sessionRef = names.find(({ sessionVersion }) => sessionVersion === version)?.sessionRef
  if (sessionRef === undefined) throw new Error('The key ring has no such session key.')
  // A rotation of the key is no change of user.
  const sessionHash = sessionHashOf(oldestKey(keys.ring.session).key, app, sid, subject)
  const expiresAt = clock.now() + SESSION_MS
  const row = { tokenHash: digestOf(accessToken), app, sessionRef, sessionHash, expiresAt }
  const about: SealedUser = { sid, subject, roles }
  const sealedSid = sealSession(key, accessToken, sealContext(row), JSON.stringify(about))
  const opening = {
    session: { ...row, sessionVersion: version, sealedSid },
    sessionRefs: names.map((name) => name.sessionRef),
    stops: stopsOf(needs, app, sid),
    challengeHash: digestOf(verified.challenge),
    challengeExpiresAt: verified.challengeExpiresAt * 1000,
    assertedAt: verified.issuedAt * 1000,
  }
  const who = { kind: 'user', app, sid, subject, network } as const
  const audit = allowed(subjectFor(needs, who, requestId, 'open-session', null))
  const outcome = await database.commit.openSession(opening, audit)
  if (outcome !== 'opened') {
    const refusal = UNRECORDED[outcome]
    if (refusal !== null) await database.commit.recordAudit([{ ...audit, refusal }])
    return null
  }
  if (verified.authenticatedAt !== null) {
    const authenticatedAt = verified.authenticatedAt * 1000
    const passing = { app, sessionRefs: opening.sessionRefs, authenticatedAt, tokenHash: row.tokenHash }
    await passStepUp(needs, passing, { ...audit, action: 'pass-step-up' })
  }
  return { accessToken, sessionHash, expiresAt: Math.floor(expiresAt / 1000) }
}

/** The commit itself says which block it was. Of the others it knows more than it writes: nothing of theirs is kept. */
const UNRECORDED = {
  'challenge-used': 'challenge-used',
  revoked: 'session-revoked',
  blocked: null,
} as const

/** More blocks than one session can have: of each setter and effect one. */
const MOST_BLOCKS = 100

/** Looked for first, so that a handshake costs no second commit where nothing was asked for. */
async function passStepUp(
  { database, clock }: SessionNeeds,
  passing: StepUpPassing,
  audit: AuditEvent,
): Promise<void> {
  const which = { refs: passing.sessionRefs, blockId: null, app: null, setBy: null }
  const blocks = await database.read((reader) => reader.findBlocks(which, clock.now(), MOST_BLOCKS))
  const asked = blocks.some(({ effect, since }) => effect === 'step-up' && since < passing.authenticatedAt)
  if (asked) await database.commit.passStepUp(passing, audit)
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
    const { key } = keyOfVersion(keys.ring.session, session.sessionVersion)
    const sealed = openSeal(key, accessToken, sealContext(session), session.sealedSid)
    const { sid, subject, roles }: SealedUser = JSON.parse(sealed)
    const { app, sessionHash, expiresAt } = session
    return { kind: 'user', app, sid, subject, roles, sessionHash, tokenHash, expiresAt }
  } catch (error) {
    if (error instanceof SealBroken) return null
    throw error
  }
}

/** What only the holder of the access token can have opened: it was sealed by `openSession`, so its form is known. */
type SealedUser = Pick<User, 'sid' | 'subject' | 'roles'>

/** Every column that matters is bound in: a row that was changed does not open. */
function sealContext({
  app,
  tokenHash,
  sessionRef,
  sessionHash,
  expiresAt,
}: Omit<Session, 'sealedSid' | 'sessionVersion'>): Buffer {
  return Buffer.concat([lp(app), tokenHash, sessionRef, lp(sessionHash), lp(String(expiresAt))])
}

/** Writes down that this session's credential came with a request that it is not for. */
export async function recordMisuse(
  needs: SessionNeeds & Pick<Needs, 'limiter' | 'watch'>,
  caller: Caller<User>,
  refusal: 'not-the-frame' | 'not-for-users',
): Promise<void> {
  const misuse = refused(subjectOf(needs, caller, 'use-session', null), refusal)
  await needs.database.commit.recordAudit([misuse])
  await watchRefusals(needs, caller, caller.actor.sid, [refusal])
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
  const asked: Caller = { ...caller, actor: { ...caller.actor, sid } }
  const audit = allowed(subjectOf(needs, asked, 'revoke-session', null))
  const tombstones = allSessionRefs(needs, app, sid).map((name) => ({
    ...name,
    app,
    revokedAt,
    expiresAt: revokedAt + TOMBSTONE_MS,
  }))
  await commitOnce(
    needs,
    caller,
    (commit) => commit.revokeSession(tombstones, audit),
    () => null,
  )
}
