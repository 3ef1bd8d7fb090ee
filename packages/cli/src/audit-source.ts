import {
  BLOCK_ROWS,
  type Edge,
  edgeOf,
  encodeLine,
  exportWriter,
  formatInclusionProof,
  fromTiles,
  inclusionProof,
  type Nodes,
  TILE_WIDTH,
} from '@lunadefend/audit-log'
import type { AuditFilter, AuditLog, AuditRow, SealedRow, StoredCheckpoint } from '@lunadefend/core'
import { openAuditLog } from '@lunadefend/tokenizer/audit-access'
import { parseDatabase } from '@lunadefend/tokenizer/config'
import { readSettings } from './config-file.ts'
import { CliFailure, usageFailure } from './failure.ts'

/** The option of each command that reads the audit log where it is written. */
export const AUDIT_CONFIG = {
  kind: 'text',
  value: '<file>',
  says: 'the settings of the Tokenizer, or {"database": …} with the role of the auditor alone',
} as const

export function openConfigured(config: string | null): Promise<AuditLog> {
  return openAuditLog(parseDatabase(readSettings(config)))
}

/** Rows in one question. */
const PAGE = 1000

/** The newest checkpoint: what comes after it is not sealed yet, and is no part of any answer. */
export async function newestCheckpoint(log: AuditLog): Promise<StoredCheckpoint> {
  const newest = await log.findNewestCheckpoint(Number.MAX_SAFE_INTEGER)
  if (newest !== null) return newest
  throw new CliFailure(
    'nothing_sealed',
    'Nothing was sealed yet: a Tokenizer does it within a second after its first decision.',
  )
}

/** The export of all that is sealed from this leaf on, in whole lines. `progress` hears of leaves. */
export async function* exportAll(
  log: AuditLog,
  from: number,
  progress: (done: number, total: number) => void = () => undefined,
): AsyncGenerator<string> {
  const { size, note } = await newestCheckpoint(log)
  if (from > size) throw usageFailure(`--from ${from}: the log has ${size} leaves.`)
  const writer = exportWriter()
  yield writer.begin({ from, edge: await edgeAt(log, from, size), checkpoint: note })
  for (let start = from; start < size; ) {
    // As many rows as go into one block, but so that a checkpoint follows them, where there is one.
    const checkpoint = await log.findNewestCheckpoint(Math.min(size, start + BLOCK_ROWS))
    const sealed = checkpoint !== null && checkpoint.size > start ? checkpoint : null
    const end = sealed?.size ?? Math.min(size, start + BLOCK_ROWS)
    const leaves = await log.findLeaves(null, start, end - start)
    const lines = leaves.flatMap(({ row }) => (row === null ? [] : [encodeLine(row)]))
    yield writer.block(start, lines, Buffer.concat(leaves.map(({ hash }) => hash)))
    if (sealed !== null) yield writer.checkpoint(sealed.note)
    start = end
    progress(start - from, size - from)
  }
  yield writer.end()
}

/** Rows that are sealed and that the filter lets through, in the order of their leaves, from this one on. */
export async function* selected(
  log: AuditLog,
  filter: AuditFilter,
  from: number,
  size: number,
): AsyncGenerator<SealedRow[]> {
  for (let start = from; start < size; ) {
    const page = await log.findLeaves(filter, start, PAGE)
    yield page.filter(({ number }) => number < size)
    start = page.length < PAGE ? size : (page.at(-1)?.number ?? size) + 1
  }
}

/** Every row: those that are sealed, in the order of their leaves, then those that are not yet. */
export async function* everyRow(log: AuditLog): AsyncGenerator<AuditRow> {
  for (let from = 0; ; ) {
    const page = await log.findLeaves(null, from, PAGE)
    for (const { row } of page) if (row !== null) yield row
    const last = page.at(-1)
    if (last === undefined) break
    from = last.number + 1
  }
  yield* restOf(log)
}

/** Rows that have no leaf yet. */
export async function* restOf(log: AuditLog): AsyncGenerator<AuditRow> {
  for (let after: AuditRow | null = null; ; ) {
    const page: AuditRow[] = await log.findRest(after, PAGE)
    yield* page
    after = page.at(-1) ?? null
    if (after === null) return
  }
}

/** Proofs that leaves are in the tree of this checkpoint, as c2sp.org/tlog-proof writes them. */
export function prover(log: AuditLog, { size, note }: StoredCheckpoint): (leaf: number) => Promise<string> {
  return async (leaf) => {
    const hashes = await askTree(log, size, (nodes) => inclusionProof(nodes, leaf, size))
    return formatInclusionProof({ index: leaf, hashes, checkpoint: note })
  }
}

function edgeAt(log: AuditLog, from: number, size: number): Promise<Edge> {
  return from === 0
    ? Promise.resolve({ size: 0, peaks: [] })
    : askTree(log, size, (nodes) => edgeOf(nodes, from))
}

function askTree<Answer>(log: AuditLog, size: number, ask: (nodes: Nodes) => Answer): Promise<Answer> {
  return fromTiles(size, ask, (tiles) =>
    Promise.all(
      tiles.map(async ({ level, index, width }) => {
        const hashes = await log.findHashes(level, index * TILE_WIDTH, width)
        return Buffer.concat(hashes.map(({ hash }) => hash))
      }),
    ),
  )
}
