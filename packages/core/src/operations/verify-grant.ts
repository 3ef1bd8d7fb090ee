import type { Access, SessionId, TokenId } from '@lunadefend/contract'
import type { Caller } from '../domain/actor.ts'
import { refusalOf } from '../domain/grant.ts'
import type { Decision } from '../ports.ts'
import { subjectOf } from './audit-trail.ts'
import { type FoundGrant, lookUpGrants } from './look-up.ts'
import type { Needs } from './needs.ts'
import { commitDecisions } from './permit.ts'
import { mapLimited } from './result.ts'

export interface VerifyGrantCommand {
  readonly sid: SessionId
  readonly tokens: readonly TokenId[]
  readonly access: Access
  /** Whether a valid answer counts as a use. */
  readonly consume: boolean
}

const WIDTH = 16

/**
 * Whether the session holds the grant, token by token. For `store` it also means that the value arrived: the object
 * store is asked once, then it is remembered. Unknown and foreign tokens are `false`, as a missing grant is.
 */
export async function verifyGrant(
  needs: Needs,
  caller: Caller,
  command: VerifyGrantCommand,
): Promise<boolean[]> {
  const asked: Caller = { ...caller, actor: { ...caller.actor, sid: command.sid } }
  const found = await lookUpGrants(needs, caller.actor.app, command.sid, command.tokens, command.access)
  if (command.access === 'read') return decide(needs, asked, found, command, new Set())
  return decide(needs, asked, found, command, await proveStored(needs, asked, found))
}

/** Tokens whose object is missing, among those that have not been seen before. */
async function proveStored(
  needs: Needs,
  caller: Caller,
  found: readonly FoundGrant[],
): Promise<Set<TokenId>> {
  const { objectStore, keys, clock, database } = needs
  const unseen = found.filter(
    (item) => item.record?.storedAt === null && refusalOf(item.record, item.grant, clock.now()) === null,
  )
  if (unseen.length === 0) return new Set()
  const permits = await commitDecisions(needs, caller, unseen, { action: 'prove-stored', uses: 0 })
  const there = await mapLimited(permits, WIDTH, async (permit) => {
    if (permit === null) return false
    const { objectKey, keys: dataKeys } = await permit.open(keys)
    return (await objectStore.head(objectKey, dataKeys.sseKey)) !== null
  })
  const seen = unseen.flatMap(({ record }, index) => (there[index] && record ? [record.recordId] : []))
  if (seen.length > 0) await database.commit.markStored(seen, clock.now())
  return new Set(unseen.flatMap(({ token }, index) => (there[index] ? [] : [token])))
}

async function decide(
  needs: Pick<Needs, 'database' | 'keys' | 'clock'>,
  caller: Caller,
  found: readonly FoundGrant[],
  { consume }: VerifyGrantCommand,
  missing: ReadonlySet<TokenId>,
): Promise<boolean[]> {
  const decisions = found.map(({ token, record, grant }): Decision => {
    const audit = subjectOf(needs, caller, 'verify-grant', token)
    const refusal = refusalOf(record, grant, audit.at) ?? (missing.has(token) ? 'not-stored' : null)
    if (refusal !== null || !record || !grant)
      return { kind: 'refuse', refusal: refusal ?? 'no-grant', audit }
    const { recordId, generation } = record
    return {
      kind: 'spend',
      grantId: grant.grantId,
      recordId,
      generation,
      tokenHash: null,
      uses: consume ? 1 : 0,
      audit,
    }
  })
  return (await needs.database.commit.decide(decisions)).map((outcome) => outcome === null)
}
