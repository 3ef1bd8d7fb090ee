import {
  type LogReport,
  type StoredNode,
  TILE_WIDTH,
  type VerifySettings,
  verifyLog,
} from '@lunadefend/audit-log'
import type { AuditLog, AuditRow, StoredCheckpoint } from '@lunadefend/core'
import { restOf } from './audit-source.ts'

/** Leaves, nodes or rows in one question. */
const PAGE = 1024
/** 256 ** 6 leaves are more than there will be. */
const LEVELS = [1, 2, 3, 4, 5, 6] as const

/**
 * Checks the log as it is stored, page by page: rows, leaves, nodes, checkpoints, and the rows that have no leaf yet.
 * `now`: milliseconds since 1970; `progress` hears of leaves.
 */
export async function checkLog(
  log: AuditLog,
  settings: VerifySettings,
  now: number,
  progress: (done: number, total: number | null) => void = () => undefined,
): Promise<LogReport> {
  const verifier = verifyLog(settings)
  const total = (await log.findNewestCheckpoint(Number.MAX_SAFE_INTEGER))?.size ?? null
  for (let from = 0; ; ) {
    const leaves = await log.findLeaves(null, from, PAGE)
    const last = leaves.at(-1)
    if (last === undefined) {
      const [nodes, checkpoints, rest] = [
        await nodesIn(log, from, null),
        await checkpointsIn(log, from, null),
        await collected(restOf(log)),
      ]
      // A row that was sealed in between is in neither: look again.
      if ((await log.findLeaves(null, from, 1)).length > 0) continue
      verifier.nodes(nodes)
      verifier.checkpoints(checkpoints)
      verifier.unsealed(rest, now)
      return verifier.end()
    }
    const end = last.number + 1
    verifier.nodes(await nodesIn(log, from, end))
    verifier.checkpoints(await checkpointsIn(log, from, end))
    verifier.leaves(leaves)
    from = end
    progress(from, total)
  }
}

/** Nodes that leaves of this range complete; `end` `null` = all that there are. */
async function nodesIn(log: AuditLog, from: number, end: number | null): Promise<StoredNode[]> {
  const found: StoredNode[] = []
  for (const level of LEVELS) {
    const width = TILE_WIDTH ** level
    const [first, bound] = [
      Math.floor(from / width),
      end === null ? Number.POSITIVE_INFINITY : Math.floor(end / width),
    ]
    if (first >= bound) continue
    const hashes = await log.findHashes(level, first, PAGE)
    found.push(...hashes.filter(({ number }) => number < bound).map((node) => ({ level, ...node })))
  }
  return found
}

async function checkpointsIn(log: AuditLog, from: number, end: number | null): Promise<StoredCheckpoint[]> {
  const found = await log.findCheckpoints(from, PAGE)
  return end === null ? found : found.filter(({ size }) => size <= end)
}

async function collected(rows: AsyncIterable<AuditRow>): Promise<AuditRow[]> {
  const all: AuditRow[] = []
  for await (const row of rows) all.push(row)
  return all
}
