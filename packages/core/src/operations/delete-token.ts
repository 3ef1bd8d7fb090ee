import type { TokenId } from '@lunadefend/contract'
import { openOuter } from '../crypto/record.ts'
import type { Caller } from '../domain/actor.ts'
import { allowed, refused } from '../domain/audit.ts'
import { subjectOf } from './audit-trail.ts'
import { lookUpRecords } from './look-up.ts'
import type { Needs } from './needs.ts'
import { DENIED, type Result } from './result.ts'

/** An upload URL can be used for five minutes; a minute on top for clocks. */
const UPLOAD_LIFE_MS = 6 * 60 * 1000

/**
 * Shreds the keys, which makes the value unreadable at once and for good; the object is removed now and, because an
 * upload URL may still be about, once more when the last one has expired. That second removal survives a restart.
 */
export async function deleteToken(needs: Needs, caller: Caller, token: TokenId): Promise<Result<null>> {
  const { database, keys, clock, objectStore } = needs
  const subject = subjectOf(needs, caller, 'delete-token', token)
  const [found] = await lookUpRecords(needs, caller.actor.app, [token])
  const record = found?.record
  if (!record || record.deletedAt !== null) {
    await database.commit.recordAudit([refused(subject, record ? 'token-deleted' : 'unknown-token')])
    return DENIED
  }
  const { objectKey } = await openOuter(keys.root.prf, record, record)
  const deletion = { objectKey, at: clock.now(), notBefore: record.createdAt + UPLOAD_LIFE_MS }
  const shredded = await database.commit.shredRecord(record.recordId, deletion, allowed(subject))
  if (!shredded) return DENIED
  // The sweep comes back to it when this fails.
  await objectStore.delete(objectKey).catch(() => undefined)
  return { ok: true, data: null }
}

/** Removes objects of shredded records for good. Answers how many. Throws when the store does not answer. */
export async function sweepDeletions(
  { database, objectStore, clock }: Needs,
  limit: number,
): Promise<number> {
  const objectKeys = await database.read((reader) => reader.findDeletions(clock.now(), limit))
  for (const objectKey of objectKeys) await objectStore.delete(objectKey)
  if (objectKeys.length > 0) await database.commit.finishDeletions(objectKeys)
  return objectKeys.length
}
