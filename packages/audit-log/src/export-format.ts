import { strictBase64 } from './note.ts'
import { type Edge, HASH_BYTES } from './tree.ts'

// An export is a text of lines, each ended by a newline: the header; then blocks of up to 256 rows, each line exactly as
// it was hashed, followed by the hashes of their leaves; between blocks checkpoints; at the end the number of lines.
// Each line has one spelling.

/** Rows before their hashes come. */
export const BLOCK_ROWS = 256

export interface ExportHeader {
  /** The number of the first leaf. */
  readonly from: number
  /** The tree before it. */
  readonly edge: Edge
  /** The newest checkpoint: where the export must end. A note. */
  readonly checkpoint: string
}

/** What stands between the rows. */
export type ControlLine =
  | { readonly kind: 'leaves'; readonly from: number; readonly hashes: Uint8Array }
  | { readonly kind: 'checkpoint'; readonly checkpoint: string }
  | { readonly kind: 'end'; readonly lines: number }

const VERSION = 1

function encodeHeader({ from, edge, checkpoint }: ExportHeader): string {
  return JSON.stringify({
    export: 'lunadefend-audit',
    v: VERSION,
    from,
    edge: edge.peaks.map(base64),
    checkpoint,
  })
}

/** `null` = it is none, or not written as `encodeHeader` writes it. */
export function decodeHeader(text: string): ExportHeader | null {
  const { from, edge, checkpoint } = parse(text)
  if (!isCount(from) || !Array.isArray(edge) || typeof checkpoint !== 'string') return null
  const peaks = edge.map((each) => (typeof each === 'string' ? strictBase64(each) : null))
  const whole = peaks.filter((each) => each?.length === HASH_BYTES) as Uint8Array[]
  if (whole.length !== peaks.length || whole.length !== peaksOf(from)) return null
  const header = { from, edge: { size: from, peaks: whole }, checkpoint }
  return encodeHeader(header) === text ? header : null
}

function encodeControl(line: ControlLine): string {
  switch (line.kind) {
    case 'leaves':
      return JSON.stringify({ leaves: base64(line.hashes), from: line.from })
    case 'checkpoint':
      return JSON.stringify({ checkpoint: line.checkpoint })
    case 'end':
      return JSON.stringify({ end: line.lines })
  }
}

/** `null` = it is none, or not written as `encodeControl` writes it. */
export function decodeControl(text: string): ControlLine | null {
  const line = read(parse(text))
  return line !== null && encodeControl(line) === text ? line : null
}

function read({ leaves, from, checkpoint, end }: Record<string, unknown>): ControlLine | null {
  if (typeof leaves === 'string' && isCount(from)) {
    const hashes = strictBase64(leaves)
    const isWhole = hashes !== null && hashes.length > 0 && hashes.length % HASH_BYTES === 0
    return isWhole && hashes.length <= BLOCK_ROWS * HASH_BYTES ? { kind: 'leaves', from, hashes } : null
  }
  if (typeof checkpoint === 'string') return { kind: 'checkpoint', checkpoint }
  return isCount(end) ? { kind: 'end', lines: end } : null
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

/** The tree of this size has so many complete subtrees: as many as the size has ones in binary. */
function peaksOf(size: number): number {
  return size.toString(2).replaceAll('0', '').length
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')

/** Writes an export piece by piece; each answer is whole lines. */
export interface ExportWriter {
  begin(header: ExportHeader): string
  /** At most BLOCK_ROWS leaves. `lines` are the rows as they were hashed, `hashes` those of their leaves. */
  block(from: number, lines: readonly string[], hashes: Uint8Array): string
  checkpoint(note: string): string
  end(): string
}

export function exportWriter(): ExportWriter {
  let written = 0
  const write = (...lines: string[]) => {
    written += lines.length
    return lines.map((line) => `${line}\n`).join('')
  }
  return {
    begin: (header) => write(encodeHeader(header)),
    block: (from, lines, hashes) => write(...lines, encodeControl({ kind: 'leaves', from, hashes })),
    checkpoint: (note) => write(encodeControl({ kind: 'checkpoint', checkpoint: note })),
    end: () => write(encodeControl({ kind: 'end', lines: written })),
  }
}
