/** One thing to mend: where, and why. */
export interface Finding {
  /** Relative to the root of the repository. */
  readonly file: string
  /** Counts from 1. */
  readonly line: number
  readonly why: string
}

/** Prints one line a finding; any finding makes the process fail. */
export function report(findings: readonly Finding[]): void {
  for (const { file, line, why } of findings) console.log(`${file}:${line} ${why}`)
  process.exitCode = findings.length > 0 ? 1 : 0
}
