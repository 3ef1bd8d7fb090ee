export { checkPolicies, type PolicyCheck } from './check.ts'
export { type Difference, type DryRun, type DryRunSettings, dryRun, type PastDecision } from './dry-run.ts'
export { type PolicyTestResult, testPolicies } from './run-tests.ts'
export { TestFileWrong } from './test-file.ts'
