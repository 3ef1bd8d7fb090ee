import { type AppId, LunaDefendError, type SessionId, type TokenId } from '@lunadefend/contract'
import type { Caller, User } from '../domain/actor.ts'
import { type Action, refused } from '../domain/audit.ts'
import type { BudgetScope, LimitedAction, LimitScope, Rate } from '../domain/limits.ts'
import type { Bucket, DistinctSet, Taken } from '../domain/quota.ts'
import { subjectOf } from './audit-trail.ts'
import { countedRef } from './names.ts'
import type { Needs } from './needs.ts'

export type LimitNeeds = Pick<Needs, 'limiter' | 'limits' | 'keys' | 'clock'>

/** What is about to be done, as far as limits go. */
export interface LimitedCall {
  readonly action: LimitedAction
  /** What the audit log calls it; `null` = it has no name there, and a refusal is only counted. */
  readonly audit: Action | null
  /** The session that it is about; `null` = none. */
  readonly sid: SessionId | null
  /** It costs as much as there are; 1 when there are none. */
  readonly tokens: readonly TokenId[]
}

/** Why, and in how many milliseconds it is worth another try. */
export type Limited = Exclude<Taken, { kind: 'taken' }>

/** Over a limit: nothing was taken, and nothing is spent. */
export class TooManyRequests extends LunaDefendError {
  /** After so many whole seconds it is worth another try: `Retry-After` (RFC 9110, section 10.2.3). */
  readonly retrySeconds: number
  constructor({ retryMs }: Limited) {
    super('too_many_requests')
    this.retrySeconds = Math.max(1, Math.ceil(retryMs / 1000))
  }
}

/**
 * Whether somebody with a credential may go on: asked before the database is asked about any record. `null` = yes. Else
 * nothing was taken and nothing is spent; the audit log has the first refusal of a session in each second. Throws
 * `invalid_request` for more tokens than could ever be let through at once.
 */
export async function limitCaller(
  needs: LimitNeeds & Pick<Needs, 'database'>,
  caller: Caller,
  call: LimitedCall,
): Promise<Limited | null> {
  const buckets = bucketsOf(needs, caller, call)
  refuseImpossible(buckets, call)
  const sets = READS.has(call.action) && call.sid !== null ? [budgetOf(needs, caller, call, 'session')] : []
  const taken = await needs.limiter.take({ buckets, sets, now: needs.clock.now() })
  if (taken.kind === 'taken') return null
  await recordRefusal(needs, caller, call, taken)
  return taken
}

/** The same for somebody without one, by network. `network` `null` = not known: they share one. */
export async function limitStranger(
  needs: LimitNeeds,
  action: 'open-session' | 'bad-credential',
  network: string | null,
): Promise<Limited | null> {
  const rate = needs.limits(null).rates[action].network
  if (rate === undefined) return null
  const taken = await takeFrom(needs, [action, 'network', '', network ?? ''], rate)
  return taken.kind === 'taken' ? null : taken
}

/**
 * The same for somebody who holds the credential of a session and asks for what it is not for. It is counted apart: whose
 * cookie a page can have sent is not kept from what they may do.
 */
export async function limitMisuse(
  needs: LimitNeeds & Pick<Needs, 'database'>,
  caller: Caller<User>,
): Promise<Limited | null> {
  const { app, sid } = caller.actor
  const rate = needs.limits(app).rates.other.session
  if (rate === undefined) return null
  const taken = await takeFrom(needs, ['misuse', 'session', app, sid], rate)
  if (taken.kind === 'taken') return null
  await recordRefusal(needs, caller, { audit: 'use-session', sid, tokens: [] }, taken)
  return taken
}

/** From the one bucket of this name. */
export function takeFrom(
  needs: Pick<Needs, 'limiter' | 'keys' | 'clock'>,
  name: readonly string[],
  rate: Rate,
  cost = 1,
): Promise<Taken> {
  const bucket = { ref: countedRef(needs, name), ...rate, cost }
  return needs.limiter.take({ buckets: [bucket], sets: [], now: needs.clock.now() })
}

/** Only these give anything about a token away. What they take from others is taken later: see chargeReading. */
const READS: ReadonlySet<LimitedAction> = new Set(['detokenize', 'read-metadata'])

function bucketsOf(
  needs: LimitNeeds,
  { actor, network }: Caller,
  { action, sid, tokens }: LimitedCall,
): Bucket[] {
  const { app } = actor
  const rates = needs.limits(app).rates[action]
  const cost = Math.max(1, tokens.length)
  const bucket = (scope: LimitScope, name: string, price: number): Bucket[] => {
    const rate: Rate | undefined = rates[scope]
    if (rate === undefined) return []
    return [{ ref: countedRef(needs, [action, scope, app, name], scope === 'token'), ...rate, cost: price }]
  }
  return [
    ...bucket('app', isOwnBusiness(actor, action) ? 'server' : '', cost),
    ...(sid === null ? [] : bucket('session', sid, cost)),
    ...(actor.kind === 'user' ? bucket('network', network ?? '', cost) : []),
    ...(READS.has(action) ? [] : tokens.flatMap((token) => bucket('token', token, 1))),
  ]
}

/** What an app's server does for the app: its users must not use up what it needs to stop one of them. */
function isOwnBusiness({ kind }: Caller['actor'], action: LimitedAction): boolean {
  return kind === 'application' && action === 'other'
}

/** Different tokens that an app, or a session of it, has asked for. */
export function budgetOf(
  needs: LimitNeeds,
  { actor: { app } }: Caller,
  { sid, tokens }: Pick<LimitedCall, 'sid' | 'tokens'>,
  scope: BudgetScope,
): DistinctSet {
  const { most, seconds } = needs.limits(app).budgets[scope]
  const name = scope === 'session' ? (sid ?? '') : ''
  const ref = countedRef(needs, ['budget', scope, app, name, String(seconds)])
  return { ref, members: membersOf(needs, app, tokens), windowMs: seconds * 1000, most }
}

export function membersOf(needs: Pick<Needs, 'keys'>, app: AppId, tokens: readonly TokenId[]): Uint8Array[] {
  return tokens.map((token) => countedRef(needs, ['member', app, token], true).subarray(0, 16))
}

/** It would be refused for ever; whoever asks must hear what to do. */
function refuseImpossible(buckets: readonly Bucket[], { tokens }: LimitedCall): void {
  const least = Math.min(...buckets.map(({ burst, cost }) => (cost > 1 ? burst : Number.POSITIVE_INFINITY)))
  if (tokens.length <= least) return
  throw new LunaDefendError(
    'invalid_request',
    `body/tokenIds: at most ${least} tokens are let through at once`,
  )
}

/** So that a flood of refusals does not become a flood of rows. */
const ROWS: Rate = { burst: 1, perSecond: 1 }

export async function recordRefusal(
  needs: LimitNeeds & Pick<Needs, 'database'>,
  caller: Caller,
  { audit, sid, tokens }: Omit<LimitedCall, 'action'>,
  { kind }: Limited,
): Promise<void> {
  if (audit === null) return
  const first = await takeFrom(needs, ['refusals', 'session', caller.actor.app, sid ?? ''], ROWS)
  if (first.kind !== 'taken') return
  const [token = null] = tokens.length === 1 ? tokens : []
  const about: Caller = { ...caller, actor: { ...caller.actor, sid } as Caller['actor'] }
  const subject = { ...subjectOf(needs, about, audit, token), count: Math.max(1, tokens.length) }
  await needs.database.commit.recordAudit([refused(subject, kind)])
}
