import { readFileSync } from 'node:fs'
import { PROBLEMS } from '@lunadefend/audit-log'
import { expect, test } from 'vitest'
import { COMMANDS } from '../../packages/cli/src/commands.ts'
import { CLI_FAILURES, EXIT } from '../../packages/cli/src/failure.ts'

const text = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8')
const rowsOf = (heading: string) => {
  const [, section = ''] = text.split(`\n## ${heading}\n`)
  const lines = (section.split('\n## ')[0] ?? '').split('\n').filter((line) => line.startsWith('|'))
  return lines.slice(2).map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')))
}

test('every command, failure and exit code of the CLI is documented, and no other', () => {
  expect(rowsOf('Commands').map(([, words]) => words)).toEqual(COMMANDS.map(({ words }) => words))
  expect(rowsOf('Exit codes').map(([, code]) => Number(code))).toEqual(Object.values(EXIT))
  const failures = Object.entries({ ...CLI_FAILURES, internal: EXIT.failed })
  expect(rowsOf('Failures').map(([, code, exit]) => [code, Number(exit)])).toEqual(failures)
})

test('every problem that a check of the audit log can find is documented, and no other', () => {
  const audit = readFileSync(new URL('../../docs/audit.md', import.meta.url), 'utf8')
  const [, section = ''] = audit.split('\n### Problems\n')
  const rows = [...(section.split('\n## ')[0] ?? '').matchAll(/^\| `(\w+)` \| (.*?) \|/gm)]
  expect(rows.map(([, code, says]) => [code, says])).toEqual(Object.entries(PROBLEMS))
})
