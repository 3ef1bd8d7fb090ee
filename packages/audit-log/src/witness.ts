import { AuditLogError } from './audit-log-error.ts'
import { openCheckpoint } from './checkpoint.ts'
import type { Verifier } from './note.ts'
import { type Findings, NOWHERE, type Problem, type ProblemCode } from './problem.ts'
import { isEqual, type TreeHead } from './tree.ts'

/** What a trusted key has signed; else `null`, and the finding says why. */
export function trustedHead(
  findings: Findings,
  note: string,
  verifiers: readonly Verifier[],
  place: Pick<Problem, 'line' | 'leaf'>,
): TreeHead | null {
  try {
    return openCheckpoint(note, verifiers)
  } catch (error) {
    if (!(error instanceof AuditLogError)) throw error
    findings.report(CODES[error.code] ?? 'checkpoint_malformed', place, error.message)
    return null
  }
}

const CODES: Readonly<Record<string, ProblemCode>> = {
  checkpoint_unknown_key: 'checkpoint_untrusted',
  checkpoint_forged: 'checkpoint_forged',
}

/** Trees that somebody has seen: looked at again when the tree that is being checked has grown to their sizes. */
export interface Expected {
  /** Sizes of trees that are still to come, smallest first. */
  readonly next: number | null
  /** The tree has this size now. Answers whether it is every tree that was expected at this size. */
  meet(size: number, root: Uint8Array): boolean
}

export function createExpected(heads: readonly TreeHead[]): Expected {
  const waiting = heads.toSorted((a, b) => b.size - a.size)
  const nextSize = () => waiting.at(-1)?.size ?? null
  return {
    get next() {
      return nextSize()
    },
    meet(size, root) {
      let isSame = true
      while ((nextSize() ?? Number.POSITIVE_INFINITY) <= size) {
        const head = waiting.pop()
        if (head !== undefined && !(head.size === size && isEqual(head.root, root))) isSame = false
      }
      return isSame
    },
  }
}

/** The notes in a text: one after the other, or in JSON lines that have a `checkpoint`, as an older export has them. */
export function notesIn(text: string): string[] {
  const quoted = text.split('\n').flatMap(checkpointIn)
  if (quoted.length > 0) return quoted
  // The signatures end a note: what follows the last of them begins the next one.
  return text
    .split(/(?<=^— .*\n)(?!— )/mu)
    .map((note) => note.replace(/^\n+/, ''))
    .filter((note) => note.trim() !== '')
}

function checkpointIn(line: string): string[] {
  if (!line.startsWith('{')) return []
  try {
    const { checkpoint } = JSON.parse(line) as { checkpoint?: unknown }
    return typeof checkpoint === 'string' ? [checkpoint] : []
  } catch {
    return []
  }
}

/** What the witnesses have seen of this log. */
export function witnessed(findings: Findings, notes: readonly string[], verifiers: readonly Verifier[]) {
  const heads = notes.map((note) => trustedHead(findings, note, verifiers, NOWHERE))
  return heads.filter((head) => head !== null)
}
