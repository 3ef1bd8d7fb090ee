import { AuditLogError } from './audit-log-error.ts'
import { type Checkpoint, openCheckpoint } from './checkpoint.ts'
import { strictBase64, type Verifier } from './note.ts'
import { HASH_BYTES, isConsistent, isEqual, rootOfInclusion, type TreeHead } from './tree.ts'

/** No tree whose size is a number has a longer one: RFC 9162 §2.1.3, and c2sp.org/tlog-witness. */
const MOST_HASHES = 63

/** That an entry is in the log: its place, the hashes beside its way up, and the signed checkpoint. */
export interface InclusionProof {
  /** Counts from 0. */
  readonly index: number
  readonly hashes: readonly Uint8Array[]
  /** The note. */
  readonly checkpoint: string
}

/** That nothing was taken from the log, or changed, since it had `oldSize` entries. */
export interface ConsistencyProof {
  readonly oldSize: number
  readonly hashes: readonly Uint8Array[]
  /** The note of the newer tree. */
  readonly checkpoint: string
}

const HEADER = 'c2sp.org/tlog-proof@v1'

/** The text of c2sp.org/tlog-proof; the usual name of its file ends with `.tlog-proof`. */
export function formatInclusionProof({ index, hashes, checkpoint }: InclusionProof): string {
  return `${HEADER}\n${textOf(`index ${index}`, hashes, checkpoint)}`
}

/** @throws {AuditLogError} `proof_malformed`. Extra data is passed over: nobody vouches for it. */
export function parseInclusionProof(text: string): InclusionProof {
  if (!text.startsWith(`${HEADER}\n`)) throw new AuditLogError('proof_malformed')
  const rest = text.slice(HEADER.length + 1).replace(/^extra [A-Za-z0-9+/]*={0,2}\n/, '')
  const { number, hashes, checkpoint } = parse('index', rest)
  return { index: number, hashes, checkpoint }
}

/**
 * Checks that the leaf is in the log, with nothing but the proof and keys that are trusted. Answers in which tree.
 *
 * @throws {AuditLogError} `proof_malformed`, `proof_wrong`, and what `openCheckpoint` throws
 */
export function verifyInclusion(text: string, leaf: Uint8Array, verifiers: readonly Verifier[]): Checkpoint {
  const { index, hashes, checkpoint } = parseInclusionProof(text)
  const head = openCheckpoint(checkpoint, verifiers)
  const root = rootOfInclusion(leaf, index, head.size, hashes)
  if (root === null || !isEqual(root, head.root)) throw new AuditLogError('proof_wrong')
  return head
}

/** The text that c2sp.org/tlog-witness has a witness sent: it can be given to any that knows the log. */
export function formatConsistencyProof({ oldSize, hashes, checkpoint }: ConsistencyProof): string {
  return textOf(`old ${oldSize}`, hashes, checkpoint)
}

/** @throws {AuditLogError} `proof_malformed` */
export function parseConsistencyProof(text: string): ConsistencyProof {
  const { number, hashes, checkpoint } = parse('old', text)
  return { oldSize: number, hashes, checkpoint }
}

/**
 * Checks that the log has only grown since `older`. Answers what it is now.
 *
 * @throws {AuditLogError} `proof_malformed`, `proof_wrong`, and what `openCheckpoint` throws
 */
export function verifyConsistency(text: string, older: TreeHead, verifiers: readonly Verifier[]): Checkpoint {
  const { oldSize, hashes, checkpoint } = parseConsistencyProof(text)
  const head = openCheckpoint(checkpoint, verifiers)
  if (oldSize !== older.size || !isConsistent(older, head, hashes)) throw new AuditLogError('proof_wrong')
  return head
}

function textOf(first: string, hashes: readonly Uint8Array[], checkpoint: string): string {
  const lines = hashes.map((hash) => `${Buffer.from(hash).toString('base64')}\n`)
  return `${first}\n${lines.join('')}\n${checkpoint}`
}

/** A number under its word, hashes, an empty line, a note. */
function parse(word: 'index' | 'old', text: string) {
  const end = text.indexOf('\n\n')
  const [first = '', ...lines] = text.slice(0, Math.max(end, 0)).split('\n')
  const [, digits = ''] = new RegExp(`^${word} (0|[1-9]\\d{0,15})$`).exec(first) ?? []
  const number = digits === '' ? Number.NaN : Number(digits)
  if (!Number.isSafeInteger(number) || lines.length > MOST_HASHES) throw new AuditLogError('proof_malformed')
  return { number, hashes: lines.map(readHash), checkpoint: text.slice(end + 2) }
}

function readHash(line: string): Uint8Array {
  const hash = strictBase64(line)
  if (hash?.length !== HASH_BYTES) throw new AuditLogError('proof_malformed')
  return hash
}
