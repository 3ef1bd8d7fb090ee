import type { Decision, Outcome } from '@lunadefend/core'
import { stopOf } from './block-commands.ts'
import type { Inside } from './commands.ts'
import type { Statements } from './statements.ts'

type Spend = Extract<Decision, { kind: 'spend' }>
type Admit = Extract<Decision, { kind: 'admit' }>

/** As `Commits.decide`. */
export function decide({ statements, trail }: Inside, decisions: readonly Decision[]): Outcome[] {
  return decisions.map((decision) => {
    const outcome = decision.kind === 'refuse' ? decision.refusal : outcomeOf(statements, decision)
    if (outcome !== 'stale') trail.append(decision.audit, outcome)
    return outcome
  })
}

function outcomeOf(statements: Statements, decision: Spend | Admit): Outcome {
  const stop = stopOf(statements, decision.stops, decision.audit.at)
  if (stop !== null) return stop
  if (decision.kind === 'admit') return decision.refusal
  if (!isAllowed(statements, decision)) return isStale(statements, decision) ? 'stale' : 'changed-meanwhile'
  const { relocation, recordId } = decision
  if (relocation !== null) {
    statements.relocate.run(recordId, relocation.locator, relocation.locatorVersion)
  }
  return null
}

function isAllowed(statements: Statements, spend: Spend): boolean {
  const { grantId, recordId, generation, tokenHash, uses, usedFor, audit } = spend
  const bound = [grantId, recordId, audit.at, generation, tokenHash, usedFor] as const
  if (uses === 0) return statements.checkGrant.get(...bound) !== undefined
  return statements.spendGrant.run(...bound).changes === 1
}

// Looked up only for what is refused, so that what is allowed needs one statement.
function isStale(statements: Statements, spend: Spend): boolean {
  const { grantId, recordId, generation, tokenHash, usedFor, audit } = spend
  const { checkOtherGeneration } = statements
  return checkOtherGeneration.get(grantId, recordId, audit.at, generation, tokenHash, usedFor) !== undefined
}
