import type { Access, SessionId, TokenId } from '@lunadefend/contract'
import { currentKey } from '../crypto/key-ring.ts'
import { openRecord } from '../crypto/record.ts'
import type { Caller } from '../domain/actor.ts'
import type { Action, Refusal } from '../domain/audit.ts'
import { refusalOf } from '../domain/grant.ts'
import type { TokenRecord } from '../domain/record.ts'
import type { Decision, Relocation } from '../ports.ts'
import { subjectOf } from './audit-trail.ts'
import { type FoundGrant, lookUpGrants } from './look-up.ts'
import { newLocator } from './names.ts'
import type { Keys, Needs } from './needs.ts'

/**
 * The proof that a decision was committed, with its audit row. Only `commitDecisions` makes one, and no data key is
 * opened without one: record first, reveal second.
 */
class Permit {
  readonly #token: TokenId
  readonly record: TokenRecord
  constructor(token: TokenId, record: TokenRecord) {
    this.#token = token
    this.record = record
  }

  /** The keys of the value. Throws SealBroken when the record is damaged. */
  open(keys: Keys) {
    return openRecord(keys.root.prf, this.record, this.record, this.#token)
  }
}

export type { Permit }

/** What is decided: for which grant, which action, and whether it counts as a use. */
export interface Ask {
  readonly sid: SessionId
  readonly access: Access
  readonly action: Action
  readonly uses: 0 | 1
  /** What else speaks against it. */
  readonly objection?: (found: FoundGrant) => Refusal | null
}

type Decides = Pick<Needs, 'database' | 'keys' | 'clock'>

/** A record that is sealed anew that often while one call looks at it is not met by honest work. */
const ATTEMPTS = 8

/** One commit for all of them. `null` = refused; the audit log says why. */
export async function commitDecisions(
  needs: Decides,
  caller: Caller,
  found: readonly FoundGrant[],
  ask: Ask,
): Promise<(Permit | null)[]> {
  const permits: (Permit | null)[] = found.map(() => null)
  let open = found.map((item, place) => ({ item, place }))
  for (let attempt = 1; open.length > 0; attempt += 1) {
    const decisions = open.map(({ item }) => decisionOn(needs, caller, item, ask, attempt > ATTEMPTS))
    const outcomes = await needs.database.commit.decide(decisions)
    for (const [index, { item, place }] of open.entries()) {
      if (outcomes[index] === null && item.record !== null)
        permits[place] = new Permit(item.token, item.record)
    }
    open = await lookAgain(
      needs,
      caller,
      ask,
      open.filter((_, index) => outcomes[index] === 'stale'),
    )
  }
  return permits
}

interface Placed {
  readonly item: FoundGrant
  readonly place: number
}

async function lookAgain(
  needs: Decides,
  caller: Caller,
  ask: Ask,
  stale: readonly Placed[],
): Promise<Placed[]> {
  if (stale.length === 0) return []
  const tokens = stale.map(({ item }) => item.token)
  const found = await lookUpGrants(needs, caller.actor.app, ask.sid, tokens, ask.access)
  return found.map((item, index) => ({ item, place: stale[index]?.place ?? 0 }))
}

function decisionOn(
  needs: Pick<Needs, 'keys' | 'clock'>,
  caller: Caller,
  found: FoundGrant,
  { action, uses, objection }: Ask,
  giveUp: boolean,
): Decision {
  const { token, record, grant } = found
  const audit = { ...subjectOf(needs, caller, action, token), generation: record?.generation ?? null }
  const refusal = refusalOf(record, grant, audit.at) ?? objection?.(found) ?? null
  if (refusal !== null || record === null || grant === null) {
    return { kind: 'refuse', refusal: refusal ?? 'no-grant', audit }
  }
  if (giveUp) return { kind: 'refuse', refusal: 'changed-meanwhile', audit }
  const { recordId, generation } = record
  const tokenHash = caller.actor.kind === 'user' ? caller.actor.tokenHash : null
  const relocation = relocationOf(needs, caller, token, record)
  return {
    kind: 'spend',
    grantId: grant.grantId,
    recordId,
    generation,
    tokenHash,
    uses,
    relocation,
    audit,
  }
}

/** The locator key moves row by row, as tokens are used: only with the token can the new locator be computed. */
function relocationOf(
  needs: Pick<Needs, 'keys' | 'clock'>,
  caller: Caller,
  token: TokenId,
  { locatorVersion }: TokenRecord,
): Relocation | null {
  const { version } = currentKey(needs.keys.ring.locator, needs.clock.now())
  return locatorVersion < version ? newLocator(needs, caller.actor.app, token) : null
}
