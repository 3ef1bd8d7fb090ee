import { readdir, readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { openAuthorizers } from '../open.ts'
import { spelt } from '../shadow.ts'
import { parseTestFile, type TestFile, TestFileWrong } from './test-file.ts'

/** How one row of a table came out. */
export interface PolicyTestResult {
  /** Of the file, in the folder. */
  readonly file: string
  readonly name: string
  readonly isGood: boolean
  /** `deny by working-hours`. */
  readonly expected: string
  readonly got: string
}

/** Milliseconds for one decision: a machine that tests may be busy with other things. */
const TIMEOUT_MS = 2_000

/**
 * Runs every `*.test.json` below a folder, each against the policies of the folder that it lies in, in threads as the
 * Tokenizer has them. Rejects with TestFileWrong, or with NotStarted when the policies are wrong.
 */
export async function testPolicies(folder: string): Promise<PolicyTestResult[]> {
  const files = (await readdir(folder, { recursive: true }))
    .filter((name) => name.endsWith('.test.json'))
    .sort()
  if (files.length === 0)
    throw new TestFileWrong(folder, 'write tests into a file *.test.json: there is none')
  const results: PolicyTestResult[] = []
  for (const file of files) results.push(...(await runFile(folder, file)))
  return results
}

async function runFile(folder: string, file: string): Promise<PolicyTestResult[]> {
  const path = join(folder, file)
  const tests = parseTestFile(file, await readFile(path, 'utf8'))
  await using authorizers = await openAuthorizers(await settingsOf(dirname(path), tests), () => undefined)
  const verdicts = await authorizers.decide(tests.cases.map(({ question }) => question))
  return tests.cases.map(({ name, expect, policy }, index) => {
    const verdict = verdicts[index]
    const kind = verdict === undefined ? 'nothing' : spelt(verdict)
    const isGood = kind === expect && (policy === null || verdict?.policy === policy)
    return { file, name, isGood, expected: said(expect, policy), got: said(kind, verdict?.policy ?? null) }
  })
}

async function settingsOf(folder: string, { typescript, timeZone }: TestFile) {
  const hasCedar = (await readdir(folder)).some((name) => name.endsWith('.cedar'))
  if (typescript !== null && basename(typescript) !== typescript)
    throw new TestFileWrong('typescript', 'the name of a file beside the tests')
  return {
    ...{ timeZone, timeoutMs: TIMEOUT_MS, patienceMs: 10 * TIMEOUT_MS, readMetadata: true },
    ...(typescript === null ? {} : { typescript: join(folder, typescript) }),
    ...(hasCedar || typescript === null ? { cedar: folder } : {}),
  }
}

function said(verdict: string, policy: string | null): string {
  return policy === null ? verdict : `${verdict} by ${policy}`
}
