import type { AppId } from '@lunadefend/contract'
import type { PolicyAction, Question, Verdict } from '@lunadefend/core'
import { type Evaluate, evaluator } from '../cedar/evaluate.ts'
import { readPolicyFiles } from '../cedar/policy-files.ts'
import { type PolicySet, parsePolicySet } from '../cedar/policy-set.ts'
import { ACTION_NAMES } from '../circumstances.ts'
import { spelt } from '../shadow.ts'
import { type Path, type Told, tell } from './unknown.ts'

/** What an audit row says of a decision. */
export interface PastDecision {
  readonly at: number
  readonly requestId: string
  readonly app: string | null
  readonly actor: string
  readonly operator: string | null
  readonly action: string
  readonly session: string | null
  readonly user: string | null
  readonly token: string | null
  readonly refusal: string | null
}

export interface DryRunSettings {
  /** A folder of Cedar policies, or one file. */
  readonly policies: string
  /** @default 'UTC' */
  readonly timeZone?: string
}

/** What another set of policies would have decided. */
export interface DryRun {
  /** Decisions that policies were asked about. Others are not counted: grants had refused them already. */
  readonly decisions: number
  readonly same: number
  readonly differences: readonly Difference[]
  /** Decisions that depend on what an audit row does not have, or does not say. */
  readonly unsure: number
  /** On what: `principal.roles`, `resource.metadata`. */
  readonly dependsOn: readonly Path[]
}

/** Decisions that would have been others, all in the same way. */
export interface Difference {
  readonly action: string
  readonly actor: string
  readonly was: 'allow' | 'deny'
  /** `allow`, `deny`, `mask last:4`. */
  readonly would: string
  /** The policy that would have decided. */
  readonly policy: string | null
  readonly count: number
  /** Of the first of them. */
  readonly requestId: string
}

/** What policies said, by what stands in the row. What is not here they were not asked about. */
const SAID: ReadonlyMap<string | null, 'allow' | 'deny'> = new Map([
  [null, 'allow'],
  ['policy-denied', 'deny'],
])

/**
 * Asks policies about what has been decided already. A row does not have everything that policies may read: where the
 * answer depends on that, it is not guessed. Rejects with PolicyProblems when the policies are wrong.
 */
export async function dryRun(
  { policies, timeZone = 'UTC' }: DryRunSettings,
  rows: AsyncIterable<PastDecision> | Iterable<PastDecision>,
): Promise<DryRun> {
  const judge = judgeBy(parsePolicySet(await readPolicyFiles(policies)), timeZone)
  const differences = new Map<string, Difference>()
  const dependsOn = new Set<Path>()
  let [decisions, same, unsure] = [0, 0, 0]
  for await (const row of rows) {
    const was = SAID.get(row.refusal)
    if (was === undefined || !isAsked(row)) continue
    decisions += 1
    const { verdict, depends } = judge(row)
    // Whether all was shown, or a part, does not stand in a row.
    const isDoubtful = verdict === null || (was === 'allow' && verdict.kind === 'mask')
    if (isDoubtful) {
      unsure += 1
      for (const path of verdict === null ? depends : ['what was shown']) dependsOn.add(path)
    } else if (verdict.kind === was) same += 1
    else count(differences, row, was, verdict)
  }
  return { decisions, same, unsure, differences: [...differences.values()], dependsOn: [...dependsOn].sort() }
}

const KINDS = ['user', 'application', 'operator']

function isAsked({ action, actor, app }: PastDecision): boolean {
  return Object.hasOwn(ACTION_NAMES, action) && KINDS.includes(actor) && app !== null
}

function count(
  differences: Map<string, Difference>,
  { action: done, actor, requestId }: PastDecision,
  was: 'allow' | 'deny',
  verdict: Verdict,
): void {
  const { policy } = verdict
  const would = spelt(verdict)
  const action = ACTION_NAMES[done as PolicyAction]
  const key = JSON.stringify([action, actor, would, policy])
  const found = differences.get(key) ?? {
    action,
    actor,
    was,
    would,
    policy,
    count: 0,
    requestId,
  }
  differences.set(key, { ...found, count: found.count + 1 })
}

/** `null` = it cannot be told. */
interface Judgement {
  readonly verdict: Verdict | null
  readonly depends: readonly Path[]
}

/** What no row has. */
const NEVER: readonly Path[] = [
  ...['resource.createdAt', 'resource.metadata'],
  ...['context.network', 'context.purpose', 'context.distinctTokens', 'context.full'],
  ...['resource', 'context'],
]
const OF_USERS: readonly Path[] = ['principal', 'principal.subject', 'principal.roles']

/**
 * Every policy that depends on something unknown may apply or not. So they are asked twice: with all such permits left out
 * and all such forbids applied, and the other way round. What both say is so, whatever is unknown.
 */
function judgeBy(set: PolicySet, timeZone: string): (row: PastDecision) => Judgement {
  const pairs = new Map<string, Pair>()
  return (row) => {
    const key = row.actor === 'user' ? 'user' : 'other'
    const pair = pairs.get(key) ?? pairOf(set, timeZone, key)
    pairs.set(key, pair)
    const question = questionOf(row)
    return judgement(pair, pair.least(question), pair.most(question))
  }
}

interface Pair {
  readonly least: Evaluate
  readonly most: Evaluate
  readonly doubtful: readonly Told[]
}

function pairOf(set: PolicySet, timeZone: string, key: string): Pair {
  const unknown = new Set([...NEVER, ...(key === 'user' ? OF_USERS : [])])
  const told = set.policies.map((policy) => tell(policy, unknown))
  const [certain, doubtful] = [told.filter(isCertain), told.filter((each) => !isCertain(each))]
  const evaluate = (effect: 'permit' | 'forbid') => {
    const some = doubtful.filter(({ policy }) => policy.json.effect === effect)
    const policies = [...certain, ...some].map(({ policy }) => policy)
    return evaluator({ ...set, policies }, timeZone, `dry run of ${key} ${effect}`)
  }
  return { least: evaluate('forbid'), most: evaluate('permit'), doubtful }
}

function isCertain({ depends }: Told): boolean {
  return depends.length === 0
}

function judgement({ doubtful }: Pair, least: Verdict, most: Verdict): Judgement {
  const depends = doubtful.flatMap((told) => told.depends)
  const byDoubtful = doubtful.some(
    ({ policy }) => policy.json.effect === 'permit' && policy.id === most.policy,
  )
  // A permit that fails without its conditions says nothing of how it is with them.
  if (spelt(least) !== spelt(most) || (most.kind === 'deny' && byDoubtful)) return { verdict: null, depends }
  return { verdict: least, depends }
}

function questionOf({ at, app, actor, operator, action, session, token }: PastDecision): Question {
  return {
    action: action as PolicyAction,
    principal: {
      kind: actor as Question['principal']['kind'],
      app: app as AppId,
      subject: operator,
      roles: [],
      session,
    },
    token: { pseudonym: token, createdAt: null },
    metadata: null,
    context: { now: at, network: null, purpose: null, full: false, distinctTokens: 1 },
  }
}
