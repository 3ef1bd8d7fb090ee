import { AuditLogError } from './audit-log-error.ts'
import { decodeLine } from './line.ts'
import type { Verifier } from './note.ts'
import type { Findings } from './problem.ts'
import { parseInclusionProof, verifyInclusion } from './proof.ts'
import { leafHash } from './tree.ts'

/** One row out of many, with its leaf, and the proof that it is in the log (c2sp.org/tlog-proof), if there is one. */
export interface Selected {
  readonly leaf: number
  readonly proof: string | null
  /** The row exactly as it was hashed. */
  readonly row: string
}

/** Without its newline. The row stands in it as it was hashed: it is JSON itself. */
export function encodeSelected({ leaf, proof, row }: Selected): string {
  return `{"leaf":${leaf},"proof":${JSON.stringify(proof)},"row":${row}}`
}

/** `null` = it is none, or not written as `encodeSelected` writes it. */
export function decodeSelected(text: string): Selected | null {
  const at = text.indexOf(',"row":')
  try {
    const { leaf, proof } = JSON.parse(`${text.slice(0, at)}}`) as Partial<Selected>
    if (at < 0 || !Number.isSafeInteger(leaf) || Number(leaf) < 0) return null
    if (typeof proof !== 'string' && proof !== null) return null
    const selected = { leaf: Number(leaf), proof, row: text.slice(at + ',"row":'.length, -1) }
    return encodeSelected(selected) === text ? selected : null
  } catch {
    return null
  }
}

/** Checks rows that were picked out: that each is in the log. That none is missing, nobody can say. */
export class SelectionCheck {
  readonly #findings: Findings
  readonly #verifiers: readonly Verifier[]
  #line = 0
  #last = -1
  #first: number | null = null
  #range: { first: number; last: number } | null = null

  constructor(findings: Findings, verifiers: readonly Verifier[]) {
    this.#findings = findings
    this.#verifiers = verifiers
  }

  take(bytes: Buffer): void {
    this.#line += 1
    const place = { line: this.#line, leaf: null }
    const selected = decodeSelected(bytes.toString())
    if (selected === null) this.#findings.report('line_malformed', place, 'It is no row with a leaf.')
    else this.#check(selected)
  }

  #check(selected: Selected): void {
    this.#first ??= selected.leaf
    this.#inOrder(selected)
    if (selected.proof !== null) this.#prove(selected, selected.proof)
    else
      this.#findings.report(
        'proof_missing',
        { line: this.#line, leaf: selected.leaf },
        'Export it with --proofs.',
      )
  }

  #inOrder({ leaf }: Selected): void {
    const place = { line: this.#line, leaf }
    if (leaf === this.#last) this.#findings.report('line_repeated', place, 'Its leaf was met before.')
    if (leaf < this.#last) this.#findings.report('line_moved', place, `It comes after leaf ${this.#last}.`)
    this.#last = Math.max(this.#last, leaf)
  }

  #prove({ leaf, row }: Selected, proof: string): void {
    const place = { line: this.#line, leaf }
    try {
      const { at } = decodeLine(row)
      this.#range = {
        first: Math.min(this.#range?.first ?? at, at),
        last: Math.max(this.#range?.last ?? at, at),
      }
      verifyInclusion(proof, leafHash(row), this.#verifiers)
      const { index } = parseInclusionProof(proof)
      if (index !== leaf) this.#findings.report('proof_wrong', place, `It is the proof of leaf ${index}.`)
    } catch (error) {
      if (!(error instanceof AuditLogError)) throw error
      this.#findings.report('proof_wrong', place, error.message)
    }
  }

  end(hasLastNewline: boolean): void {
    if (!hasLastNewline)
      this.#findings.report('truncated', { line: this.#line, leaf: null }, 'Its last line is cut off.')
  }

  get size(): number {
    return this.#last + 1
  }

  get total(): null {
    return null
  }

  summary() {
    return {
      kind: 'selection' as const,
      ...{ from: this.#first ?? 0, size: this.#last + 1, rows: this.#line },
      firstAt: this.#range?.first ?? null,
      lastAt: this.#range?.last ?? null,
      ...{ checkpoints: 0, witnesses: 0 },
    }
  }
}
