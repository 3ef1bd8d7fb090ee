import { type Access, LunaDefendError, type SessionId, type TokenId } from '@lunadefend/contract'
import { usedForOf } from '../crypto/identifiers.ts'
import { currentKey } from '../crypto/key-ring.ts'
import { openRecord } from '../crypto/record.ts'
import type { Caller } from '../domain/actor.ts'
import type { Action, AuditSubject, Refusal } from '../domain/audit.ts'
import { type Grant, refusalOf } from '../domain/grant.ts'
import type { Mask, PolicyAction, Verdict } from '../domain/policy.ts'
import type { TokenRecord } from '../domain/record.ts'
import type { Commits, Decision, Outcome, Relocation, Stops } from '../ports.ts'
import { subjectOf } from './audit-trail.ts'
import { chargeReading, isReading } from './charge-reading.ts'
import { type FoundGrant, lookUpGrants } from './look-up.ts'
import { newLocator } from './names.ts'
import type { Keys, Needs } from './needs.ts'
import { commitOnce } from './once.ts'
import { type AsksPolicies, askPolicies, type Deed } from './policies.ts'
import { raiseAlarm } from './raise-alarm.ts'
import { mapLimited } from './result.ts'
import { stopsOf } from './stops.ts'
import { watchReads, watchRefusals } from './watch.ts'

/**
 * The proof that a decision was committed, with its audit row. Only `commitDecisions` makes one, and no data key is
 * opened without one: record first, reveal second.
 */
class Permit {
  readonly #token: TokenId
  readonly record: TokenRecord
  /** The part of the value that may be shown; `null` = all of it. */
  readonly shown: Mask | null
  /** What the audit row says. */
  readonly audit: AuditSubject
  constructor(token: TokenId, record: TokenRecord, shown: Mask | null, audit: AuditSubject) {
    this.#token = token
    this.record = record
    this.shown = shown
    this.audit = audit
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
  /** What the token is used for, in the application's own words: that use may be repeated. @default each counts */
  readonly record?: string | null
  /** It is all that the call does: what is allowed is what it comes to. @default the call goes on */
  readonly once?: boolean
  /** As what the policies are asked about it. Without it grants alone decide. */
  readonly policy?: { readonly action: PolicyAction; readonly full: boolean }
  /** Hears of each refusal, its reason included. */
  readonly heard?: (refusal: Refusal, token: TokenId) => void
  /** What else speaks against it, once grants and policies allow it, or allow to show a part. */
  readonly objection?: (found: FoundGrant, shown: Mask | null) => Refusal | null | Promise<Refusal | null>
}

export type Decides = Pick<Needs, 'database' | 'limits'> & AsksPolicies

/** A record that is sealed anew that often while one call looks at it is not met by honest work. */
const ATTEMPTS = 8

/**
 * One commit for all of them, and for the alarm when one of them is a honeytoken. `null` = refused; the audit log says
 * why. Throws `step_up_required` when the session, and so all of them, must wait until its user has logged in again.
 */
export async function commitDecisions(
  needs: Decides,
  caller: Caller,
  found: readonly FoundGrant[],
  ask: Ask,
): Promise<(Permit | null)[]> {
  const permits: (Permit | null)[] = found.map(() => null)
  const stops = stopsOf(needs, caller.actor.app, ask.sid)
  let open = found.map((item, place) => ({ item, place }))
  for (let attempt = 1; open.length > 0; attempt += 1) {
    const items = open.map(({ item }) => item)
    const judgements = await judge(needs, caller, items, ask)
    const decisions = judgements.map((judged) =>
      decisionOn(needs, caller, judged, ask, stops, attempt > ATTEMPTS),
    )
    // Sent together, and in this order: what is decided here is what a usual token would get, in the time that it takes.
    const [outcomes] = await Promise.all([
      decideAll(needs, ask.once ? caller : {}, decisions),
      alarmOver(needs, caller, judgements, ask),
    ])
    for (const [index, { token }] of items.entries()) {
      const outcome = outcomes[index] ?? null
      if (outcome !== null && outcome !== 'stale') ask.heard?.(outcome, token)
    }
    if (outcomes.includes('step-up')) throw new LunaDefendError('step_up_required')
    for (const [index, { item, place }] of open.entries()) {
      const [judged, decision] = [judgements[index], decisions[index]]
      if (outcomes[index] === null && item.record !== null && judged && decision)
        permits[place] = new Permit(item.token, item.record, judged.shown, decision.audit)
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

/** All of them were stale where one was, and nothing is spent: the answer to a call is noted whole, in one commit. */
async function decideAll(
  needs: Pick<Needs, 'database'>,
  caller: Pick<Caller, 'attempt'>,
  decisions: readonly Decision[],
): Promise<Outcome[]> {
  const run = (commit: Commits) => commit.decide(decisions)
  try {
    return await commitOnce(needs, caller, run, allowedOf)
  } catch (error) {
    if (error instanceof Stale) return decisions.map(() => 'stale')
    throw error
  }
}

class Stale extends Error {}

function allowedOf(outcomes: readonly Outcome[]): boolean[] {
  if (outcomes.includes('stale')) throw new Stale()
  if (outcomes.includes('step-up')) throw new LunaDefendError('step_up_required')
  return outcomes.map((outcome) => outcome === null)
}

/**
 * The same for reading: who reads what, and what is refused, is watched. That takes no time of its own while nothing is
 * refused, and is over before the answer.
 */
export async function commitReading(
  needs: Decides & Pick<Needs, 'watch'>,
  caller: Caller,
  found: readonly FoundGrant[],
  ask: Ask,
): Promise<(Permit | null)[]> {
  const refusals: Refusal[] = []
  const decided = commitDecisions(needs, caller, found, {
    ...ask,
    heard: (refusal, token) => {
      refusals.push(refusal)
      ask.heard?.(refusal, token)
    },
  })
  const [permits] = await Promise.all([decided, watchReads(needs, caller, ask.sid, found)])
  await watchRefusals(needs, caller, ask.sid, refusals)
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

interface Judged {
  readonly found: FoundGrant
  readonly refusal: Refusal | null
  readonly policy: string | null
  readonly shown: Mask | null
  readonly usedFor: Uint8Array | null
  /** Grants and policies allow it: what the caller is told of an objection says so. */
  readonly couldRead?: boolean
}

const WIDTH = 32

/** Whoever may store a honeytoken has planted it. */
function isHit({ found, refusal }: Judged, { access }: Ask): boolean {
  const isPlanter = access === 'store' && refusal === null
  return found.honeytoken && !isPlanter
}

/** One for all honeytokens of a call: it is about the session. */
async function alarmOver(
  needs: Decides,
  caller: Caller,
  judgements: readonly Judged[],
  ask: Ask,
): Promise<void> {
  const hit = judgements.find((judged) => isHit(judged, ask))
  if (hit === undefined) return
  // An application that gives all of its values new keys is told of, since it could be a thief with its key, and goes on.
  const effect = ask.action === 'rekey-token' ? 'none' : 'freeze'
  await raiseAlarm(needs, caller, { kind: 'honeytoken', effect, sid: ask.sid, token: hit.found.token })
}

/** Grants first; policies hear of what those allow, and can only take away. */
async function judge(
  needs: Decides,
  caller: Caller,
  found: readonly FoundGrant[],
  { sid, action, policy, objection, record: place = null }: Ask,
): Promise<Judged[]> {
  const now = needs.clock.now()
  const granted = found.map((item) => {
    const usedFor = place === null || item.grant === null ? null : useOf(needs, item.grant, place)
    return { item, usedFor, refusal: refusalOf(item.record, item.grant, now, usedFor) }
  })
  if (isReading(action)) {
    const wanted = granted.map(({ item: { token }, refusal }) => ({ token, granted: refusal === null }))
    await chargeReading(needs, caller, sid, action, wanted)
  }
  const allowed = granted.flatMap(({ item, refusal }) => (refusal === null ? [item] : []))
  const verdicts =
    policy && new Map(await verdictsOn(needs, { caller, app: caller.actor.app, ...policy }, allowed))
  return mapLimited(granted, WIDTH, async ({ item, usedFor, refusal }) => {
    const verdict = verdicts?.get(item) ?? null
    const shown = verdict?.kind === 'mask' ? verdict.mask : null
    const judged = { found: item, usedFor, policy: verdict?.policy ?? null, shown }
    if (refusal !== null) return { ...judged, refusal }
    // Whoever was to be asked and has said nothing has not allowed it.
    if (policy && (verdict === null || verdict.kind === 'deny'))
      return { ...judged, refusal: 'policy-denied' }
    return { ...judged, refusal: (await objection?.(item, shown)) ?? null, couldRead: true }
  })
}

async function verdictsOn(
  needs: Decides,
  deed: Deed,
  allowed: readonly FoundGrant[],
): Promise<[FoundGrant, Verdict][]> {
  const matters = allowed.map(({ token, record, grant }) => ({
    token,
    record,
    purpose: grant?.purpose ?? null,
  }))
  const verdicts = await askPolicies(needs, deed, matters)
  return allowed.flatMap((item, index) => {
    const verdict = verdicts[index]
    return verdict === undefined ? [] : [[item, verdict]]
  })
}

function decisionOn(
  needs: Pick<Needs, 'keys' | 'clock'>,
  caller: Caller,
  { found, refusal, policy, usedFor, couldRead = false }: Judged,
  { action, uses }: Ask,
  stops: Stops,
  giveUp: boolean,
): Decision {
  const { token, record, grant, honeytoken } = found
  const generation = record?.generation ?? null
  const audit = { ...subjectOf(needs, caller, action, token), generation, policy }
  if (refusal !== null && record !== null && couldRead)
    return { kind: 'admit', refusal, stops: [...stops, record.recordId], audit }
  if (refusal !== null || record === null || grant === null) {
    return { kind: 'refuse', refusal: refusal ?? 'no-grant', audit }
  }
  if (giveUp) return { kind: 'refuse', refusal: 'changed-meanwhile', audit }
  const { recordId } = record
  const tokenHash = caller.actor.kind === 'user' ? caller.actor.tokenHash : null
  const relocation = relocationOf(needs, caller, token, record, honeytoken)
  return {
    kind: 'spend',
    grantId: grant.grantId,
    recordId,
    generation: record.generation,
    tokenHash,
    uses,
    usedFor,
    relocation,
    stops: [...stops, recordId],
    audit,
  }
}

/** Under the key that made the grant's id, so that it stays the same while the grant lives. */
function useOf({ keys, clock }: Pick<Needs, 'keys' | 'clock'>, grant: Grant, record: string): Uint8Array {
  const made = keys.ring.grant.find(({ version }) => version === grant.grantVersion)
  return usedForOf((made ?? currentKey(keys.ring.grant, clock.now())).key, grant.grantId, record)
}

/** The locator key moves row by row, as tokens are used: only with the token can the new locator be computed. */
function relocationOf(
  needs: Pick<Needs, 'keys' | 'clock'>,
  caller: Caller,
  token: TokenId,
  { locatorVersion }: TokenRecord,
  honeytoken: boolean,
): Relocation | null {
  const { version } = currentKey(needs.keys.ring.locator, needs.clock.now())
  return locatorVersion < version ? newLocator(needs, caller.actor.app, token, honeytoken) : null
}
