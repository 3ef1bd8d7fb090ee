import { openOuter } from '../crypto/record.ts'
import { allowed, refused } from '../domain/audit.ts'
import type { TokenRecord } from '../domain/record.ts'
import type { StoredObject } from '../ports.ts'
import { systemSubject } from './audit-trail.ts'
import { allObjectRefs, answersOf } from './names.ts'
import type { Needs } from './needs.ts'
import { isDamage, mapLimited } from './result.ts'
import { shred } from './shred.ts'
import type { Step } from './work.ts'

/** What is younger may still be under way. */
export const GRACE_MS = 24 * 60 * 60 * 1000
/** An upload in parts that goes on for longer is taken for abandoned. */
const UPLOAD_GRACE_MS = 7 * GRACE_MS
const AT_ONCE = 200
const WIDTH = 8
/** More orphans than that among AT_ONCE objects: not the objects are wrong then. */
const FEW_ORPHANS = 10

type ReapNeeds = Pick<Needs, 'database' | 'objectStore' | 'keys' | 'clock'>

/** One step: tokens whose time to live is over are shredded. */
export async function expireStep(needs: ReapNeeds, requestId: string): Promise<Step> {
  const expired = await needs.database.read((reader) => reader.findExpired(needs.clock.now(), AT_ONCE))
  const shredded = await mapLimited(expired, WIDTH, (record) =>
    shred(needs, record, systemSubject(needs, requestId, 'expire-token', record.app, 1), []),
  )
  return {
    done: shredded.filter((each) => each !== null).length,
    next: expired.length < AT_ONCE ? null : 'more',
  }
}

/**
 * One step: records whose value never arrived are shredded; of the others it is remembered that they arrived. Nothing
 * is shredded while the object store looks like another one than it was. The cursor is a record id.
 */
export async function reapRecordsStep(
  needs: ReapNeeds,
  requestId: string,
  cursor: string | null,
): Promise<Step> {
  const { database, clock } = needs
  const after = cursor === null ? null : Buffer.from(cursor, 'hex')
  const createdBefore = clock.now() - GRACE_MS
  const records = await database.read((reader) => reader.findUnstored(createdBefore, after, AT_ONCE))
  const states = await mapLimited(records, WIDTH, (record) => stateOf(needs, record))
  const stored = records.filter((_, index) => states[index] === 'stored')
  if (stored.length > 0) {
    await database.commit.markStored(
      stored.map(({ recordId }) => recordId),
      clock.now(),
    )
  }
  const suspects = records.filter((_, index) => states[index] === 'missing')
  if (suspects.length > 0 && !(await isOurStore(needs))) {
    await refuse(needs, requestId, 'reap-record', suspects.length)
    return { done: 0, next: null }
  }
  const missing = await unchanged(needs, suspects)
  await mapLimited(missing, WIDTH, (record) =>
    shred(needs, record, systemSubject(needs, requestId, 'reap-record', record.app, 1), []),
  )
  const last = records.at(-1)
  return {
    done: missing.length,
    next: last === undefined ? null : Buffer.from(last.recordId).toString('hex'),
  }
}

/** Those that are still as they were looked at: a record that was re-keyed since has another object. */
async function unchanged({ database }: ReapNeeds, records: readonly TokenRecord[]): Promise<TokenRecord[]> {
  const present = await database.read((reader) =>
    reader.findRecordsById(records.map(({ recordId }) => recordId)),
  )
  return records.filter(({ generation }, index) => {
    const record = present[index]
    return record?.generation === generation && record.storedAt === null && record.deletedAt === null
  })
}

async function stateOf(
  { database, keys, objectStore }: ReapNeeds,
  record: TokenRecord,
): Promise<'stored' | 'missing' | 'unknown'> {
  if ((await database.read((reader) => reader.findUpload(record.recordId))) !== null) return 'unknown'
  try {
    const { objectKey } = await openOuter(keys.root.prf, record, record)
    return (await objectStore.exists(objectKey)) ? 'stored' : 'missing'
  } catch (error) {
    if (isDamage(error)) return 'unknown'
    throw error
  }
}

/**
 * One step: objects that no record refers to are removed, if they are few. Else nothing is removed, and the audit log
 * says so: a database that was restored from an old backup must not cost the objects, nor must another installation
 * that uses the same bucket by mistake. The cursor is the store's.
 */
export async function reapObjectsStep(
  needs: ReapNeeds,
  requestId: string,
  cursor: string | null,
): Promise<Step> {
  const { objectStore, clock } = needs
  const page = await objectStore.list(cursor, AT_ONCE)
  const old = page.items.filter(
    ({ objectKey, modifiedAt }) => OURS.test(objectKey) && modifiedAt < clock.now() - GRACE_MS,
  )
  const orphans = await withoutRecord(needs, old)
  if (orphans === null) return { done: 0, next: null }
  if (orphans.length === 0) return { done: 0, next: page.next }
  if (orphans.length > FEW_ORPHANS || !(await isOurStore(needs))) {
    await refuse(needs, requestId, 'reap-objects', orphans.length)
    return { done: 0, next: null }
  }
  await needs.database.commit.recordAudit([
    allowed(systemSubject(needs, requestId, 'reap-objects', null, orphans.length)),
  ])
  await mapLimited(orphans, WIDTH, ({ objectKey }) => objectStore.delete(objectKey))
  return { done: orphans.length, next: page.next }
}

/** Names that the Tokenizer gives. What else lies in the bucket is not its business. */
const OURS = /^v1\/[0-9a-f]{32}$/

/** Most of what comes first in this store has a record of this database: they belong together. */
async function isOurStore(needs: ReapNeeds): Promise<boolean> {
  const { items } = await needs.objectStore.list(null, AT_ONCE)
  const objects = items.filter(({ objectKey }) => OURS.test(objectKey))
  const strangers = await withoutRecord(needs, objects)
  return strangers !== null && objects.length > 0 && strangers.length <= objects.length / 2
}

/** `null` = nobody can say: a new version of the key that finds them is about, which this process has not heard of. */
async function withoutRecord(
  needs: ReapNeeds,
  objects: readonly StoredObject[],
): Promise<StoredObject[] | null> {
  const { version } = needs.keys.ring
  const refs = objects.map(({ objectKey }) => allObjectRefs(needs, objectKey))
  const known = await needs.database.read((reader) => reader.findObjectRefs(refs.flat()))
  // Looked at afterwards: whatever was found, or not, was found under the ring as it still is.
  const ring = await needs.database.read((reader) => reader.readKeyRing())
  if (ring?.version !== version) return null
  const answers = answersOf(refs, known)
  return objects.filter((_, index) => !answers[index]?.includes(true))
}

/** One step: uploads in parts that began long ago and never ended are aborted, those that are noted and all others. */
export async function reapUploadsStep(
  needs: ReapNeeds,
  requestId: string,
  cursor: string | null,
): Promise<Step> {
  const { objectStore, clock } = needs
  const startedBefore = clock.now() - UPLOAD_GRACE_MS
  const ended = cursor === null ? await endNotedUploads(needs, requestId, startedBefore) : 0
  const page = await objectStore.listUploads(cursor, AT_ONCE)
  const old = page.items.filter(
    ({ objectKey, startedAt }) => OURS.test(objectKey) && startedAt < startedBefore,
  )
  if (old.length > 0) {
    await needs.database.commit.recordAudit([
      allowed(systemSubject(needs, requestId, 'reap-objects', null, old.length)),
    ])
  }
  await mapLimited(old, WIDTH, (upload) => objectStore.abortUpload(upload))
  return { done: ended + old.length, next: page.next }
}

/** Their records are then records whose value never arrived. The store's list names the uploads themselves. */
async function endNotedUploads(needs: ReapNeeds, requestId: string, startedBefore: number): Promise<number> {
  const { database } = needs
  const uploads = await database.read((reader) => reader.findUploads(startedBefore, AT_ONCE))
  const audit = allowed(systemSubject(needs, requestId, 'upload-abort', null, 1))
  for (const { recordId } of uploads) await database.commit.endUpload(recordId, null, audit)
  return uploads.length
}

async function refuse(
  needs: ReapNeeds,
  requestId: string,
  action: 'reap-record' | 'reap-objects',
  count: number,
): Promise<void> {
  const subject = systemSubject(needs, requestId, action, null, count)
  await needs.database.commit.recordAudit([refused(subject, 'too-many-orphans')])
}
