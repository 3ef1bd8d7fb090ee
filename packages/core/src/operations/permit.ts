import type { TokenId } from '@lunadefend/contract'
import { openRecord } from '../crypto/record.ts'
import type { Caller } from '../domain/actor.ts'
import type { Action } from '../domain/audit.ts'
import { refusalOf } from '../domain/grant.ts'
import type { TokenRecord } from '../domain/record.ts'
import type { Decision } from '../ports.ts'
import { subjectOf } from './audit-trail.ts'
import type { FoundGrant } from './look-up.ts'
import type { Keys, Needs } from './needs.ts'

/**
 * The proof that a decision was committed, with its audit row. Only `commitDecisions` makes one, and no data key is
 * opened without one: record first, reveal second.
 */
class Permit {
  readonly #token: TokenId
  readonly #record: TokenRecord
  constructor(token: TokenId, record: TokenRecord) {
    this.#token = token
    this.#record = record
  }

  /** The keys of the value. Throws SealBroken when the record is damaged. */
  open(keys: Keys) {
    return openRecord(keys.root.prf, this.#record, this.#record, this.#token)
  }
}

export type { Permit }

/** What is decided: which action, and whether it counts as a use of the grant. */
export interface Ask {
  readonly action: Action
  readonly uses: 0 | 1
}

/** One commit for all of them. `null` = refused; the audit log says why. */
export async function commitDecisions(
  needs: Pick<Needs, 'database' | 'keys' | 'clock'>,
  caller: Caller,
  found: readonly FoundGrant[],
  ask: Ask,
): Promise<(Permit | null)[]> {
  const decisions = found.map((item) => decisionOn(needs, caller, item, ask))
  const outcomes = await needs.database.commit.decide(decisions)
  return found.map(({ token, record }, index) =>
    outcomes[index] === null && record !== null ? new Permit(token, record) : null,
  )
}

function decisionOn(
  needs: Pick<Needs, 'keys' | 'clock'>,
  caller: Caller,
  { token, record, grant }: FoundGrant,
  { action, uses }: Ask,
): Decision {
  const audit = subjectOf(needs, caller, action, token)
  const refusal = refusalOf(record, grant, audit.at)
  if (refusal !== null || record === null || grant === null) {
    return { kind: 'refuse', refusal: refusal ?? 'no-grant', audit }
  }
  const { recordId, generation } = record
  const tokenHash = caller.actor.kind === 'user' ? caller.actor.tokenHash : null
  return { kind: 'spend', grantId: grant.grantId, recordId, generation, tokenHash, uses, audit }
}
