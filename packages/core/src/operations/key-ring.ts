import { type KeyRing, newKeyRing, openKeyRing, sealKeyRing, withAuditKeys } from '../crypto/key-ring.ts'
import { PortFailure } from '../port-failure.ts'
import type { KeyRingChange } from '../ports.ts'
import type { Needs } from './needs.ts'

export type KeyRingNeeds = Pick<Needs, 'database' | 'clock'> & { readonly root: Needs['keys']['root'] }

/**
 * The ring of this database, made when there is none and no record either, with audit keys for this period and the
 * next. A process that starts seals it by its active root key; one that runs leaves the seal as it is: while Tokenizers
 * of older and newer settings run side by side, the last that started says which root key it is to be. Throws
 * SealBroken when it was sealed under another root key, and `database_damaged` when it is gone or, for whoever has one
 * already (`known`), an older one. Several processes may do this at once: one wins, all agree.
 */
export async function loadKeyRing(needs: KeyRingNeeds, known: KeyRing | null = null): Promise<KeyRing> {
  const { database, clock, root } = needs
  for (let attempt = 1; ; attempt += 1) {
    const row = await database.read((reader) => reader.readKeyRing())
    if ((row?.version ?? 0) < (known?.version ?? 0) || (row === null && attempt > 1)) throw ringLost()
    const ring = row === null ? null : await openKeyRing(root.prf, row)
    const now = clock.now()
    const kid = row === null || known === null ? root.activeKid : row.kid
    const next = ring === null ? newKeyRing(now) : nextRing(ring, row?.kid === kid, now)
    if (next === null) return ring as KeyRing
    if ((await replaceRing(needs, kid, next, { retires: null, audit: null })) === 'replaced') return next
  }
}

/** Puts the ring, sealed by this root key, in the place of the version before it. */
export async function replaceRing(
  { database, root }: Pick<KeyRingNeeds, 'database' | 'root'>,
  kid: string,
  next: KeyRing,
  change: Omit<KeyRingChange, 'expected'>,
) {
  const sealed = await sealKeyRing(root.prf, kid, next)
  return database.commit.replaceKeyRing(sealed, { ...change, expected: next.version - 1 })
}

/** With the audit keys that it lacks or, when it is to get another seal, the same as it is. */
function nextRing(ring: KeyRing, sealedWell: boolean, now: number): KeyRing | null {
  const extended = withAuditKeys(ring, now)
  if (extended !== null || sealedWell) return extended
  return { ...ring, version: ring.version + 1 }
}

function ringLost(): PortFailure {
  return new PortFailure('database_damaged', 'Its key ring is gone, or an older one is in its place.')
}
