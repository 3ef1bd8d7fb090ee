import {
  AuditLogError,
  type Checkpoint,
  consistencyProof,
  fromTiles,
  HASH_BYTES,
  isConsistent,
  openCheckpoint,
  parseVkey,
  TILE_WIDTH,
  type Tile,
  tilePath,
  type Verifier,
} from '@lunadefend/audit-log'
import type { ApplicationTokens } from './application-token.ts'
import { LunaDefendClientError } from './client-error.ts'
import { readEnvelope } from './envelope.ts'
import { type Answer, exchange } from './http-exchange.ts'
import type { Settings } from './settings.ts'

export interface WitnessOptions {
  /**
   * The public keys of the log, each as `name+id+key` (c2sp.org/signed-note). Write them down once, from the operator of
   * the Tokenizer. While the key changes, have the old and the new one.
   */
  readonly vkeys: readonly string[]
  /** What `save` was given last; `null` or `undefined` when that never happened. */
  readonly load: () => string | null | undefined | Promise<string | null | undefined>
  /** Keeps the checkpoint, where whoever can write to the Tokenizer's database cannot. */
  readonly save: (checkpoint: string) => void | Promise<void>
}

/** What was witnessed. */
export interface Witnessed {
  /** How many rows the audit log has. 0 = nothing was sealed yet. */
  readonly size: number
  /** The signed checkpoint (c2sp.org/tlog-checkpoint), as it was saved; `null` = there is none yet. */
  readonly checkpoint: string | null
}

/** The audit log of the Tokenizer, seen by somebody who need not trust it. */
export interface Audit {
  /**
   * Fetches the checkpoint of the audit log, proves that the log goes on from the one that was remembered, and remembers
   * the new one. To be called now and then, from anywhere.
   *
   * @throws {LunaDefendClientError} `audit_forked` when the log is another one than it was: **keep what `load` gives**, it
   * is the evidence; `audit_unsigned`, `invalid_option`, and what every call throws
   */
  witness(options: WitnessOptions): Promise<Witnessed>
}

const CHECKPOINT_BYTES = 64 * 1024

export function createAudit(settings: Settings, tokens: ApplicationTokens): Audit {
  const get = async (path: string, maxAnswerBytes: number): Promise<Answer> =>
    exchange({
      url: `${settings.tokenizerUrl}/audit/${path}`,
      method: 'GET',
      headers: { authorization: `Bearer ${await tokens.get()}` },
      timeoutMs: settings.timeoutMs,
      maxAnswerBytes,
      unreachable: 'tokenizer_unreachable',
      tooLarge: 'unexpected_answer',
    })
  return { witness: (options) => witness(get, options) }
}

type Get = (path: string, maxAnswerBytes: number) => Promise<Answer>

async function witness(get: Get, { vkeys, load, save }: WitnessOptions): Promise<Witnessed> {
  const verifiers = readVkeys(vkeys)
  const remembered = await load()
  const older = remembered ? open(remembered, verifiers) : null
  const note = await fetchCheckpoint(get)
  if (note === null) {
    if (older !== null) throw forked(older.size, 0)
    return { size: 0, checkpoint: null }
  }
  const head = open(note, verifiers)
  if (older !== null && !(await continues(get, older, head))) throw forked(older.size, head.size)
  await save(note)
  return { size: head.size, checkpoint: note }
}

async function continues(get: Get, older: Checkpoint, head: Checkpoint): Promise<boolean> {
  if (older.origin !== head.origin || older.size > head.size) return false
  const proof = await fromTiles(
    head.size,
    (nodes) => consistencyProof(nodes, older.size, head.size),
    (tiles) => Promise.all(tiles.map((tile) => fetchTile(get, tile))),
  )
  return isConsistent(older, head, proof)
}

async function fetchCheckpoint(get: Get): Promise<string | null> {
  const answer = await get('checkpoint', CHECKPOINT_BYTES)
  if (answer.status === 200) return Buffer.from(answer.bytes).toString('utf8')
  try {
    return throwFailure(answer)
  } catch (error) {
    // The Tokenizer's own word: something on the way that knows no such path says it in another form.
    if (error instanceof LunaDefendClientError && error.code === 'not_found') return null
    throw error
  }
}

async function fetchTile(get: Get, tile: Tile): Promise<Uint8Array> {
  const answer = await get(tilePath(tile), TILE_WIDTH * HASH_BYTES)
  if (answer.status !== 200) throwFailure(answer)
  if (answer.bytes.length === tile.width * HASH_BYTES) return answer.bytes
  throw new LunaDefendClientError('unexpected_answer', 'It is no tile of the audit log.')
}

function throwFailure(answer: Answer): never {
  return readEnvelope<never>(answer, () => null)
}

function open(note: string, verifiers: readonly Verifier[]): Checkpoint {
  try {
    return openCheckpoint(note, verifiers)
  } catch (error) {
    if (error instanceof AuditLogError) throw new LunaDefendClientError('audit_unsigned', error.message)
    throw error
  }
}

function readVkeys(vkeys: readonly string[]): Verifier[] {
  if (!Array.isArray(vkeys) || vkeys.length === 0) throw noVkey()
  try {
    return vkeys.map((vkey) => parseVkey(String(vkey)))
  } catch (error) {
    if (error instanceof AuditLogError) throw noVkey()
    throw error
  }
}

function noVkey(): LunaDefendClientError {
  return new LunaDefendClientError('invalid_option', '`vkeys` must be a list of keys such as name+id+key.')
}

function forked(before: number, now: number): LunaDefendClientError {
  return new LunaDefendClientError(
    'audit_forked',
    `It had ${before} rows when it was last seen, and says ${now}.`,
  )
}
