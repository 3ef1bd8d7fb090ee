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

/** A shell command that does what one of the runs does after its checks: writes this report, ends with this code. */
function reporting(name: string, files: readonly File[], code: number): string {
  const all = files.flatMap(({ assertionResults }) => assertionResults)
  const count = (status: string) => all.filter((test) => test.status === status).length
  const report = { numPassedTests: count('passed'), numFailedTests: count('failed'), testResults: files }
  return `mkdir -p .test && printf '%s' '${JSON.stringify(report)}' > .test/${name}.json; exit ${code};`
}

/** The other runs, and the names of their reports. */
const OTHERS = {
  'test:browser': 'browser-report',
  'test:s3': 's3-report',
  'test:firefox': 'firefox-report',
  'test:fuzz': 'fuzz-report',
} as const
type Other = keyof typeof OTHERS

const onlyTests = (command: string) => `if [ "$1" = test ]; then ${command} fi\n`

/** Every other run passes one test; but this one does something else. */
function others(but?: Other, command = ''): string {
  const runs = Object.entries(OTHERS).map(([script, report]) => {
    const work = script === but ? command : reporting(report, [onePassed], 0)
    return `if [ "$2" = ${script} ]; then ${work} fi\n`
  })
  return runs.join('')
}

/** `npm test`; the other runs pass one test each. */
function testing(files: readonly File[], code: number): string {
  return onlyTests(reporting('report', files, code)) + others()
}

/** One of the others; the rest, and `npm test`, pass one test each. */
function testingOther(script: Other, command: string): string {
  return onlyTests(reporting('report', [onePassed], 0)) + others(script, command)
}

const passed = { status: 'passed' } as const
const failed = { status: 'failed' } as const
const onePassed = { ...passed, assertionResults: [passed] }

describe('.ci/run', () => {
  test('installs, then tests, then tests against S3 stores, in Firefox and with hostile input, as a newcomer does', () => {
    const { status, lines, calls } = ciRun(testing([{ ...passed, assertionResults: [passed, passed] }], 0))
    expect(status).toBe(0)
    expect(lines.at(-1)).toBe('6 passed, 0 failed')
    const words = calls.split('\n').map((line) => line.split(' --', 1)[0])
    expect(words).toEqual([
      'npm ci',
      'npm test',
      'npm run test:browser',
      'npm run test:s3',
      'npm run test:firefox',
      'npm run test:fuzz',
      '',
    ])
  })

  test.each([
    ['a test fails', testing([{ ...failed, assertionResults: [passed, failed] }], 1), '5 passed, 1 failed'],
    [
      'a file does not load',
      testing([onePassed, { ...failed, assertionResults: [] }], 1),
      '5 passed, 1 failed',
    ],
    [
      'a test fails and yet the run says that all is well',
      testing([{ ...failed, assertionResults: [failed] }], 0),
      '4 passed, 1 failed',
    ],
    ['something is thrown beside the tests', testing([onePassed], 1), '5 passed, 1 failed'],
    ['no test runs', testing([], 0), '4 passed, 1 failed'],
    ['a check before the tests fails', onlyTests('exit 1;') + others(), '4 passed, 1 failed'],
    [
      'a test against S3 stores fails',
      testingOther('test:s3', reporting('s3-report', [{ ...failed, assertionResults: [passed, failed] }], 1)),
      '5 passed, 1 failed',
    ],
    [
      'the gateway can not be installed where it should',
      testingOther('test:s3', 'exit 1;'),
      '4 passed, 1 failed',
    ],
    [
      'no test runs against S3 stores',
      testingOther('test:s3', reporting('s3-report', [], 0)),
      '4 passed, 1 failed',
    ],
    ['S3 stores have no report', testingOther('test:s3', 'exit 0;'), '4 passed, 1 failed'],
    [
      'a test in Firefox fails',
      testingOther(
        'test:firefox',
        reporting('firefox-report', [{ ...failed, assertionResults: [passed, failed] }], 1),
      ),
      '5 passed, 1 failed',
    ],
    [
      'Firefox can not be installed where it should',
      testingOther('test:firefox', 'exit 1;'),
      '4 passed, 1 failed',
    ],
    [
      'no test runs in Firefox',
      testingOther('test:firefox', reporting('firefox-report', [], 0)),
      '4 passed, 1 failed',
    ],
    [
      'a parser crashes',
      testingOther(
        'test:fuzz',
        reporting('fuzz-report', [{ ...failed, assertionResults: [passed, failed] }], 1),
      ),
      '5 passed, 1 failed',
    ],
    [
      'no hostile input is made',
      testingOther('test:fuzz', reporting('fuzz-report', [], 0)),
      '4 passed, 1 failed',
    ],
    [
      'no test runs long in a browser',
      testingOther('test:browser', reporting('browser-report', [], 0)),
      '4 passed, 1 failed',
    ],
    ['there is no report at all', ':', '0 passed, 5 failed'],
    ['nothing can be installed', 'exit 1', '0 passed, 1 failed'],
  ])('fails when %s', (_, npm, line) => {
    const { status, lines } = ciRun(npm)
    expect(status).toBe(1)
    expect(lines.at(-1)).toBe(line)
  })

  test('says what was thrown beside the tests, and which run ended badly', () => {
    const thrown = testingOther(
      'test:s3',
      `echo 'Error: late | at a.ts:1' > .test/s3-report.json.errors; ${reporting('s3-report', [onePassed], 1)}`,
    )
    expect(ciRun(thrown).lines.slice(-3)).toEqual([
      'failed: beside the tests of .test/s3-report.json: Error: late | at a.ts:1',
      'failed: the run of .test/s3-report.json ended with 1',
      '5 passed, 1 failed',
    ])
  })

  test('does not test what could not be installed, nor count an older report', () => {
    const stale = 'mkdir -p .test && echo \'{"numPassedTests":9,"numFailedTests":0,"testResults":[]}\''
    const { lines, calls } = ciRun(`[ "$1" = ci ] && ${stale} > .test/report.json && exit 3`)
    expect(lines.at(-1)).toBe('0 passed, 1 failed')
    expect(calls).toBe('npm ci\n')
  })

  test.each(['report', ...Object.values(OTHERS)])('does not count an older %s', (name) => {
    const stale = 'echo \'{"numPassedTests":9,"numFailedTests":0,"testResults":[]}\''
    const { lines } = ciRun(`mkdir -p .test; [ "$1" = ci ] && ${stale} > .test/${name}.json; exit 0`)
    expect(lines.at(-1)).toBe('0 passed, 5 failed')
  })

  test('hands no input on', () => {
    const { lines } = ciRun('cat')
    expect(lines).toEqual(['0 passed, 5 failed'])
  })
})
