import { type AppId, LunaDefendError, type SessionId, type TokenId } from '@lunadefend/contract'
import { fingerprintOf, repeatRefOf } from '../crypto/identifiers.ts'
import { currentKey, keyOfVersion } from '../crypto/key-ring.ts'
import { newName } from '../crypto/random.ts'
import { openAnswer, sealAnswer } from '../crypto/repeat-seal.ts'
import type { Actor, Caller } from '../domain/actor.ts'
import { type AuditSubject, refused } from '../domain/audit.ts'
import { type Attempt, LEASE_MS, REPEATS_MS, type Told, toldBy } from '../domain/repeat.ts'
import { LeaseLost } from '../port-failure.ts'
import type { Commits, Repeat, RepeatName, Settlement } from '../ports.ts'
import { operatorSubject, subjectOf } from './audit-trail.ts'
import { lookUpRecords } from './look-up.ts'
import type { Needs } from './needs.ts'
import { stopsOf } from './stops.ts'

type OnceNeeds = Pick<Needs, 'database' | 'keys' | 'clock'>

/** A call as far as its repeats go. */
export interface KeyedCall {
  readonly idempotencyKey: string
  /** What is asked, as a text: equal texts are the same request. */
  readonly request: string
  /** What is named in it, for the row of audit of a repeat and for the blocks that stop it. */
  readonly app: AppId | null
  readonly sid: SessionId | null
  readonly tokens: readonly TokenId[]
  /** Whether a block stops it: what takes something back goes on. */
  readonly stoppable: boolean
}

/** `repeatOf` is the id of the request that was answered first; `null` = this one. */
export interface OnceByKey {
  readonly repeatOf: string | null
  readonly told: Told
}

/**
 * Does the work of a call, or repeats what it came to when it was done before under the same key by the same caller: an
 * application, a session, an operator. What the work throws is thrown; it is kept when it was a decision.
 *
 * @throws LunaDefendError `idempotency_key_in_use` while the first is under way, `idempotency_key_reused` for another
 * request under the same key; for a repeat what stops its caller now: `access_denied`, `step_up_required`.
 */
export async function onceByKey<A extends Actor>(
  needs: OnceNeeds,
  caller: Caller<A>,
  call: KeyedCall,
  work: (caller: Caller<A>) => Promise<unknown>,
): Promise<OnceByKey> {
  const names = namesOf(needs, caller.actor, call)
  const holder = newName()
  const now = needs.clock.now()
  const lease = { holder, now, leaseUntil: now + LEASE_MS, expiresAt: now + REPEATS_MS }
  const row = await needs.database.commit.claimRepeat({ names, ...lease })
  if (row.holder === holder) return { repeatOf: null, told: await carryOut(needs, caller, row, work) }
  const name = names.find(({ sessionVersion }) => sessionVersion === row.sessionVersion)
  const same = name !== undefined && Buffer.from(name.fingerprint).equals(row.fingerprint)
  if (!same) return refuse(needs, subjectFor(needs, caller, call), 'repeat-differs')
  if (row.answer === null || row.leaseUntil > now)
    return refuse(needs, subjectFor(needs, caller, call), 'repeat-under-way')
  await admit(needs, caller, call)
  return open(needs, row, row.answer)
}

/**
 * The one commit of an operation that has an effect. On behalf of a call with an idempotency key what the call comes to
 * is noted in the same transaction. `toldOf` says it, from what the commit answers, or throws it. `last: false` = the
 * operation goes on, and may have more to say.
 */
export async function commitOnce<R>(
  { database }: Pick<Needs, 'database'>,
  { attempt }: Pick<Caller<Actor>, 'attempt'>,
  run: (commit: Commits) => Promise<R>,
  toldOf: (result: R) => unknown,
  { last = true } = {},
): Promise<R> {
  if (attempt === undefined) return run(database.commit)
  const { ref, holder } = attempt
  let decided = false
  const note: Settlement['note'] = (result) => {
    const told = valueOrCode(() => toldOf(result as R))
    decided = told !== null
    return told && { answer: attempt.seal(told), last }
  }
  const result = await run(database.settling({ ref, holder, note }))
  attempt.settled = decided && last
  return result
}

function valueOrCode(toldOf: () => unknown): Told | null {
  try {
    return { value: toldOf() }
  } catch (error) {
    if (error instanceof LunaDefendError) return toldBy(error)
    throw error
  }
}

async function carryOut<A extends Actor>(
  needs: OnceNeeds,
  caller: Caller<A>,
  row: Repeat,
  work: (caller: Caller<A>) => Promise<unknown>,
): Promise<Told> {
  const { commit } = needs.database
  const attempt = attemptOf(needs, caller.requestId, row)
  try {
    const told = await toldBack(() => work({ ...caller, attempt }))
    await settle(commit, attempt, told)
    return told
  } catch (error) {
    if (error instanceof LeaseLost) throw new LunaDefendError('idempotency_key_in_use')
    // Nothing was decided, so that the same call may be made again. Where this fails the lease is waited for.
    await commit.releaseRepeat(attempt.ref, attempt.holder).catch(() => {})
    throw error
  }
}

async function toldBack(work: () => Promise<unknown>): Promise<Told> {
  try {
    return { value: await work() }
  } catch (error) {
    return codeOf(error)
  }
}

/** Throws the error when it is no decision. */
function codeOf(error: unknown): Told {
  const told = error instanceof LunaDefendError ? toldBy(error) : null
  if (told === null) throw error
  return told
}

async function settle(commit: Commits, attempt: Attempt, told: Told): Promise<void> {
  if (attempt.settled) return
  if (!(await commit.settleRepeat(attempt.ref, attempt.holder, attempt.seal(told)))) throw new LeaseLost()
  attempt.settled = true
}

/** What is kept of an answer: the request that it was given to, and what was told. */
interface Kept {
  readonly requestId: string
  readonly told: Told
}

function attemptOf({ keys }: OnceNeeds, requestId: string, row: Repeat): Attempt {
  const { ref, fingerprint, holder, sessionVersion } = row
  const seal = (told: Told) =>
    sealAnswer(
      keyOfVersion(keys.ring.session, sessionVersion).key,
      ref,
      fingerprint,
      JSON.stringify({ requestId, told }),
    )
  return { ref, holder, settled: false, seal }
}

function open(
  { keys }: OnceNeeds,
  { ref, fingerprint, sessionVersion }: Repeat,
  answer: Uint8Array,
): OnceByKey {
  const { requestId, told }: Kept = JSON.parse(
    openAnswer(keyOfVersion(keys.ring.session, sessionVersion).key, ref, fingerprint, answer),
  )
  return { repeatOf: requestId, told }
}

/** Under the current version of the key first. */
function namesOf({ keys, clock }: OnceNeeds, actor: Actor, call: KeyedCall): RepeatName[] {
  const owner = ownerOf(actor)
  const current = currentKey(keys.ring.session, clock.now()).version
  const request = `${actor.kind === 'operator' ? '' : (actor.sid ?? '')}\n${call.request}`
  const names = keys.ring.session.map(({ key, version }) => {
    const ref = repeatRefOf(key, owner, call.idempotencyKey)
    return { ref, fingerprint: fingerprintOf(key, ref, request), sessionVersion: version }
  })
  return names.toSorted((a, b) => Number(b.sessionVersion === current) - Number(a.sessionVersion === current))
}

/** Whose key it is: the same key of somebody else is another one. */
function ownerOf(actor: Actor): readonly string[] {
  switch (actor.kind) {
    case 'operator':
      return [actor.kind, actor.id, '']
    case 'application':
      return [actor.kind, actor.app, '']
    case 'user':
      return [actor.kind, actor.app, actor.sid]
  }
}

function subjectFor(needs: OnceNeeds, caller: Caller<Actor>, { app, sid, tokens }: KeyedCall): AuditSubject {
  const { actor } = caller
  const token = tokens.length === 1 ? (tokens[0] ?? null) : null
  if (actor.kind === 'operator') {
    return operatorSubject(needs, { ...caller, actor }, app, 'repeat-call', token, sid)
  }
  const asked = { ...actor, sid: sid ?? actor.sid } as Caller['actor']
  return subjectOf(needs, { ...caller, actor: asked }, 'repeat-call', token)
}

const CODES = {
  'repeat-differs': 'idempotency_key_reused',
  'repeat-under-way': 'idempotency_key_in_use',
} as const

async function refuse(
  { database }: OnceNeeds,
  subject: AuditSubject,
  refusal: keyof typeof CODES,
): Promise<never> {
  await database.commit.recordAudit([refused(subject, refusal)])
  throw new LunaDefendError(CODES[refusal])
}

/** A repeat decides nothing anew, but what is stopped by now gives nothing out. */
async function admit(needs: OnceNeeds, caller: Caller<Actor>, call: KeyedCall): Promise<void> {
  const audit = subjectFor(needs, caller, call)
  const stops = await stopsFor(needs, caller.actor, call)
  const [outcome] = await needs.database.commit.decide([{ kind: 'admit', refusal: null, stops, audit }])
  if (outcome === null) return
  throw new LunaDefendError(outcome === 'step-up' ? 'step_up_required' : 'access_denied')
}

async function stopsFor(needs: OnceNeeds, actor: Actor, { sid, tokens, stoppable }: KeyedCall) {
  if (actor.kind === 'operator' || !stoppable) return []
  const found = await lookUpRecords(needs, actor.app, tokens)
  const recordIds = found.flatMap(({ record }) => (record === null ? [] : [record.recordId]))
  return stopsOf(needs, actor.app, sid ?? actor.sid, recordIds)
}
