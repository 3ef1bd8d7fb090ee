import type { Access, SessionId, TokenId } from '@lunadefend/contract'
import { grantIdOf, sessionRefOf } from '../crypto/identifiers.ts'
import type { Caller } from '../domain/actor.ts'
import { allowed, refused } from '../domain/audit.ts'
import type { Grant } from '../domain/grant.ts'
import { subjectOf } from './audit-trail.ts'
import { type Found, lookUpRecords } from './look-up.ts'
import type { Needs } from './needs.ts'

export interface SetGrantCommand {
  readonly sid: SessionId
  readonly tokens: readonly TokenId[]
  readonly access: Access
  readonly ttlSeconds: number
  readonly maxUses: number | null
  readonly purpose: string | null
}

type SetGrantNeeds = Pick<Needs, 'database' | 'keys' | 'clock'>

/** Grants all of the tokens or, when one is unknown, foreign or deleted, none: `null`. Else when they expire, in ms. */
export async function setGrant(
  needs: SetGrantNeeds,
  caller: Caller,
  command: SetGrantCommand,
): Promise<number | null> {
  const { app } = caller.actor
  const found = await lookUpRecords(needs, app, command.tokens)
  const actor = { ...caller.actor, sid: command.sid } as const
  const subject = (token: TokenId) => subjectOf(needs, { ...caller, actor }, 'set-grant', token)
  const missing = found.filter(({ record }) => record === null || record.deletedAt !== null)
  if (missing.length > 0) {
    await needs.database.commit.recordAudit(
      missing.map(({ token, record }) =>
        refused(subject(token), record === null ? 'unknown-token' : 'token-deleted'),
      ),
    )
    return null
  }
  const expiresAt = needs.clock.now() + command.ttlSeconds * 1000
  const grants = found.map((item) => grantFor(needs, caller, command, item, expiresAt))
  await needs.database.commit.setGrants(
    grants,
    command.tokens.map((token) => allowed(subject(token))),
  )
  return expiresAt
}

function grantFor(
  { keys }: SetGrantNeeds,
  { actor: { app } }: Caller,
  { sid, access, maxUses, purpose }: SetGrantCommand,
  { token, record }: Found,
  expiresAt: number,
): Grant {
  if (record === null) throw new TypeError('A grant needs a record.')
  return {
    grantId: grantIdOf(keys.ring.grant, app, sid, token, access),
    app,
    sessionRef: sessionRefOf(keys.ring.session, app, sid),
    recordId: record.recordId,
    access,
    expiresAt,
    maxUses,
    uses: 0,
    purpose,
  }
}
