import { createHash } from 'node:crypto'
import { signCheckpoint } from '../src/checkpoint.ts'
import { BLOCK_ROWS, exportWriter } from '../src/export-format.ts'
import { type AuditLine, encodeLine } from '../src/line.ts'
import { signingKeyOf, type Verifier, verifierOf } from '../src/note.ts'
import { EMPTY_EDGE, edgeOf, grow, leafHash, nodesOver, rootOfEdge } from '../src/tree.ts'

const ORIGIN = 'tokens.example/audit'
export const LOG_KEY = signingKeyOf(new Uint8Array(32).fill(1))
export const OTHER_KEY = signingKeyOf(new Uint8Array(32).fill(2))
export const VERIFIER: Verifier = verifierOf(ORIGIN, LOG_KEY)
export const NOW = 1_800_000_000_000

export const pseudonym = (name: string) => createHash('sha256').update(name).digest('hex').slice(0, 32)

export function sampleLine(changes: Partial<AuditLine> = {}): AuditLine {
  return {
    writer: '00000000000000aa',
    seq: 1,
    at: NOW,
    requestId: 'request',
    app: 'shop',
    actor: 'user',
    operator: null,
    action: 'detokenize',
    epoch: 694_000,
    session: pseudonym('session'),
    user: pseudonym('user'),
    token: pseudonym('token'),
    network: pseudonym('network'),
    generation: 1,
    policy: null,
    count: 1,
    refusal: null,
    ...changes,
  }
}

/**
 * Rows of several writers who work at once. What one of them has committed late stands after what others did later, as
 * the sealer finds it; the rows of each are in their order.
 */
export function sampleRows(count: number, writers = 3): AuditLine[] {
  const seqs = Array.from({ length: writers }, () => 0)
  return Array.from({ length: count }, (_, index) => {
    const writer = Math.floor((index * 7) / 3) % writers
    seqs[writer] = (seqs[writer] ?? 0) + 1
    const late = index % 11 === 0 ? 3000 : 0
    const token = pseudonym(`token ${index % 17}`)
    const name = `${writer}`.padStart(16, 'a')
    return sampleLine({
      writer: name,
      seq: seqs[writer] ?? 0,
      at: NOW + index * 400 - late,
      token,
      requestId: `r${index}`,
    })
  })
}

export interface SampleExport {
  readonly text: string
  readonly rows: readonly AuditLine[]
  /** The checkpoint of each size at which one was signed. */
  readonly checkpoints: ReadonlyMap<number, string>
}

export interface SampleSettings {
  readonly from?: number
  /** A checkpoint after so many rows. */
  readonly every?: number
  readonly key?: typeof LOG_KEY
  readonly origin?: string
}

export function checkpointOf(lines: readonly string[], settings: SampleSettings = {}): string {
  const root = rootOfEdge(grow(EMPTY_EDGE, lines.map(leafHash)))
  const origin = settings.origin ?? ORIGIN
  return signCheckpoint({ origin, size: lines.length, root }, [settings.key ?? LOG_KEY])
}

export function sampleExport(rows: readonly AuditLine[], settings: SampleSettings = {}): SampleExport {
  const lines = rows.map(encodeLine)
  return { rows, ...exportOf(lines, lines, settings) }
}

/** `sealed` are the lines that were hashed, where somebody has changed some since. */
export function exportOf(
  lines: readonly string[],
  sealed: readonly string[],
  settings: SampleSettings = {},
): Omit<SampleExport, 'rows'> {
  const { from = 0, every = 20 } = settings
  const hashes = sealed.map(leafHash)
  const writer = exportWriter()
  const checkpoint = checkpointOf(sealed, settings)
  const edge = edgeOf(nodesOver(hashes), from)
  const pieces = [writer.begin({ from, edge, checkpoint })]
  const checkpoints = new Map<number, string>()
  for (let start = from; start < sealed.length; ) {
    const end = Math.min(sealed.length, start + BLOCK_ROWS, start - (start % every) + every)
    pieces.push(writer.block(start, lines.slice(start, end), Buffer.concat(hashes.slice(start, end))))
    const note = checkpointOf(sealed.slice(0, end), settings)
    checkpoints.set(end, note)
    pieces.push(writer.checkpoint(note))
    start = end
  }
  return { text: [...pieces, writer.end()].join(''), checkpoints }
}
