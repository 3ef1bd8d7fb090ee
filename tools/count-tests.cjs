// Prints what failed, then "N passed, N failed", over the JSON reports of Vitest, and exits with 0 only when tests ran in each and none failed.
// Plain JavaScript: it must be able to say that nothing could be installed.
// Usage: node tools/count-tests.cjs (<report.json> <exit code of the run>)...
const { readFileSync } = require('node:fs')

const runs = pairs(process.argv.slice(2)).map(([path, code]) => ({
  path,
  report: read(path),
  code: Number(code),
}))
const counts = runs.map(({ report, code }) => count(report, code))
const passed = counts.reduce((sum, run) => sum + run.passed, 0)
const failed = counts.reduce((sum, run) => sum + run.failed, 0)
for (const line of runs.flatMap((run) => [...failuresOf(run.report), ...besideTests(run)]))
  process.stdout.write(`${line}\n`)
process.stdout.write(`${passed} passed, ${failed} failed\n`)
process.exitCode = passed > 0 && failed === 0 ? 0 : 1

function pairs(list) {
  return list.length === 0 ? [] : [list.slice(0, 2), ...pairs(list.slice(2))]
}

/** `null` when the run did not come as far as a report. */
function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return null
  }
}

/**
 * A file that did not load has no tests to fail, a check before the tests has none, and a run in which nothing was
 * tested has shown nothing: each counts as one.
 */
function count(report, exitCode) {
  const passed = report === null ? 0 : report.numPassedTests
  const unloaded = report === null ? 0 : report.testResults.filter(isUnloaded).length
  const failed = report === null ? 0 : report.numFailedTests + unloaded
  return { passed, failed: failed === 0 && (exitCode !== 0 || passed === 0) ? 1 : failed }
}

/** A line for each test that failed, and for each file that did not load. */
function failuresOf(report) {
  return (report === null ? [] : report.testResults).flatMap((file) => [
    ...file.assertionResults
      .filter(({ status }) => status === 'failed')
      .map((test) => `failed: ${file.name} > ${test.fullName}: ${firstLine(test.failureMessages?.[0])}`),
    ...(isUnloaded(file) ? [`failed: ${file.name}: ${firstLine(file.message)}`] : []),
  ])
}

/** A line for each error that was thrown beside the tests, and one for a run that ended badly. */
function besideTests({ path, report, code }) {
  const errors = lines(`${path}.errors`).map((line) => `failed: beside the tests of ${path}: ${line}`)
  const ended =
    code === 0
      ? []
      : [`failed: the run of ${path} ended with ${code}${report === null ? ', and has no report' : ''}`]
  return [...errors, ...ended]
}

function lines(file) {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n')
  } catch {
    return []
  }
}

function firstLine(text = '') {
  return text.split('\n', 1)[0]
}

function isUnloaded({ status, assertionResults }) {
  return status === 'failed' && !assertionResults.some((test) => test.status === 'failed')
}
