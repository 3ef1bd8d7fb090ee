/** What can be wrong with an audit log. What each means, and what to do, is in docs/audit.md. */
export const PROBLEMS = {
  header_malformed: 'This does not begin as an export of an audit log does.',
  line_malformed: 'This is not a line of the audit log.',
  line_changed: 'This line is not the one that was sealed.',
  line_removed: 'A line that was sealed is not here.',
  line_added: 'This line was not sealed.',
  line_moved: 'This line was sealed at another place.',
  line_repeated: 'This line is here for a second time.',
  leaves_missing: 'The hashes of the leaves do not go on where they ended: a line that has some was removed.',
  leaves_forged: 'The hashes of the leaves do not lead to the signed checkpoint.',
  checkpoint_malformed: 'This is not a checkpoint.',
  checkpoint_untrusted: 'None of the trusted keys has signed this checkpoint.',
  checkpoint_forged: 'The signature of this checkpoint is wrong.',
  checkpoint_misplaced: 'This is the checkpoint of another place.',
  truncated: 'The log ends before its end.',
  unvouched: 'No checkpoint vouches for what comes here.',
  history_forked: 'A witness has seen another history than this one.',
  witness_unreached: 'A witness has seen what is before the beginning: begin at an earlier leaf.',
  sequence_gap: 'A row of this writer is missing before this one.',
  sequence_repeated: 'This writer has written a row of this number, or a later one, before.',
  time_backwards: 'The clock of this writer went backwards.',
  record_revived: 'A token was used after it was gone: an older state of the record store was put back.',
  generation_fell:
    'The record was sealed more often before: an older state of the record store was put back.',
  proof_missing: 'Without a proof nothing shows that this line is in the log.',
  proof_wrong: 'The proof does not show that this line is in the log.',
  leaf_without_row: 'A row that was sealed is not in the database any more.',
  unsealed: 'This row has been waiting for its leaf for minutes: no Tokenizer runs, or its leaf was removed.',
  tile_wrong: 'A stored part of the tree is not the one that its leaves make.',
} as const satisfies Record<string, string>

export type ProblemCode = keyof typeof PROBLEMS

/** One thing that is wrong, and where. */
export interface Problem {
  readonly code: ProblemCode
  /** The line of the file, from 1; `null` = none, or not in a file. */
  readonly line: number | null
  /** The number of the leaf, from 0; `null` = of none, or nobody can say. */
  readonly leaf: number | null
  /** Writer and number of the row, what was expected, which range. */
  readonly detail: string
}

/** Where something was found. */
export type Place = Pick<Problem, 'line' | 'leaf'>

export const NOWHERE: Place = { line: null, leaf: null }

/** Keeps the first problems, and counts all. */
export interface Findings {
  readonly problems: readonly Problem[]
  readonly count: number
  report(code: ProblemCode, place: Place, detail: string): void
}

const KEPT = 100

export function createFindings(): Findings {
  const problems: Problem[] = []
  let count = 0
  return {
    problems,
    get count() {
      return count
    },
    report(code, { line, leaf }, detail) {
      count += 1
      if (problems.length < KEPT) problems.push({ code, line, leaf, detail })
    },
  }
}
