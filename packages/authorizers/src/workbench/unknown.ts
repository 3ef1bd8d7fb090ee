import { type Expr, type PolicyJson, policyToText } from '@cedar-policy/cedar-wasm/nodejs'
import type { Policy } from '../cedar/policy-set.ts'

/** `principal.roles`, `context.network`; `principal` = who it is. */
export type Path = string

/** A policy as far as it can be told without what is unknown. */
export interface Told {
  readonly policy: Policy
  /** What it reads that is unknown. Without any, the policy is as it was; else it applies at least where it did. */
  readonly depends: readonly Path[]
}

/** Leaves out each condition that reads something unknown: what is left applies wherever the policy would. */
export function tell(policy: Policy, unknown: ReadonlySet<Path>): Told {
  const { json } = policy
  const parts = json.conditions.flatMap(conjuncts)
  const readsOf = (part: unknown) => [...pathsIn(part)].filter((path) => unknown.has(path))
  const isNamed = json.principal.op === '==' || json.principal.op === 'in'
  const named = isNamed && unknown.has('principal') ? ['principal'] : []
  const depends = [...new Set([...named, ...parts.flatMap(readsOf)])]
  if (depends.length === 0) return { policy, depends }
  const relaxed: PolicyJson = {
    ...json,
    principal: named.length > 0 ? { op: 'All' } : json.principal,
    conditions: parts.filter((part) => readsOf(part).length === 0),
  }
  const written = policyToText(relaxed)
  if (written.type === 'failure') throw new Error('a policy without some of its conditions cannot be written')
  return { policy: { ...policy, json: relaxed, text: written.text }, depends }
}

type Clause = PolicyJson['conditions'][number]

/** All of a chain of && must hold: each is a condition of its own. */
function conjuncts(clause: Clause): Clause[] {
  const { kind, body } = clause
  if (kind === 'unless' || !('&&' in body)) return [clause]
  const { left, right } = body['&&'] as { left: Expr; right: Expr }
  return [left, right].flatMap((part) => conjuncts({ kind, body: part }))
}

/** Everything of principal, resource and context that is read. */
function* pathsIn(node: unknown): Generator<Path> {
  if (typeof node !== 'object' || node === null) return
  if (Array.isArray(node)) {
    for (const inner of node) yield* pathsIn(inner)
    return
  }
  for (const [key, inner] of Object.entries(node)) {
    if (key === 'Var') yield String(inner)
    else if (key === 'Value') continue
    else {
      const path = pathOf(key, inner)
      if (path === null) yield* pathsIn(inner)
      else if (path !== '') yield path
    }
  }
}

/** `''` = what is asked is no attribute: of what kind it is, which is known. `null` = look inside. */
function pathOf(key: string, inner: unknown): Path | null {
  const { left, attr, in: within } = (inner ?? {}) as { left?: unknown; attr?: unknown; in?: unknown }
  const variable = (left as { Var?: unknown } | undefined)?.Var
  if (typeof variable !== 'string') return null
  if (key === 'is') return within === undefined ? '' : null
  if (key !== '.' && key !== 'has') return null
  return `${variable}.${String(Array.isArray(attr) ? attr[0] : attr)}`
}
