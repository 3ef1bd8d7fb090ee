import type { Access, AppId, SessionId, TokenId } from '@lunadefend/contract'
import type { Caller } from '../domain/actor.ts'
import { allowed, refused } from '../domain/audit.ts'
import { type Grant, goneBecause } from '../domain/grant.ts'
import { subjectOf } from './audit-trail.ts'
import { type Found, lookUpRecords } from './look-up.ts'
import { allGrantIds, newGrantId, newSessionRef } from './names.ts'
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
  const refusals = found.flatMap(({ token, record }) => {
    const refusal = record === null ? 'unknown-token' : goneBecause(record, needs.clock.now())
    return refusal === null ? [] : [refused(subject(token), refusal)]
  })
  if (refusals.length > 0) {
    await needs.database.commit.recordAudit(refusals)
    return null
  }
  const expiresAt = needs.clock.now() + command.ttlSeconds * 1000
  const grants = found.map((item) => grantFor(needs, caller, command, item, expiresAt))
  await needs.database.commit.setGrants(
    grants,
    olderIds(needs, app, command, grants),
    command.tokens.map((token) => allowed(subject(token))),
  )
  return expiresAt
}

function grantFor(
  needs: SetGrantNeeds,
  { actor: { app } }: Caller,
  { sid, access, maxUses, purpose }: SetGrantCommand,
  { token, record }: Found,
  expiresAt: number,
): Grant {
  if (record === null) throw new TypeError('A grant needs a record.')
  return {
    ...newGrantId(needs, app, sid, token, access),
    ...newSessionRef(needs, app, sid),
    app,
    recordId: record.recordId,
    access,
    expiresAt,
    maxUses,
    uses: 0,
    purpose,
  }
}

/** The same grants under other versions of the key: an older one must not outlive the one that replaces it. */
function olderIds(
  needs: SetGrantNeeds,
  app: AppId,
  { sid, tokens, access }: SetGrantCommand,
  grants: readonly Grant[],
): Uint8Array[] {
  if (needs.keys.ring.grant.length === 1) return []
  const present = new Set(grants.map(({ grantId }) => Buffer.from(grantId).toString('hex')))
  const ids = tokens.flatMap((token) => allGrantIds(needs, app, sid, token, access))
  return ids.filter((id) => !present.has(id.toString('hex')))
}
