import type { Access, SessionId, TokenId } from '@lunadefend/contract'
import { storeKeyOf } from '../crypto/record.ts'
import type { Caller } from '../domain/actor.ts'
import { refusalOf } from '../domain/grant.ts'
import { type FoundGrant, lookUpGrants } from './look-up.ts'
import type { Needs } from './needs.ts'
import { commitDecisions, type Permit } from './permit.ts'
import { isDamage, mapLimited } from './result.ts'

export interface VerifyGrantCommand {
  readonly sid: SessionId
  readonly tokens: readonly TokenId[]
  readonly access: Access
  /** Whether a valid answer counts as a use. */
  readonly consume: boolean
  /** Where the tokens are to be stored, in the application's own words. Needs `consume`. */
  readonly record?: string | null
}

const WIDTH = 16

/**
 * Whether the session holds the grant, token by token. For `store` it also means that the value arrived: the object
 * store is asked once, then it is remembered. Unknown and foreign tokens are `false`, as a missing grant is.
 */
export async function verifyGrant(
  needs: Needs,
  caller: Caller,
  { sid, tokens, access, consume, record = null }: VerifyGrantCommand,
): Promise<boolean[]> {
  const asked: Caller = { ...caller, actor: { ...caller.actor, sid } }
  const found = await lookUpGrants(needs, caller.actor.app, sid, tokens, access)
  const missing = access === 'read' ? NONE : await findNotStored(needs, asked, sid, found)
  const objection = ({ token }: FoundGrant) => (missing.has(token) ? 'not-stored' : null)
  const ask = {
    sid,
    access,
    action: 'verify-grant',
    uses: consume ? 1 : 0,
    record,
    objection,
    once: true,
  } as const
  const permits = await commitDecisions(needs, asked, found, ask)
  return permits.map((permit) => permit !== null)
}

const NONE: ReadonlySet<TokenId> = new Set()

/** Tokens whose object is missing, among those that have not been seen before. */
async function findNotStored(
  needs: Needs,
  caller: Caller,
  sid: SessionId,
  found: readonly FoundGrant[],
): Promise<ReadonlySet<TokenId>> {
  const { database, clock } = needs
  const unseen = found.filter(
    ({ record, grant }) => record?.storedAt === null && refusalOf(record, grant, clock.now()) === null,
  )
  if (unseen.length === 0) return NONE
  const ask = { sid, access: 'store', action: 'prove-stored', uses: 0 } as const
  const permits = await commitDecisions(needs, caller, unseen, ask)
  const there = await mapLimited(permits, WIDTH, (permit) => isStored(needs, permit))
  const seen = permits.flatMap((permit, index) => (there[index] && permit ? [permit.record.recordId] : []))
  if (seen.length > 0) await database.commit.markStored(seen, clock.now())
  return new Set(unseen.flatMap(({ token }, index) => (there[index] ? [] : [token])))
}

async function isStored({ keys, objectStore }: Needs, permit: Permit | null): Promise<boolean> {
  if (permit === null) return false
  try {
    const opened = await permit.open(keys)
    return (await objectStore.head(opened.objectKey, storeKeyOf(opened))) !== null
  } catch (error) {
    // One damaged record must not hide a page of good ones.
    if (isDamage(error)) return false
    throw error
  }
}
