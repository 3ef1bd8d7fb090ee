// Prints "N passed, N failed" for a JSON report of Vitest, and exits with 0 only when tests ran and none failed.
// Plain JavaScript: it must be able to say that nothing could be installed.
// Usage: node tools/count-tests.cjs <report.json> <exit code of the run>
const { readFileSync } = require('node:fs')

const [path, code] = process.argv.slice(2)
const { passed, failed } = count(read(path), Number(code))
process.stdout.write(`${passed} passed, ${failed} failed\n`)
process.exitCode = passed > 0 && failed === 0 ? 0 : 1

/** `null` when the run did not come as far as a report. */
function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return null
  }
}

/** A file that did not load has no tests to fail, and a check before the tests has none either: each counts as one. */
function count(report, exitCode) {
  const passed = report === null ? 0 : report.numPassedTests
  const unloaded = report === null ? 0 : report.testResults.filter(isUnloaded).length
  const failed = report === null ? 0 : report.numFailedTests + unloaded
  return { passed, failed: failed === 0 && exitCode !== 0 ? 1 : failed }
}

function isUnloaded({ status, assertionResults }) {
  return status === 'failed' && !assertionResults.some((test) => test.status === 'failed')
}
