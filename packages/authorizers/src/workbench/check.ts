import { readPolicyFiles } from '../cedar/policy-files.ts'
import { PolicyProblems, parsePolicySet } from '../cedar/policy-set.ts'

/** What is in a folder of Cedar policies, and what is wrong with it. */
export interface PolicyCheck {
  /** Their names. */
  readonly policies: readonly string[]
  readonly readsMetadata: boolean
  /** What Cedar wonders about. */
  readonly warnings: readonly string[]
  /** Why the Tokenizer would refuse them: file, line, what to do. */
  readonly problems: readonly string[]
}

/** Reads and checks policies as the Tokenizer does. Rejects only when the files cannot be read. */
export async function checkPolicies(path: string): Promise<PolicyCheck> {
  const files = await readPolicyFiles(path)
  try {
    const { policies, readsMetadata, warnings } = parsePolicySet(files)
    return { policies: policies.map(({ id }) => id), readsMetadata, warnings, problems: [] }
  } catch (error) {
    // Cedar's reader gives up on what is nested too deeply with an error of its own.
    const problems =
      error instanceof PolicyProblems ? error.problems : ['the policies cannot be read by Cedar']
    return { policies: [], readsMetadata: false, warnings: [], problems }
  }
}
