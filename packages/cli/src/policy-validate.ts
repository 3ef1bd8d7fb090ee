import { checkPolicies } from '@lunadefend/authorizers/workbench'
import { command } from './command.ts'
import { policyFailure } from './policy-failure.ts'

export const policyValidate = command({
  words: 'policy validate',
  does: 'reads Cedar policies as the Tokenizer does, and says what is wrong with them',
  operands: ['<policies>'],
  options: {},
  async run({ operands: [path = ''] }) {
    const check = await checkPolicies(path).catch(policyFailure)
    const { policies, readsMetadata, warnings, problems } = check
    const isGood = problems.length === 0
    const sum = `${policies.length} policies, ${readsMetadata ? 'which read' : 'none of which reads'} metadata: ${policies.join(', ')}`
    const lines = [...(isGood ? [sum] : problems), ...warnings.map((warning) => `warning: ${warning}`)]
    return { isGood, json: check, text: lines.join('\n') }
  },
})
