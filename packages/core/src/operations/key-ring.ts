import { type KeyRing, newKeyRing, openKeyRing, sealKeyRing, withAuditKeys } from '../crypto/key-ring.ts'
import { PortFailure } from '../port-failure.ts'
import type { Needs } from './needs.ts'

type KeyRingNeeds = Pick<Needs, 'database' | 'clock'> & { readonly root: Needs['keys']['root'] }

/**
 * The ring of this database, made when there is none, with audit keys for this epoch and the next. Throws SealBroken
 * when the ring was sealed under another root key. Several processes may do this at once: one wins, all agree.
 * Whoever has a ring already hands it in as `known`: then one that is gone, or older, is `database_damaged`.
 */
export async function loadKeyRing(needs: KeyRingNeeds, known: KeyRing | null = null): Promise<KeyRing> {
  const { database, clock, root } = needs
  for (;;) {
    const row = await database.read((reader) => reader.readKeyRing())
    if (known !== null && (row?.version ?? 0) < known.version) {
      throw new PortFailure('database_damaged', 'Its key ring is gone, or an older one is in its place.')
    }
    const ring = row === null ? null : await openKeyRing(root.prf, row)
    const next = ring === null ? newKeyRing(clock.now()) : withAuditKeys(ring, clock.now())
    if (next === null) return ring as KeyRing
    const sealed = await sealKeyRing(root.prf, root.activeKid, next)
    if (await database.commit.replaceKeyRing(sealed, row?.version ?? 0)) return next
  }
}
