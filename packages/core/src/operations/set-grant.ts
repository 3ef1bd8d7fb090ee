import { type Access, type AppId, LunaDefendError, type SessionId, type TokenId } from '@lunadefend/contract'
import type { Caller } from '../domain/actor.ts'
import { type AuditEvent, allowed, refused } from '../domain/audit.ts'
import { type Grant, goneBecause } from '../domain/grant.ts'
import type { Commits, GrantRefusal } from '../ports.ts'
import { subjectOf } from './audit-trail.ts'
import { type Found, lookUpRecords } from './look-up.ts'
import { allGrantIds, newGrantId, newSessionRef, roomOf } from './names.ts'
import type { Needs } from './needs.ts'
import { commitOnce } from './once.ts'
import { type AsksPolicies, askPolicies } from './policies.ts'

export interface SetGrantCommand {
  readonly sid: SessionId
  readonly tokens: readonly TokenId[]
  readonly access: Access
  readonly ttlSeconds: number
  readonly maxUses: number | null
  readonly purpose: string | null
}

type SetGrantNeeds = Pick<Needs, 'database' | 'grants'> & AsksPolicies

/**
 * Grants all of the tokens or, when one is unknown, foreign or deleted, or a policy is against one, none: `null`. Else
 * when they expire, in ms.
 * Throws `too_many_grants`, having changed nothing, when the session would have more than it may.
 */
export async function setGrant(
  needs: SetGrantNeeds,
  caller: Caller,
  command: SetGrantCommand,
): Promise<number | null> {
  const { app } = caller.actor
  const found = await lookUpRecords(needs, app, command.tokens)
  const asked: Caller = { ...caller, actor: { ...caller.actor, sid: command.sid } }
  const judged = await judge(needs, asked, command, found)
  const refusals = judged.filter(({ refusal }) => refusal !== null)
  if (refusals.length > 0) {
    await needs.database.commit.recordAudit(refusals)
    return null
  }
  const expiresAt = needs.clock.now() + command.ttlSeconds * 1000
  const grants = found.map((item) => grantFor(needs, caller, command, item, expiresAt))
  const recordIds = grants.map(({ recordId }) => recordId)
  const room = roomOf(needs, app, command.sid, recordIds)
  const older = olderIds(needs, app, command, grants)
  const told = (refusal: GrantRefusal | null) => {
    if (refusal === 'too-many-grants') throw new LunaDefendError('too_many_grants')
    return refusal === null ? expiresAt : null
  }
  const run = (commit: Commits) => commit.setGrants(grants, older, judged, room)
  return told(await commitOnce(needs, caller, run, told))
}

/** What becomes of each token. Policies are asked when all of the records are there. */
async function judge(
  needs: SetGrantNeeds,
  caller: Caller,
  { purpose }: SetGrantCommand,
  found: readonly Found[],
): Promise<AuditEvent[]> {
  const subjects = found.map(({ token }) => subjectOf(needs, caller, 'set-grant', token))
  const known = subjects.map((subject, index): AuditEvent => {
    const record = found[index]?.record ?? null
    const refusal = record === null ? 'unknown-token' : goneBecause(record, subject.at)
    return { ...subject, refusal }
  })
  if (known.some(({ refusal }) => refusal !== null)) return known
  const deed = { caller, app: caller.actor.app, action: 'set-grant', full: false } as const
  const verdicts = await askPolicies(
    needs,
    deed,
    found.map((item) => ({ ...item, purpose })),
  )
  return subjects.map((subject, index) => {
    const verdict = verdicts[index]
    const named = { ...subject, policy: verdict?.policy ?? null }
    return verdict?.kind === 'allow' ? allowed(named) : refused(named, 'policy-denied')
  })
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
    usedFor: null,
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
