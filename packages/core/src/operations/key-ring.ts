import { type KeyRing, newKeyRing, openKeyRing, sealKeyRing, withAuditKeys } from '../crypto/key-ring.ts'
import type { Needs } from './needs.ts'

type KeyRingNeeds = Pick<Needs, 'database' | 'clock'> & { readonly root: Needs['keys']['root'] }

/**
 * The ring of this database, made when there is none, with audit keys for this epoch and the next. Throws SealBroken
 * when the ring was sealed under another root key. Several processes may do this at once: one wins, all agree.
 */
export async function loadKeyRing(needs: KeyRingNeeds): Promise<KeyRing> {
  const { database, clock, root } = needs
  for (;;) {
    const row = await database.read((reader) => reader.readKeyRing())
    const ring = row === null ? null : await openKeyRing(root.prf, row)
    const next = ring === null ? newKeyRing(clock.now()) : withAuditKeys(ring, clock.now())
    if (next === null) return ring as KeyRing
    const sealed = await sealKeyRing(root.prf, root.activeKid, next)
    if (await database.commit.replaceKeyRing(sealed, row?.version ?? 0)) return next
  }
}
