import { openMetadata, openOuterBytes, sealMetadata, sealOuterBytes } from '../crypto/record.ts'
import { allowed } from '../domain/audit.ts'
import type { TokenRecord } from '../domain/record.ts'
import type { Reseal } from '../ports.ts'
import { systemSubject } from './audit-trail.ts'
import type { Needs } from './needs.ts'
import { isDamage, mapLimited } from './result.ts'
import { WALK_AT_ONCE, walkOlder } from './walk-older.ts'
import type { Step } from './work.ts'

const WIDTH = 16

type ResealNeeds = Pick<Needs, 'database' | 'keys' | 'clock'>

/**
 * One step of the rotation of the root key: records that another key sealed are sealed under the active one. It needs
 * no token, since only the outer layer and the metadata are the root key's. Only that process does it whose active key
 * seals the ring: two with different settings would else undo each other's work for ever.
 */
export async function resealStep(
  needs: ResealNeeds,
  requestId: string,
  cursor: string | null,
): Promise<Step> {
  const { activeKid, kids } = needs.keys.root
  const ring = await needs.database.read((reader) => reader.readKeyRing())
  if (ring?.kid !== activeKid) return { done: 0, next: null }
  return walkOlder(cursor, {
    names: kids.filter((kid) => kid !== activeKid),
    find: (kid, after) =>
      needs.database.read((reader) => reader.findRecordsSealedBy(kid, after, WALK_AT_ONCE)),
    async change(records) {
      const reseals = await mapLimited(records, WIDTH, (record) => reseal(needs, record))
      const good = reseals.filter((item) => item !== null)
      if (good.length === 0) return 0
      const audit = allowed(systemSubject(needs, requestId, 'reseal-records', null, good.length))
      return needs.database.commit.resealRecords(good, audit)
    },
  })
}

async function reseal({ keys: { root } }: ResealNeeds, record: TokenRecord): Promise<Reseal | null> {
  const generation = record.generation + 1
  const place = { app: record.app, recordId: record.recordId, kid: root.activeKid, generation }
  try {
    const content = await openOuterBytes(root.prf, record, record)
    const metadata = record.sealedMetadata && (await openMetadata(root.prf, record, record.sealedMetadata))
    return {
      recordId: record.recordId,
      generation,
      kid: root.activeKid,
      ...(await sealOuterBytes(root.prf, place, content)),
      sealedMetadata: metadata === null ? null : await sealMetadata(root.prf, place, metadata),
    }
  } catch (error) {
    if (isDamage(error)) return null
    throw error
  }
}
