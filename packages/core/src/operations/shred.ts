import { openOuter } from '../crypto/record.ts'
import type { Actor, Caller } from '../domain/actor.ts'
import { type AuditSubject, allowed } from '../domain/audit.ts'
import type { TokenRecord } from '../domain/record.ts'
import { PortFailure } from '../port-failure.ts'
import type { Commits, PendingDeletion, Stops } from '../ports.ts'
import type { Needs } from './needs.ts'
import { commitOnce } from './once.ts'
import { DENIED, isDamage, mapLimited, type Result } from './result.ts'

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

/** Who asked for it, where somebody did. */
type Asked = Pick<Caller<Actor>, 'attempt'>

/** What whoever asked for it is told. */
export function resultOf(shredded: Shredded | null): Result<Shredded> {
  return shredded === null ? DENIED : { ok: true, data: shredded }
}

/**
 * Shreds the keys, which makes the value unreadable at once and for good; the object is removed now and, because an
 * upload URL may still be about, once more when the last one has expired. That second removal survives a restart.
 * `null` = the record had gone meanwhile, or a block stops it.
 */
export async function shred(
  needs: Pick<Needs, 'database' | 'objectStore' | 'keys' | 'clock'>,
  record: TokenRecord,
  audit: AuditSubject,
  stops: Stops,
  asked: Asked = {},
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
  // What is left to say, whether the object is gone, is said when it is.
  const told = (done: boolean) => resultOf(done ? { shreddedAt: at, objectRemoved: false, finalAt } : null)
  const run = (commit: Commits) => commit.shredRecord(record.recordId, deletion, allowed(audit), stops)
  try {
    if (!(await commitOnce(needs, asked, run, told, { last: false }))) return null
  } catch (error) {
    // A re-keying in between has noted this object already, so that the commit did nothing: there is another one now.
    const [present] = await database.read((reader) => reader.findRecordsById([record.recordId]))
    if (!present || present.generation === record.generation) throw error
    return shred(needs, present, audit, stops, asked)
  }
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

/** Throws when the store does not answer. The object goes even where its upload in parts could not be ended. */
async function removeObject(
  { objectStore }: Pick<Needs, 'objectStore'>,
  { objectKey, uploadId }: PendingDeletion,
): Promise<void> {
  const aborted = uploadId === null ? null : objectStore.abortUpload({ objectKey, uploadId })
  const [outcome] = await Promise.allSettled([aborted])
  await objectStore.delete(objectKey)
  if (outcome.status === 'rejected') throw outcome.reason
}

const WIDTH = 8

/**
 * Removes objects of shredded records for good. Answers how many. Throws when the store does not answer, and, after all
 * the others, when it refuses to remove one: that one keeps no other from its end.
 */
export async function sweepDeletions(
  needs: Pick<Needs, 'database' | 'objectStore' | 'clock'>,
  limit: number,
): Promise<number> {
  const pending = await needs.database.read((reader) => reader.findDeletions(needs.clock.now(), limit))
  const refusals: PortFailure[] = []
  const removals = await mapLimited(pending, WIDTH, async (place) => {
    try {
      await removeObject(needs, place)
      return [place.objectKey]
    } catch (error) {
      if (!(error instanceof PortFailure) || error.code !== 'objects_refused') throw error
      refusals.push(error)
      return []
    }
  })
  const objectKeys = removals.flat()
  if (objectKeys.length > 0) await needs.database.commit.finishDeletions(objectKeys)
  if (refusals.length > 0) throw refusals[0]
  return objectKeys.length
}
