import type { KeyObject } from 'node:crypto'
import {
  AuditLogError,
  type Checkpoint,
  openCheckpoint,
  signCheckpoint,
  signingKeyOf,
  type Verifier,
  verifierOf,
} from '@lunadefend/audit-log'
import type { KeyRing } from './key-ring.ts'

/**
 * Signs with every version that is held and in use, not with the present one alone: whoever knows an older key still
 * reads the checkpoint, and has until that is retired to take up the newer one.
 */
export function signOwnCheckpoint(ring: KeyRing, checkpoint: Checkpoint, now: number): string {
  const active = ring.checkpoint.filter(({ activeFrom }, at) => at === 0 || activeFrom <= now)
  return signCheckpoint(
    checkpoint,
    active.map(({ key }) => signerOf(key)),
  )
}

/** The public keys under this name, oldest first. */
export function checkpointVerifiers(ring: KeyRing, origin: string): Verifier[] {
  return ring.checkpoint.map(({ key }) => verifierOf(origin, signerOf(key)))
}

/**
 * What a checkpoint says that this installation has signed, also under a name that it had before.
 *
 * @throws {AuditLogError} when it has not, or somebody has changed it
 */
export function openOwnCheckpoint(ring: KeyRing, note: string): Checkpoint {
  const origin = note.slice(0, Math.max(note.indexOf('\n'), 0))
  return openCheckpoint(note, checkpointVerifiers(ring, origin))
}

/** Whether one of the keys that are held has signed it. */
export function isSignedBy(ring: KeyRing, note: string): boolean {
  try {
    return openOwnCheckpoint(ring, note).size >= 0
  } catch (error) {
    if (error instanceof AuditLogError) return false
    throw error
  }
}

const signers = new WeakMap<KeyObject, KeyObject>()

/** The key of the ring is the seed (RFC 8032 §5.1.5). */
function signerOf(key: KeyObject): KeyObject {
  const known = signers.get(key)
  if (known !== undefined) return known
  const seed = key.export()
  const signer = signingKeyOf(seed)
  seed.fill(0)
  signers.set(key, signer)
  return signer
}
