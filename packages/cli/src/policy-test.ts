import { testPolicies } from '@lunadefend/authorizers/workbench'
import { command } from './command.ts'
import { policyFailure } from './policy-failure.ts'
import { table } from './table.ts'

export const policyTest = command({
  words: 'policy test',
  does: 'runs the tests of policies: every *.test.json below a folder',
  operands: ['<folder>'],
  options: {},
  async run({ operands: [folder = ''] }) {
    const results = await testPolicies(folder).catch(policyFailure)
    const bad = results.filter(({ isGood }) => !isGood).length
    const rows = results.map(({ isGood, file, name, expected, got }) =>
      isGood ? ['ok', file, name, got] : ['FAILED', file, name, `${got}, not ${expected}`],
    )
    const sum = `${results.length - bad} of ${results.length} as expected`
    return { isGood: bad === 0, json: { results }, text: `${table(rows)}\n${sum}` }
  },
})
