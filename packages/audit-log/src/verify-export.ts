import { type Difference, differences } from './alignment.ts'
import {
  BLOCK_ROWS,
  type ControlLine,
  decodeControl,
  decodeHeader,
  type ExportHeader,
} from './export-format.ts'
import { createHistory, type History } from './history.ts'
import type { AuditLine } from './line.ts'
import type { Verifier } from './note.ts'
import {
  createFindings,
  type Findings,
  NOWHERE,
  type Place,
  type Problem,
  type ProblemCode,
} from './problem.ts'
import { decodeSelected, SelectionCheck } from './selection.ts'
import { splitLines } from './split-lines.ts'
import {
  type Edge,
  EMPTY_EDGE,
  grow,
  HASH_BYTES,
  isEqual,
  leafHash,
  rootOfEdge,
  type TreeHead,
} from './tree.ts'
import { createExpected, type Expected, trustedHead, witnessed } from './witness.ts'

export interface VerifySettings {
  /** The keys of the log. */
  readonly verifiers: readonly Verifier[]
  /** Checkpoints that somebody else has kept: notes, any order. They show a history that was forked or cut off. */
  readonly witnesses?: readonly string[]
}

export interface ExportReport {
  /** A selection is not checked for rows that are missing. */
  readonly kind: 'export' | 'selection'
  /** Nothing is wrong. */
  readonly isGood: boolean
  /** The number of the first leaf, and the size of the tree at the end. */
  readonly from: number
  readonly size: number
  readonly rows: number
  /** Milliseconds since 1970; `null` = there are no rows. */
  readonly firstAt: number | null
  readonly lastAt: number | null
  readonly checkpoints: number
  readonly witnesses: number
  /** The first of them, and how many there are. */
  readonly problems: readonly Problem[]
  readonly problemCount: number
}

/** Checks an export as it comes, in memory that does not grow with it. Needs nothing but the keys of the log. */
export interface ExportVerifier {
  /** Any piece of it; the bytes must not be changed afterwards. */
  write(chunk: Uint8Array): void
  end(): ExportReport
  /** For whoever shows progress: leaves that were looked at, and where the export says that it ends. */
  readonly size: number
  readonly total: number | null
}

/** Its first line says whether it is an export, or a selection of rows with proofs. */
export function verifyExport(settings: VerifySettings): ExportVerifier {
  const findings = createFindings()
  let check: ExportCheck | SelectionCheck | null = null
  const begin = (line: Buffer) =>
    decodeSelected(line.toString()) === null
      ? new ExportCheck(findings, settings)
      : new SelectionCheck(findings, settings.verifiers)
  const splitter = splitLines((line) => {
    check ??= begin(line)
    check.take(line)
  })
  return {
    write: (chunk) => splitter.write(chunk),
    end() {
      const isWhole = splitter.end()
      check ??= new ExportCheck(findings, settings)
      check.end(isWhole)
      const { problems, count } = findings
      return { isGood: count === 0, ...check.summary(), problems, problemCount: count }
    },
    get size() {
      return check?.size ?? 0
    },
    get total() {
      return check?.total ?? null
    },
  }
}

interface Row {
  readonly line: number
  readonly bytes: Buffer
}

class ExportCheck {
  readonly #findings: Findings
  readonly #verifiers: readonly Verifier[]
  readonly #witnesses: readonly TreeHead[]
  #line = 0
  #header: ExportHeader | null = null
  /** What the header promises that the end is. */
  #promised: TreeHead | null = null
  #expected: Expected = createExpected([])
  #history: History
  #block: Row[] = []
  #edge: Edge = EMPTY_EDGE
  /** Up to here a checkpoint has vouched for the tree. */
  #vouched = 0
  /** Whether the tree can still be the one that was signed; what was wrong first is said once. */
  #isTreeKnown = true
  #isForked = false
  #hasEnded = false
  #rows = 0
  #checkpoints = 0

  constructor(findings: Findings, { verifiers, witnesses = [] }: VerifySettings) {
    this.#findings = findings
    this.#verifiers = verifiers
    this.#witnesses = witnessed(findings, witnesses, verifiers)
    this.#history = createHistory(findings, false)
  }

  get size(): number {
    return this.#edge.size
  }

  get total(): number | null {
    return this.#promised?.size ?? null
  }

  take(bytes: Buffer): void {
    this.#line += 1
    if (this.#line === 1) this.#begin(bytes)
    else if (this.#hasEnded) this.#report('line_added', 'It comes after the end.')
    else this.#takeLine(bytes)
  }

  #begin(bytes: Buffer): void {
    const header = decodeHeader(bytes.toString())
    if (header === null) {
      this.#report('header_malformed', 'Give a whole export, as `lunadefend audit export` writes it.')
      this.#isTreeKnown = false
      return
    }
    this.#header = header
    this.#edge = header.edge
    this.#vouched = header.from
    this.#promised = trustedHead(this.#findings, header.checkpoint, this.#verifiers, { line: 1, leaf: null })
    this.#history = createHistory(this.#findings, header.from > 0)
    const early = this.#witnesses.filter(({ size }) => size < header.from)
    for (const { size } of early)
      this.#findings.report(
        'witness_unreached',
        NOWHERE,
        `It has seen ${size} leaves, this begins at ${header.from}.`,
      )
    this.#expected = createExpected(this.#witnesses.filter(({ size }) => size >= header.from))
    this.#meetWitnesses()
  }

  #takeLine(bytes: Buffer): void {
    const control = isRow(bytes) ? null : decodeControl(bytes.toString())
    if (control === null) this.#takeRow(bytes)
    else if (control.kind === 'leaves') this.#closeBlock(control)
    else if (control.kind === 'checkpoint') this.#takeCheckpoint(control.checkpoint)
    else this.#takeEnd(control.lines)
  }

  #takeRow(bytes: Buffer): void {
    this.#rows += 1
    // A block is never so long: without this, a file without any hashes would be kept in memory whole.
    if (this.#block.length >= 2 * BLOCK_ROWS) this.#refuseBlock()
    this.#block.push({ line: this.#line, bytes })
  }

  /** Rows for which no hashes came. */
  #refuseBlock(): void {
    const [first] = this.#block
    if (first === undefined) return
    const detail = `Lines ${first.line} to ${first.line + this.#block.length - 1} have no hashes.`
    this.#findings.report('leaves_missing', { line: first.line, leaf: this.#edge.size }, detail)
    this.#isTreeKnown = false
    this.#block = []
    this.#history.interrupt()
  }

  #closeBlock({ from, hashes }: Extract<ControlLine, { kind: 'leaves' }>): void {
    if (from !== this.#edge.size) {
      this.#report('leaves_missing', `They go on at leaf ${from}, and ended before leaf ${this.#edge.size}.`)
      this.#isTreeKnown = false
    }
    const leaves = Array.from({ length: hashes.length / HASH_BYTES }, (_, index) =>
      hashes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES),
    )
    this.#compare(from, leaves)
    this.#block = []
    this.#grow(leaves)
  }

  #compare(from: number, leaves: readonly Uint8Array[]): void {
    const lines = this.#block.map(({ bytes }) => leafHash(bytes))
    if (
      lines.length === leaves.length &&
      lines.every((hash, index) => isEqual(hash, leaves[index] ?? hash))
    ) {
      for (const [index, row] of this.#block.entries()) this.#see(row, from + index)
      return
    }
    this.#history.interrupt()
    for (const difference of differences(lines.map(hex), leaves.map(hex))) this.#tell(from, difference)
  }

  #see({ line, bytes }: Row, leaf: number): void {
    const place = { line, leaf }
    const row = readSealed(bytes)
    if (row === null) this.#findings.report('line_malformed', place, 'It was sealed so.')
    else this.#history.see(row, place)
  }

  #tell(from: number, difference: Difference): void {
    const line = this.#block[difference.line]?.line ?? this.#line
    const leaf = 'leaf' in difference ? from + difference.leaf : null
    this.#findings.report(LINE_CODES[difference.kind], { line, leaf }, DETAILS[difference.kind])
  }

  /** Stops at each size at which a witness has seen the tree. */
  #grow(leaves: readonly Uint8Array[]): void {
    let taken = 0
    while (taken < leaves.length) {
      const next = this.#expected.next
      const until = next === null ? leaves.length : Math.min(leaves.length, taken + next - this.#edge.size)
      this.#edge = grow(this.#edge, leaves.slice(taken, until))
      taken = until
      this.#meetWitnesses()
    }
  }

  #meetWitnesses(): void {
    const { size } = this.#edge
    if (this.#expected.next !== size) return
    const isSame = this.#expected.meet(size, rootOfEdge(this.#edge))
    if (isSame || this.#isForked || !this.#isTreeKnown) return
    this.#isForked = true
    this.#report('history_forked', `It has seen another tree of ${size} leaves; ${this.#since()}.`, size - 1)
  }

  #takeCheckpoint(note: string): void {
    this.#checkpoints += 1
    if (this.#block.length > 0) this.#refuseBlock()
    const head = trustedHead(this.#findings, note, this.#verifiers, { line: this.#line, leaf: null })
    if (head !== null) this.#vouch(head, { line: this.#line, leaf: null })
  }

  #vouch(head: TreeHead, place: Place): void {
    const { size } = this.#edge
    if (head.size !== size)
      this.#findings.report(
        'checkpoint_misplaced',
        place,
        `It is of ${head.size} leaves, this is after ${size}.`,
      )
    else if (isEqual(head.root, rootOfEdge(this.#edge))) this.#vouched = size
    else if (this.#isTreeKnown) {
      this.#isTreeKnown = false
      this.#findings.report('leaves_forged', place, `Something is wrong ${this.#since()}.`)
    }
  }

  #since(): string {
    return `between leaf ${this.#vouched} and leaf ${Math.max(this.#vouched, this.#edge.size - 1)}`
  }

  #takeEnd(lines: number): void {
    this.#hasEnded = true
    if (this.#block.length > 0) this.#refuseBlock()
    if (lines === this.#line - 1) return
    this.#report('truncated', `There were ${lines} lines before it, now there are ${this.#line - 1}.`)
  }

  end(hasLastNewline: boolean): void {
    if (this.#block.length > 0) this.#refuseBlock()
    if (!this.#hasEnded || !hasLastNewline)
      this.#report('truncated', 'The last line of an export says that it is the last one.')
    if (this.#header === null) return
    if (this.#promised !== null) this.#keepPromise(this.#promised)
    if (this.#expected.next !== null && this.#expected.next > this.#edge.size) {
      const seen = `A witness has seen ${this.#expected.next} leaves, here are ${this.#edge.size}.`
      this.#findings.report('truncated', NOWHERE, seen)
    }
  }

  #keepPromise(promised: TreeHead): void {
    const { size } = this.#edge
    if (size < promised.size)
      this.#findings.report(
        'truncated',
        NOWHERE,
        `The header says ${promised.size} leaves, here are ${size}.`,
      )
    else if (size > promised.size)
      this.#findings.report('unvouched', { line: null, leaf: promised.size }, `Here are ${size} leaves.`)
    else this.#vouch(promised, { line: 1, leaf: null })
  }

  summary() {
    return {
      kind: 'export' as const,
      from: this.#header?.from ?? 0,
      size: this.#edge.size,
      rows: this.#rows,
      firstAt: this.#history.firstAt,
      lastAt: this.#history.lastAt,
      checkpoints: this.#checkpoints,
      witnesses: this.#witnesses.length,
    }
  }

  #report(code: ProblemCode, detail: string, leaf: number | null = null): void {
    this.#findings.report(code, { line: this.#line, leaf }, detail)
  }
}

const LINE_CODES = {
  changed: 'line_changed',
  added: 'line_added',
  removed: 'line_removed',
  moved: 'line_moved',
  repeated: 'line_repeated',
} as const satisfies Record<Difference['kind'], ProblemCode>

const DETAILS = {
  changed: 'Its hash is another one.',
  added: 'Among those of its block there is no such hash.',
  removed: 'It was before this line.',
  moved: 'Its leaf belongs elsewhere in its block.',
  repeated: 'Its leaf was met before.',
} as const satisfies Record<Difference['kind'], string>

const ROW = Buffer.from('{"v":')

function isRow(bytes: Buffer): boolean {
  return bytes.subarray(0, ROW.length).equals(ROW)
}

/**
 * `null` = it is no row, though it was sealed as one. How it is spelled is not looked at: it is spelled as it was sealed,
 * and reading it so takes a third of the time.
 */
function readSealed(bytes: Buffer): AuditLine | null {
  try {
    const row = JSON.parse(bytes.toString()) as AuditLine & { readonly v: number }
    const isRow = row.v === 1 && typeof row.writer === 'string' && typeof row.action === 'string'
    return isRow && [row.seq, row.at, row.epoch].every(Number.isSafeInteger) ? row : null
  } catch {
    return null
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
