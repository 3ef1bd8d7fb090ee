import type { Authorizers, Question, Verdict } from '@lunadefend/core'

export const ALLOW: Verdict = { kind: 'allow', policy: null }
export const LAST_FOUR: Verdict = { kind: 'mask', mask: { show: 'last', count: 4 }, policy: 'last-four' }

/** Policies that a test makes up as it goes. */
export interface MadeUpPolicies extends Authorizers {
  readsMetadata: boolean
  /** What is said of each question. */
  law: (question: Question) => Verdict
  /** What has been asked since it was last emptied. */
  readonly asked: Question[]
  /** Runs after the verdicts are made, and before anybody hears of them. */
  meanwhile: () => Promise<void>
}

export function madeUpPolicies(law: (question: Question) => Verdict = () => ALLOW): MadeUpPolicies {
  const policies: MadeUpPolicies = {
    readsMetadata: false,
    law,
    asked: [],
    meanwhile: async () => {},
    async decide(questions) {
      policies.asked.push(...questions)
      const verdicts = questions.map((question) => policies.law(question))
      await policies.meanwhile()
      return verdicts
    },
  }
  return policies
}

/** Denies one action, and nothing else. */
export function against(action: Question['action']): (question: Question) => Verdict {
  return (question) => (question.action === action ? { kind: 'deny', policy: `no-${action}` } : ALLOW)
}
