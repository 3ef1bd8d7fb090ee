import {
  AuditLogError,
  consistencyProof,
  type Edge,
  EMPTY_EDGE,
  edgeOf,
  encodeLine,
  fromTiles,
  grow,
  isConsistent,
  isEqual,
  leafHash,
  type Nodes,
  rootOfEdge,
  TILE_HEIGHT,
  TILE_WIDTH,
  type TreeHead,
  type Verifier,
} from '@lunadefend/audit-log'
import { checkpointVerifiers, openOwnCheckpoint, signOwnCheckpoint } from '../crypto/checkpoint-key.ts'
import { newName } from '../crypto/random.ts'
import { type AuditRow, allowed } from '../domain/audit.ts'
import { PortFailure } from '../port-failure.ts'
import type { AuditSealing, Reader, StoredCheckpoint } from '../ports.ts'
import { systemSubject } from './audit-trail.ts'
import type { Needs } from './needs.ts'

type SealNeeds = Pick<Needs, 'database' | 'keys' | 'clock'>

/** Rows in one commit: they take some milliseconds to hash. */
const AT_ONCE = 1000
/** How long a process that died keeps the others from sealing, in milliseconds. */
const LEASE_MS = 5000
/** A row that is older, in milliseconds, and has no leaf yet was forgotten by somebody. */
const BEHIND_MS = 30_000
const WORK = 'seal-audit'

/** The public keys of the checkpoints of the log of this name, oldest first. */
export function auditVerifiers({ keys }: Pick<Needs, 'keys'>, origin: string): Verifier[] {
  return checkpointVerifiers(keys.ring, origin)
}

/**
 * Gives committed rows of audit the next leaves of the tree, and signs it. Of all processes one does it, as long as it
 * keeps its lease; should two do it at once, one of them gets the leaves and the other nothing.
 */
export interface AuditSealer {
  /**
   * Seals at most 1,000 rows, and answers how many. 0 = there are none, or somebody else sees to them.
   *
   * @throws {PortFailure} `database_damaged` when the tree is not what was signed, or is an older one than was there before
   */
  seal(): Promise<number>
  /** Seals all that is left, whoever has the lease, and gives that back. */
  finish(): Promise<void>
  /** Whether a row has been waiting for half a minute. */
  isBehind(): Promise<boolean>
}

/** @param origin the name of the log: see `originOf` */
export function createAuditSealer(needs: SealNeeds, origin: string): AuditSealer {
  const { database, clock } = needs
  const holder = newName()
  // The first of all witnesses: what this process has seen it knows for as long as it lives.
  let known: TreeHead | null = null
  let sealed = 0
  const sealRows = async (isElected: () => Promise<boolean>): Promise<number> => {
    const { stored, rows } = await database.read(lookForRows)
    if (rows.length === 0 || !(await isElected())) return 0
    const edge = await trustedEdge(needs, stored, known)
    known = { size: edge.size, root: rootOfEdge(edge) }
    const { head, sealing } = prepare(needs, origin, edge, rows)
    // When somebody else was faster, there may be more to do, for whoever has the lease.
    if (!(await database.commit.sealAudit(sealing))) return rows.length
    known = head
    sealed += rows.length
    return rows.length
  }
  const takeLease = async () => {
    const now = clock.now()
    return (await database.commit.takeLease(WORK, holder, now, now + LEASE_MS)) !== null
  }
  return {
    seal: () => sealRows(takeLease),
    async finish() {
      while ((await sealRows(async () => true)) > 0);
      const over = { cursor: null, done: sealed, finishedAt: clock.now(), release: true }
      await database.commit.saveWork(WORK, holder, over)
    },
    async isBehind() {
      const [oldest] = await database.read((reader) => reader.findUnsealed(1))
      return oldest !== undefined && clock.now() - oldest.at > BEHIND_MS
    },
  }
}

/** The tree first: if it is still this one when the rows get their leaves, then they had none. */
async function lookForRows(reader: Reader) {
  const stored = await reader.findCheckpoint()
  return { stored, rows: await reader.findUnsealed(AT_ONCE) }
}

/** Notes that rows can be written again, after so many commits that could not be done. Rejects while they cannot. */
export async function resumeAudit(needs: SealNeeds, failed: number): Promise<void> {
  const subject = systemSubject(needs, newName(), 'resume-audit', null, failed)
  await needs.database.commit.recordAudit([allowed(subject)])
}

function prepare({ keys, clock }: SealNeeds, origin: string, edge: Edge, rows: readonly AuditRow[]) {
  const leaves = rows.map((row) => ({ writer: row.writer, seq: row.seq, hash: leafHash(encodeLine(row)) }))
  const nodes: AuditSealing['nodes'][number][] = []
  const hashes = leaves.map(({ hash }) => hash)
  const grown = grow(edge, hashes, (height, number, hash) => {
    if (height % TILE_HEIGHT === 0) nodes.push({ level: height / TILE_HEIGHT, number, hash })
  })
  const head = { origin, size: grown.size, root: rootOfEdge(grown) }
  const sealedAt = clock.now()
  const note = signOwnCheckpoint(keys.ring, head, sealedAt)
  const checkpoint = { size: grown.size, note, sealedAt }
  return { head, sealing: { from: edge.size, leaves, nodes, checkpoint } }
}

/**
 * The edge of the tree that the newest checkpoint has signed, and that goes on from the one that is known. Of any other
 * nothing is signed: a signature would make somebody's own history out of it.
 */
async function trustedEdge(
  { database, keys }: SealNeeds,
  stored: StoredCheckpoint | null,
  known: TreeHead | null,
): Promise<Edge> {
  if (stored === null && known !== null && known.size > 0) throw rolledBack()
  if (stored === null) return EMPTY_EDGE
  const head = signedHead(keys, stored)
  return database.read(async (reader) => {
    const edge = await askTree(reader, head.size, (nodes) => edgeOf(nodes, head.size))
    if (!isEqual(rootOfEdge(edge), head.root)) throw damaged('Its tree is not the one that was signed.')
    if (known === null || (await continues(reader, known, head))) return edge
    throw rolledBack()
  })
}

function signedHead(keys: Needs['keys'], { size, note }: StoredCheckpoint): TreeHead {
  try {
    const head = openOwnCheckpoint(keys.ring, note)
    if (head.size === size) return head
  } catch (error) {
    if (!(error instanceof AuditLogError)) throw error
  }
  throw damaged('Its newest checkpoint was not signed by this installation.')
}

async function continues(reader: Reader, known: TreeHead, head: TreeHead): Promise<boolean> {
  if (known.size > head.size) return false
  const proof = await askTree(reader, head.size, (nodes) => consistencyProof(nodes, known.size, head.size))
  return isConsistent(known, head, proof)
}

async function askTree<Answer>(reader: Reader, size: number, ask: (nodes: Nodes) => Answer): Promise<Answer> {
  try {
    return await fromTiles(size, ask, (tiles) =>
      Promise.all(
        tiles.map(async ({ level, index, width }) =>
          Buffer.concat(await reader.findTreeHashes(level, index * TILE_WIDTH, width)),
        ),
      ),
    )
  } catch (error) {
    if (error instanceof AuditLogError) throw damaged('Its tree lacks hashes.')
    throw error
  }
}

function rolledBack(): PortFailure {
  return damaged('Its tree does not go on from the one that was there before: an older state was put back.')
}

function damaged(what: string): PortFailure {
  return new PortFailure(
    'database_damaged',
    `The audit log: ${what} Look at docs/audit.md before restarting.`,
  )
}
