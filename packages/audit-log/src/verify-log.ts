import { createHistory, type History } from './history.ts'
import { type AuditLine, encodeLine } from './line.ts'
import type { Verifier } from './note.ts'
import { createFindings, type Findings, NOWHERE, type Problem, type ProblemCode } from './problem.ts'
import { type Edge, EMPTY_EDGE, grow, isEqual, leafHash, rootOfEdge, type TreeHead } from './tree.ts'
import type { VerifySettings } from './verify-export.ts'
import { createExpected, type Expected, trustedHead, witnessed } from './witness.ts'

/** A leaf as it is stored, and the row that it is of. */
export interface StoredLeaf {
  readonly number: number
  readonly hash: Uint8Array
  /** `null` = there is no such row (any more). */
  readonly row: AuditLine | null
}

/** A hash of a level above the leaves: the root of `256 ** level` of them. */
export interface StoredNode {
  readonly level: number
  readonly number: number
  readonly hash: Uint8Array
}

export interface LogReport {
  readonly isGood: boolean
  /** Leaves, and rows that have none yet. */
  readonly size: number
  readonly unsealed: number
  readonly firstAt: number | null
  readonly lastAt: number | null
  readonly checkpoints: number
  readonly witnesses: number
  readonly problems: readonly Problem[]
  readonly problemCount: number
}

/**
 * Checks a log as it is stored: rows against leaves, leaves against nodes and checkpoints, rows without a leaf against
 * those before. Of each list a page can be given at a time, in its order: nodes and checkpoints at the latest before
 * the last leaf that they are of.
 */
export interface LogVerifier {
  nodes(nodes: readonly StoredNode[]): void
  checkpoints(checkpoints: readonly { readonly size: number; readonly note: string }[]): void
  leaves(leaves: readonly StoredLeaf[]): void
  /** Rows without a leaf, each writer's in their order; after all leaves. `now`: milliseconds since 1970. */
  unsealed(rows: readonly AuditLine[], now: number): void
  end(): LogReport
}

/** The sealer is at it every second: what waits for longer, in milliseconds, is forgotten, or was made to be. */
const SEALED_WITHIN_MS = 120_000
const TILE_HEIGHT = 8

export function verifyLog(settings: VerifySettings): LogVerifier {
  return new LogCheck(createFindings(), settings)
}

class LogCheck implements LogVerifier {
  readonly #findings: Findings
  readonly #verifiers: readonly Verifier[]
  readonly #witnesses: readonly TreeHead[]
  readonly #expected: Expected
  readonly #history: History
  /** Stored nodes that the leaves have not made yet, by level and number. */
  readonly #nodes = new Map<string, Uint8Array>()
  /** Checkpoints of trees that are still to come, by size. */
  readonly #heads = new Map<number, TreeHead>()
  #edge: Edge = EMPTY_EDGE
  #vouched = 0
  #isTreeKnown = true
  #checkpoints = 0
  #unsealed = 0

  constructor(findings: Findings, { verifiers, witnesses = [] }: VerifySettings) {
    this.#findings = findings
    this.#verifiers = verifiers
    this.#witnesses = witnessed(findings, witnesses, verifiers)
    this.#expected = createExpected(this.#witnesses)
    this.#history = createHistory(findings, false)
    this.#meet()
  }

  nodes(nodes: readonly StoredNode[]): void {
    for (const { level, number, hash } of nodes) this.#nodes.set(`${level}/${number}`, hash)
  }

  checkpoints(checkpoints: readonly { readonly size: number; readonly note: string }[]): void {
    for (const { size, note } of checkpoints) {
      this.#checkpoints += 1
      const head = trustedHead(this.#findings, note, this.#verifiers, { line: null, leaf: size - 1 })
      if (head === null) continue
      if (head.size === size) this.#heads.set(size, head)
      else this.#report('checkpoint_misplaced', size - 1, `It says ${head.size} leaves, and lies at ${size}.`)
    }
  }

  leaves(leaves: readonly StoredLeaf[]): void {
    for (const leaf of leaves) this.#takeLeaf(leaf)
  }

  #takeLeaf({ number, hash, row }: StoredLeaf): void {
    if (number !== this.#edge.size && this.#isTreeKnown) {
      this.#isTreeKnown = false
      this.#report('leaves_missing', number, `Leaf ${this.#edge.size} was expected.`)
    }
    this.#checkRow(number, hash, row)
    this.#edge = grow(this.#edge, [hash], (height, at, node) => this.#checkNode(height, at, node))
    this.#meet()
  }

  #checkRow(number: number, hash: Uint8Array, row: AuditLine | null): void {
    if (row !== null && isEqual(leafHash(encodeLine(row)), hash)) {
      this.#history.see(row, { line: null, leaf: number })
      return
    }
    this.#history.interrupt()
    if (row === null)
      this.#report('leaf_without_row', number, 'It was deleted, or has another writer or number.')
    else this.#report('line_changed', number, `Writer ${row.writer}, row ${row.seq}.`)
  }

  #checkNode(height: number, number: number, hash: Uint8Array): void {
    const level = height / TILE_HEIGHT
    if (level === 0 || !Number.isInteger(level)) return
    const stored = this.#nodes.get(`${level}/${number}`)
    this.#nodes.delete(`${level}/${number}`)
    if (!this.#isTreeKnown || (stored !== undefined && isEqual(stored, hash))) return
    const last = (number + 1) * 2 ** height - 1
    this.#report(
      'tile_wrong',
      last,
      `Level ${level}, number ${number}: ${stored === undefined ? 'missing' : 'changed'}.`,
    )
  }

  /** The tree has a size at which somebody has seen or signed it. */
  #meet(): void {
    const { size } = this.#edge
    const head = this.#heads.get(size)
    if (head === undefined && this.#expected.next !== size) return
    const root = rootOfEdge(this.#edge)
    this.#heads.delete(size)
    if (head !== undefined) this.#vouch(head, root)
    if (this.#expected.next === size && !this.#expected.meet(size, root) && this.#isTreeKnown)
      this.#report('history_forked', size - 1, `The witness has seen another tree of ${size} leaves.`)
  }

  #vouch(head: TreeHead, root: Uint8Array): void {
    if (isEqual(head.root, root)) this.#vouched = head.size
    else if (this.#isTreeKnown) {
      this.#isTreeKnown = false
      const range = `between leaf ${this.#vouched} and leaf ${head.size - 1}`
      this.#report('leaves_forged', head.size - 1, `Something is wrong ${range}.`)
    }
  }

  unsealed(rows: readonly AuditLine[], now: number): void {
    for (const row of rows) {
      this.#unsealed += 1
      this.#history.see(row, NOWHERE)
      if (row.at < now - SEALED_WITHIN_MS)
        this.#findings.report('unsealed', NOWHERE, `Writer ${row.writer}, row ${row.seq}.`)
    }
  }

  end(): LogReport {
    const { size } = this.#edge
    const seen = Math.max(this.#expected.next ?? 0, ...this.#heads.keys())
    if (seen > size)
      this.#findings.report('truncated', NOWHERE, `There were ${seen} leaves, here are ${size}.`)
    if (this.#vouched < size && this.#isTreeKnown)
      this.#report(
        'unvouched',
        this.#vouched,
        `The last checkpoint is of ${this.#vouched} leaves of ${size}.`,
      )
    for (const name of this.#nodes.keys())
      this.#findings.report('tile_wrong', NOWHERE, `Level and number ${name}: there are no such leaves.`)
    const { problems, count } = this.#findings
    const { firstAt, lastAt } = this.#history
    const seenBy = { checkpoints: this.#checkpoints, witnesses: this.#witnesses.length }
    const rest = { unsealed: this.#unsealed, firstAt, lastAt, ...seenBy, problems, problemCount: count }
    return { isGood: count === 0, size, ...rest }
  }

  #report(code: ProblemCode, leaf: number, detail: string): void {
    this.#findings.report(code, { line: null, leaf }, detail)
  }
}
