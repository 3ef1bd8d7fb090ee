import type { AppId, TokenId } from '@lunadefend/contract'
import { digestOf } from '../crypto/identifiers.ts'
import { openMetadata } from '../crypto/record.ts'
import type { Actor, Caller } from '../domain/actor.ts'
import type { AuditSubject } from '../domain/audit.ts'
import { isMask, type PolicyAction, type Question, type Verdict } from '../domain/policy.ts'
import type { TokenRecord } from '../domain/record.ts'
import { operatorSubject, subjectOf } from './audit-trail.ts'
import { newSessionRef } from './names.ts'
import type { Needs } from './needs.ts'
import { isDamage, mapLimited } from './result.ts'

/** What the asking takes. */
export type AsksPolicies = Pick<Needs, 'keys' | 'clock' | 'authorizers' | 'limiter'>

/** What is to be done, and everywhere the same: by whom, and whether more than a mask was asked for. */
export interface Deed {
  readonly caller: Caller<Actor>
  /** Whose token it is. */
  readonly app: AppId
  readonly action: PolicyAction
  readonly full: boolean
}

/** To what it is to be done. */
export interface Matter {
  /** `null` = there is none yet. */
  readonly token: TokenId | null
  readonly record: TokenRecord | null
  readonly purpose: string | null
  /** Where there is no record yet. */
  readonly metadata?: Question['metadata']
}

const WIDTH = 32
const ALLOW: Verdict = { kind: 'allow', policy: null }
const DENY: Verdict = { kind: 'deny', policy: null }

/**
 * What the policies say of each matter, in order. They are asked outside of any transaction, and only about what the
 * grants allow: a verdict takes away, and gives nothing. Whatever cannot be asked is denied.
 */
export async function askPolicies(
  needs: AsksPolicies,
  deed: Deed,
  matters: readonly Matter[],
): Promise<readonly Verdict[]> {
  const { authorizers } = needs
  if (authorizers === null || matters.length === 0) return matters.map(() => ALLOW)
  const distinctTokens = await countTokens(needs, deed, matters)
  const questions = await mapLimited(matters, WIDTH, (matter) =>
    questionOn(needs, deed, matter, distinctTokens),
  )
  const verdicts = (await authorizers.decide(questions.filter((question) => question !== null))).values()
  return questions.map((question) => {
    const verdict = question === null ? DENY : (verdicts.next().value ?? DENY)
    return isMeant(verdict, deed.action) ? verdict : { kind: 'deny', policy: verdict.policy }
  })
}

/** Only a value that is read can be shown in part. Of everything else there is no part. */
function isMeant(verdict: Verdict, action: PolicyAction): boolean {
  return verdict.kind !== 'mask' || (action === 'detokenize' && isMask(verdict.mask))
}

/** `null` = its metadata, which a policy wants to see, is damaged. */
async function questionOn(
  needs: AsksPolicies,
  { caller, app, action, full }: Deed,
  matter: Matter,
  distinctTokens: number,
): Promise<Question | null> {
  const metadata = needs.authorizers?.readsMetadata ? await metadataOf(needs, matter) : null
  if (metadata === 'damaged') return null
  const subject = namesOf(needs, caller, app, action, matter.token)
  return {
    action,
    principal: principalOf(caller.actor, app, subject),
    token: { pseudonym: subject.token, createdAt: matter.record?.createdAt ?? null },
    metadata,
    context: { now: subject.at, network: caller.network, purpose: matter.purpose, full, distinctTokens },
  }
}

/** What they are called in the audit log. */
function namesOf(
  needs: AsksPolicies,
  caller: Caller<Actor>,
  app: AppId,
  action: PolicyAction,
  token: TokenId | null,
): AuditSubject {
  const { actor } = caller
  if (actor.kind === 'operator') return operatorSubject(needs, { ...caller, actor }, app, action, token)
  return subjectOf(needs, { ...caller, actor }, action, token)
}

function principalOf(actor: Actor, app: AppId, { session }: AuditSubject): Question['principal'] {
  const principal = { kind: actor.kind, app, session, subject: null, roles: [] }
  switch (actor.kind) {
    case 'user':
      return { ...principal, subject: actor.subject || null, roles: actor.roles }
    case 'operator':
      return { ...principal, subject: actor.id }
    case 'application':
      return principal
  }
}

/** Metadata has a key of its own: no data key is opened for it. */
async function metadataOf(
  { keys }: AsksPolicies,
  { record, metadata = null }: Matter,
): Promise<Question['metadata'] | 'damaged'> {
  if (record === null || record.sealedMetadata === null) return metadata
  try {
    return JSON.parse(await openMetadata(keys.root.prf, record, record.sealedMetadata))
  } catch (error) {
    if (isDamage(error)) return 'damaged'
    throw error
  }
}

const WINDOW_MS = 60_000
/** Nobody reads that many, and a policy need not tell more of them apart. */
const MOST = 10_000
const COUNTED: ReadonlySet<PolicyAction> = new Set(['detokenize', 'read-metadata'])

/** How many different tokens the session has asked for within a minute. Of a batch all count at once. */
async function countTokens(
  needs: AsksPolicies,
  { caller, action }: Deed,
  matters: readonly Matter[],
): Promise<number> {
  const { actor } = caller
  if (actor.kind === 'operator' || actor.sid === null || !COUNTED.has(action)) return 0
  const { sessionRef } = newSessionRef(needs, actor.app, actor.sid)
  const ref = digestOf(`policies/${Buffer.from(sessionRef).toString('hex')}`)
  const members = matters.flatMap(({ record }) => (record === null ? [] : [record.recordId]))
  const sets = [{ ref, members, windowMs: WINDOW_MS, most: MOST }]
  const taken = await needs.limiter.take({ buckets: [], sets, now: needs.clock.now() })
  if (taken.kind !== 'taken') return MOST + 1
  // A process that counts alone does not see what the others see: a policy that counts must not be fooled by that.
  return (taken.held[0] ?? 0) * (needs.limiter.where === 'local' ? 2 : 1)
}
