// Prints "N passed, N failed" over the JSON reports of Vitest, and exits with 0 only when tests ran in each and none failed.
// Plain JavaScript: it must be able to say that nothing could be installed.
// Usage: node tools/count-tests.cjs (<report.json> <exit code of the run>)...
const { readFileSync } = require('node:fs')

const counts = pairs(process.argv.slice(2)).map(([path, code]) => count(read(path), Number(code)))
const passed = counts.reduce((sum, run) => sum + run.passed, 0)
const failed = counts.reduce((sum, run) => sum + run.failed, 0)
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

function isUnloaded({ status, assertionResults }) {
  return status === 'failed' && !assertionResults.some((test) => test.status === 'failed')
}
