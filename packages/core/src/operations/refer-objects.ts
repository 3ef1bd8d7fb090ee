import { currentKey } from '../crypto/key-ring.ts'
import { openOuter } from '../crypto/record.ts'
import { allowed } from '../domain/audit.ts'
import type { TokenRecord } from '../domain/record.ts'
import type { ReferredObject } from '../ports.ts'
import { systemSubject } from './audit-trail.ts'
import { newObjectRef } from './names.ts'
import type { Needs } from './needs.ts'
import { isDamage, mapLimited } from './result.ts'
import { WALK_AT_ONCE, walkOlder } from './walk-older.ts'
import type { Step } from './work.ts'

const WIDTH = 16

type ReferNeeds = Pick<Needs, 'database' | 'keys' | 'clock'>

/**
 * One step of the rotation of the key under which objects are found. It needs no token: the root key opens the layer
 * that holds the object's name.
 */
export function referStep(needs: ReferNeeds, requestId: string, cursor: string | null): Promise<Step> {
  const current = currentKey(needs.keys.ring.objects, needs.clock.now()).version
  return walkOlder(cursor, {
    // Those that were retired, too: a process that was late may have written with one of them since.
    names: Array.from({ length: current - 1 }, (_, index) => String(index + 1)),
    find: (version, after) =>
      needs.database.read((reader) => reader.findRecordsReferredBy(Number(version), after, WALK_AT_ONCE)),
    async change(records) {
      const references = await mapLimited(records, WIDTH, (record) => refer(needs, record))
      const good = references.filter((item) => item !== null)
      if (good.length === 0) return 0
      const audit = allowed(systemSubject(needs, requestId, 'refer-objects', null, good.length))
      return needs.database.commit.referObjects(good, audit)
    },
  })
}

async function refer(needs: ReferNeeds, record: TokenRecord): Promise<ReferredObject | null> {
  try {
    const { objectKey } = await openOuter(needs.keys.root.prf, record, record)
    const { recordId, generation } = record
    return { recordId, generation, ...newObjectRef(needs, objectKey) }
  } catch (error) {
    if (isDamage(error)) return null
    throw error
  }
}
