import type { Decision, Outcome } from '@lunadefend/core'
import { answered, type Command, noted } from './command.ts'
import { bind, type Step } from './statement.ts'
import { STATEMENTS } from './statements.ts'

type Spend = Extract<Decision, { kind: 'spend' }>

/**
 * As `Commits.decide`. The grants are locked first: then each statement sees the records and sessions as they are when
 * it is this caller's turn, not as they were when it began to wait.
 */
export function decide(decisions: readonly Decision[]): Command<Outcome[]> {
  const spends = decisions.filter((decision) => decision.kind === 'spend')
  const relocated = spends.filter(({ relocation }) => relocation !== null)
  return {
    locks: {
      ...(decisions.some(({ kind }) => kind !== 'refuse') ? { blocks: 'shared' } : {}),
      grants: spends.filter(({ uses }) => uses === 1).map(({ grantId }) => grantId),
      records: relocated.map(({ recordId }) => recordId),
    },
    steps: (writer) => decisions.map((decision) => stepOf(writer, decision)),
    answer: (answers) =>
      decisions.map((decision, index) =>
        decision.kind === 'refuse' ? decision.refusal : (answered(answers[index]) as Outcome),
      ),
  }
}

function stepOf(writer: string, decision: Decision): Step {
  if (decision.kind === 'refuse') {
    return bind(STATEMENTS.note, noted(writer, { ...decision.audit, refusal: decision.refusal }))
  }
  const { audit, stops } = decision
  if (decision.kind === 'admit') {
    return bind(STATEMENTS.admit, { stops, ...noted(writer, { ...audit, refusal: decision.refusal }) })
  }
  const { grantId, recordId, generation, tokenHash, usedFor, relocation } = decision
  return bind(statementFor(decision), {
    ...{ grantId, recordId, generation, tokenHash, usedFor, stops, ...relocation },
    ...noted(writer, { ...audit, refusal: null }),
  })
}

function statementFor({ uses, relocation }: Spend) {
  if (uses === 1) return relocation === null ? STATEMENTS.spend : STATEMENTS.spendAndRelocate
  return relocation === null ? STATEMENTS.check : STATEMENTS.checkAndRelocate
}
