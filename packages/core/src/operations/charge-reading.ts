import type { SessionId, TokenId } from '@lunadefend/contract'
import type { Caller } from '../domain/actor.ts'
import type { Action } from '../domain/audit.ts'
import type { Bucket, DistinctSet } from '../domain/quota.ts'
import { budgetOf, type LimitNeeds, membersOf, recordRefusal, TooManyRequests } from './limit-caller.ts'
import { countedRef } from './names.ts'
import type { Needs } from './needs.ts'

/** What gives a value, or what is known of it, away; and as what it counts. */
const READINGS = {
  detokenize: 'detokenize',
  'read-metadata': 'read-metadata',
  'rekey-token': 'detokenize',
} as const satisfies Partial<Record<Action, keyof ReturnType<Needs['limits']>['rates']>>
type Reading = keyof typeof READINGS

export function isReading(action: Action): action is Reading {
  return action in READINGS
}

/** A token that somebody wants to read, and whether a grant lets them. */
export interface Wanted {
  readonly token: TokenId
  readonly granted: boolean
}

/**
 * Takes from what others need, too: the token's own limit, and the app's budget. Only who may read a token can do that;
 * else whoever has heard of it, or makes names up, could use up what those have who may. For the others as much is taken
 * from nobody, so that their time tells nothing. Throws TooManyRequests, before anything is spent.
 */
export async function chargeReading(
  needs: LimitNeeds & Pick<Needs, 'database'>,
  caller: Caller,
  sid: SessionId,
  action: Reading,
  wanted: readonly Wanted[],
): Promise<void> {
  const granted = wanted.filter((each) => each.granted).map(({ token }) => token)
  const others = wanted.filter((each) => !each.granted).map(({ token }) => token)
  const call = { audit: action, sid, tokens: granted }
  const sets = [
    ...(granted.length > 0 ? [budgetOf(needs, caller, call, 'app')] : []),
    ...(others.length > 0 ? [nobodysBudget(needs, caller, sid, others)] : []),
  ]
  const taken = await needs.limiter.take({
    buckets: [
      ...granted.flatMap((token) => tokenBucket(needs, caller, action, token)),
      ...others.flatMap((token) => tokenBucket(needs, caller, action, token, sid)),
    ],
    sets,
    now: needs.clock.now(),
  })
  if (taken.kind === 'taken') return
  await recordRefusal(needs, caller, { ...call, tokens: wanted.map(({ token }) => token) }, taken)
  throw new TooManyRequests(taken)
}

/** `owner` = the session whose own it is. */
function tokenBucket(
  needs: LimitNeeds,
  { actor: { app } }: Caller,
  action: Reading,
  ...names: readonly [TokenId] | readonly [TokenId, SessionId]
): Bucket[] {
  const counted = READINGS[action]
  const rate = needs.limits(app).rates[counted].token
  if (rate === undefined) return []
  return [{ ref: countedRef(needs, [counted, 'token', app, ...names], true), ...rate, cost: 1 }]
}

const SECOND_MS = 1000

/** It is never full, and forgotten at once. */
function nobodysBudget(
  needs: LimitNeeds,
  { actor: { app } }: Caller,
  sid: SessionId,
  tokens: readonly TokenId[],
): DistinctSet {
  const members = membersOf(needs, app, tokens)
  const ref = countedRef(needs, ['budget', 'nobody', app, sid])
  return { ref, members, windowMs: SECOND_MS, most: Number.MAX_SAFE_INTEGER }
}
