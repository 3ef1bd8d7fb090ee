import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { testPolicies } from '@lunadefend/authorizers/workbench'
import { expect, test } from 'vitest'

const EXAMPLES = join(import.meta.dirname, '../examples')

test.each(readdirSync(EXAMPLES))('the example %s decides as its table says', async (name) => {
  const results = await testPolicies(join(EXAMPLES, name))
  expect(results.length).toBeGreaterThan(2)
  expect(results.filter(({ isGood }) => !isGood)).toEqual([])
})
