import { openOuter } from '../crypto/record.ts'
import { type AuditSubject, allowed } from '../domain/audit.ts'
import type { TokenRecord } from '../domain/record.ts'
import type { PendingDeletion } from '../ports.ts'
import type { Needs } from './needs.ts'
import { isDamage } from './result.ts'

/** An upload URL can be used for five minutes; a minute on top for clocks. */
export const UPLOAD_LIFE_MS = 6 * 60 * 1000

/** What became of a value whose keys were shredded. Times in milliseconds since 1970. */
export interface Shredded {
  readonly shreddedAt: number
  /** Whether the object is gone already; the sweep goes on with it when not. */
  readonly objectRemoved: boolean
  /** When the last upload URL has expired; then the object is removed once more, for good. */
  readonly finalAt: number
}

/**
 * Shreds the keys, which makes the value unreadable at once and for good; the object is removed now and, because an
 * upload URL may still be about, once more when the last one has expired. That second removal survives a restart.
 * `null` = the record had gone meanwhile.
 */
export async function shred(
  needs: Pick<Needs, 'database' | 'objectStore' | 'keys' | 'clock'>,
  record: TokenRecord,
  audit: AuditSubject,
): Promise<Shredded | null> {
  const { database, clock } = needs
  const place = await placeOf(needs, record)
  const at = clock.now()
  const finalAt = at + UPLOAD_LIFE_MS
  const deletion = {
    objectKey: place?.objectKey ?? null,
    uploadId: place?.uploadId ?? null,
    at,
    notBefore: finalAt,
  }
  if (!(await database.commit.shredRecord(record.recordId, deletion, allowed(audit)))) return null
  const objectRemoved = place !== null && (await removed(needs, place))
  return { shreddedAt: at, objectRemoved, finalAt }
}

/** `null` when the record is damaged: then the object is one without a record, and reaped as such. */
async function placeOf(
  { keys, database }: Pick<Needs, 'keys' | 'database'>,
  record: TokenRecord,
): Promise<PendingDeletion | null> {
  const upload = await database.read((reader) => reader.findUpload(record.recordId))
  try {
    const { objectKey } = await openOuter(keys.root.prf, record, record)
    return { objectKey, uploadId: upload?.uploadId ?? null }
  } catch (error) {
    if (isDamage(error)) return null
    throw error
  }
}

async function removed(needs: Pick<Needs, 'objectStore'>, place: PendingDeletion): Promise<boolean> {
  return removeObject(needs, place).then(
    () => true,
    () => false,
  )
}

/** Throws when the store does not answer. */
async function removeObject(
  { objectStore }: Pick<Needs, 'objectStore'>,
  { objectKey, uploadId }: PendingDeletion,
): Promise<void> {
  if (uploadId !== null) await objectStore.abortUpload({ objectKey, uploadId })
  await objectStore.delete(objectKey)
}

/** Removes objects of shredded records for good. Answers how many. Throws when the store does not answer. */
export async function sweepDeletions(
  needs: Pick<Needs, 'database' | 'objectStore' | 'clock'>,
  limit: number,
): Promise<number> {
  const pending = await needs.database.read((reader) => reader.findDeletions(needs.clock.now(), limit))
  for (const place of pending) await removeObject(needs, place)
  const objectKeys = pending.map(({ objectKey }) => objectKey)
  if (objectKeys.length > 0) await needs.database.commit.finishDeletions(objectKeys)
  return objectKeys.length
}
