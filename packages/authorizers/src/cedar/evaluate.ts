import { preparsePolicySet, statefulIsAuthorized } from '@cedar-policy/cedar-wasm/nodejs'
import type { Question, Verdict } from '@lunadefend/core'
import { wallClock } from '../circumstances.ts'
import { denial, ENGINE } from '../verdict.ts'
import { mentions, type Policy, type PolicySet, textsOf } from './policy-set.ts'
import { type CedarRequest, requestOf } from './request.ts'

export type Evaluate = (question: Question) => Verdict

/**
 * Makes a set of policies answer questions. `name` names it among those that this thread holds.
 *
 * Types are checked once, when policies are loaded: requests are put together by ourselves, of that type.
 */
export function evaluator({ policies, metadata }: PolicySet, timeZone: string, name = 'policies'): Evaluate {
  const parsed = preparsePolicySet(name, { staticPolicies: textsOf(policies) })
  if (parsed.type === 'failure') throw new Error('policies that were checked do not parse')
  const clock = wallClock(timeZone)
  const unread = COSTLY.filter((name) => !policies.some(({ json }) => mentions(json, name)))
  const byId = new Map(policies.map((policy) => [policy.id, policy]))
  return (question) => {
    const request = ask(question, clock, metadata)
    if (request === null) return denial(ENGINE.badQuestion)
    // A trap of the engine is not caught: it may have lost its memory, and a new thread has a new one.
    for (const name of unread) leaveOut(request, name)
    const answer = statefulIsAuthorized({ ...request, preparsedPolicySetId: name, validateRequest: false })
    return answer.type === 'failure' ? denial(ENGINE.badQuestion) : verdictOf(answer.response, byId)
  }
}

/** Reading these takes Cedar about as long as all else together. */
const COSTLY = ['now', 'network', 'createdAt'] as const

/** What no policy names no policy can tell from absent: policies are checked strictly, whole records among them. */
function leaveOut({ context, entities }: CedarRequest, name: string): void {
  delete context[name]
  for (const { attrs } of entities) delete attrs[name]
}

/** `null` = it does not fit what the policies were checked against. */
function ask(
  question: Question,
  clock: ReturnType<typeof wallClock>,
  metadata: PolicySet['metadata'],
): CedarRequest | null {
  try {
    const request = requestOf(question, clock(question.context.now), metadata)
    return isWellFormed(request) ? request : null
  } catch {
    return null
  }
}

/** The engine stops at a lone surrogate, and its thread with it: whoever names one would stop everybody's decisions. */
function isWellFormed(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed()
  return typeof value !== 'object' || value === null || Object.values(value).every(isWellFormed)
}

interface Response {
  readonly decision: 'allow' | 'deny'
  readonly diagnostics: {
    readonly reason: readonly string[]
    readonly errors: readonly { readonly policyId: string }[]
  }
}

function verdictOf({ decision, diagnostics }: Response, byId: ReadonlyMap<string, Policy>): Verdict {
  const [failed] = diagnostics.errors.map(({ policyId }) => policyId).sort()
  // Cedar leaves out a policy that fails. It may have been the one that forbids.
  if (failed !== undefined) return denial(failed)
  const deciding = diagnostics.reason.toSorted().flatMap((id) => byId.get(id) ?? [])
  const [first] = deciding
  if (decision === 'deny') return denial(first?.id ?? ENGINE.noPermit)
  return first === undefined ? denial(ENGINE.badAnswer) : widest(deciding, first)
}

/** Permits add up: what one of them shows is shown. */
function widest(deciding: readonly Policy[], first: Policy): Verdict {
  const shown = ({ mask }: Policy) => mask?.count ?? Number.POSITIVE_INFINITY
  const { id, mask } = deciding.reduce((best, policy) => (shown(policy) > shown(best) ? policy : best), first)
  return mask === null ? { kind: 'allow', policy: id } : { kind: 'mask', mask, policy: id }
}
