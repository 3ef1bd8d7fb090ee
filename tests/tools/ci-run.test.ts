import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { tree } from './tree.ts'

/** What `.ci/run` does when npm does this. The stand-in for npm leaves a line for each of its calls. */
function ciRun(npm: string): { status: number | null; lines: string[]; calls: string } {
  const root = tree({ 'bin/npm': `#!/bin/sh\necho "npm $*" >> calls\n${npm}\n` })
  chmodSync(join(root, 'bin/npm'), 0o755)
  mkdirSync(join(root, 'elsewhere'))
  for (const file of ['.ci/run', 'tools/count-tests.cjs']) cpSync(file, join(root, file))
  const env = { ...process.env, PATH: `${join(root, 'bin')}${delimiter}${process.env['PATH']}` }
  const cwd = join(root, 'elsewhere')
  const { status, stdout } = spawnSync('../.ci/run', { cwd, env, encoding: 'utf8', input: 'typed\n' })
  const calls = spawnSync('cat', [join(root, 'calls')], { encoding: 'utf8' }).stdout
  return { status, lines: stdout.trimEnd().split('\n'), calls }
}

interface File {
  readonly status: 'passed' | 'failed'
  readonly assertionResults: readonly { readonly status: 'passed' | 'failed' }[]
}

/** A shell command that does what `npm test` does after its checks: writes this report and ends with this code. */
function testing(files: readonly File[], code: number): string {
  const all = files.flatMap(({ assertionResults }) => assertionResults)
  const count = (status: string) => all.filter((test) => test.status === status).length
  const report = { numPassedTests: count('passed'), numFailedTests: count('failed'), testResults: files }
  const write = `mkdir -p .test && printf '%s' '${JSON.stringify(report)}' > .test/report.json`
  return `if [ "$1" = test ]; then ${write}; exit ${code}; fi`
}

const passed = { status: 'passed' } as const
const failed = { status: 'failed' } as const

describe('.ci/run', () => {
  test('installs, then tests, as a newcomer does', () => {
    const { status, lines, calls } = ciRun(testing([{ ...passed, assertionResults: [passed, passed] }], 0))
    expect(status).toBe(0)
    expect(lines.at(-1)).toBe('2 passed, 0 failed')
    expect(calls.split('\n').map((line) => line.split(' ', 2).join(' '))).toEqual(['npm ci', 'npm test', ''])
  })

  test.each([
    ['a test fails', testing([{ ...failed, assertionResults: [passed, failed] }], 1), '1 passed, 1 failed'],
    [
      'a file does not load',
      testing(
        [
          { ...passed, assertionResults: [passed] },
          { ...failed, assertionResults: [] },
        ],
        1,
      ),
      '1 passed, 1 failed',
    ],
    [
      'a test fails and yet the run says that all is well',
      testing([{ ...failed, assertionResults: [failed] }], 0),
      '0 passed, 1 failed',
    ],
    [
      'something is thrown beside the tests',
      testing([{ ...passed, assertionResults: [passed] }], 1),
      '1 passed, 1 failed',
    ],
    ['no test runs', testing([], 0), '0 passed, 0 failed'],
    ['a check before the tests fails', 'if [ "$1" = test ]; then exit 1; fi', '0 passed, 1 failed'],
    ['there is no report', ':', '0 passed, 0 failed'],
    ['nothing can be installed', 'exit 1', '0 passed, 1 failed'],
  ])('fails when %s', (_, npm, line) => {
    const { status, lines } = ciRun(npm)
    expect(status).toBe(1)
    expect(lines.at(-1)).toBe(line)
  })

  test('does not test what could not be installed, nor count an older report', () => {
    const { lines, calls } = ciRun(`[ "$1" = ci ] && mkdir -p .test && exit 3`)
    expect(lines.at(-1)).toBe('0 passed, 1 failed')
    expect(calls).toBe('npm ci\n')
  })

  test('hands no input on', () => {
    const { lines } = ciRun('cat')
    expect(lines).toEqual(['0 passed, 0 failed'])
  })
})
