import type { KeyObject } from 'node:crypto'
import { AuditLogError } from './audit-log-error.ts'
import { openNote, signNote, strictBase64, type Verifier } from './note.ts'
import { HASH_BYTES, type TreeHead } from './tree.ts'

/** A tree head and the name of its log: c2sp.org/tlog-checkpoint. */
export interface Checkpoint extends TreeHead {
  readonly origin: string
}

/** The name of the audit log of the Tokenizer with this public URL, which is also where it is, but for `https://`. */
export function originOf(publicUrl: string): string {
  return `${new URL(publicUrl).host}/audit`
}

/** The checkpoint as a note, signed by each key under the name of the log. */
export function signCheckpoint({ origin, size, root }: Checkpoint, keys: readonly KeyObject[]): string {
  return signNote(`${origin}\n${size}\n${Buffer.from(root).toString('base64')}\n`, origin, keys)
}

/**
 * What a checkpoint says, once one of these keys has signed it under the name of the log.
 *
 * @throws {AuditLogError} `note_malformed`, `checkpoint_unknown_key`, `checkpoint_forged`, `checkpoint_malformed`
 */
export function openCheckpoint(note: string, verifiers: readonly Verifier[]): Checkpoint {
  const checkpoint = parse(openNote(note, verifiers))
  // A key that is trusted for one log says nothing about another.
  if (verifiers.every(({ name }) => name !== checkpoint.origin)) {
    throw new AuditLogError('checkpoint_unknown_key', 'It is the checkpoint of another log.')
  }
  return checkpoint
}

function parse(text: string): Checkpoint {
  // What comes after the third line is of no meaning here, but must not be empty.
  const [origin = '', size = '', root = '', ...more] = text.slice(0, -1).split('\n')
  const bytes = strictBase64(root)
  const number = /^(?:0|[1-9]\d{0,15})$/.test(size) ? Number(size) : Number.NaN
  if (origin === '' || !Number.isSafeInteger(number) || bytes?.length !== HASH_BYTES || more.includes('')) {
    throw new AuditLogError('checkpoint_malformed')
  }
  return { origin, size: number, root: bytes }
}
