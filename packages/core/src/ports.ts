import type { Access, AppId } from '@lunadefend/contract'
import type { Prf } from './crypto/kdf.ts'
import type { RingKeyName, SealedKeyRing } from './crypto/key-ring.ts'
import type { AlarmDelivery, DueAlarm, NewAlarm } from './domain/alarm.ts'
import type { AuditEvent, AuditRow, AuditSubject, Refusal } from './domain/audit.ts'
import type { Block, BlockSetter, Stop } from './domain/block.ts'
import type { Grant } from './domain/grant.ts'
import type { Mask, Question, Verdict } from './domain/policy.ts'
import type { Quota, Taken } from './domain/quota.ts'
import type { TokenRecord } from './domain/record.ts'
import type { Session } from './domain/session.ts'
import type { Upload } from './domain/upload.ts'

/** Milliseconds since 1970. Handed in, so that a test can be tomorrow. */
export interface Clock {
  now(): number
}

/** The root key, wherever it lives. Throws when it cannot be reached; never answers with another key's output. */
export interface RootKeys {
  /** The key that new records are sealed with: "r" and 16 hex digits. */
  readonly activeKid: string
  /** All that are held, the active one first: records that an older one sealed stay readable until it is retired. */
  readonly kids: readonly string[]
  /** Throws for a kid that it does not hold. */
  readonly prf: Prf
}

/** Secure authorizers. Whatever throws, takes too long or is unknown is a denial: `decide` never rejects. */
export interface Authorizers {
  /** Whether a policy looks at metadata: it is opened only then. */
  readonly readsMetadata: boolean
  /** One verdict for each question, in order. */
  decide(questions: readonly Question[]): Promise<readonly Verdict[]>
}

/** How much has happened lately, over all processes of an installation. Throws when its store does not answer. */
export interface Limiter extends AsyncDisposable {
  /** `local` = the store does not answer, and this process decides alone, within half of every quota. */
  readonly where: 'shared' | 'local'
  /** Takes from every bucket and adds to every set, or does nothing. */
  take(quota: Quota): Promise<Taken>
  /**
   * Removes what says nothing any more, among the next `limit` rows after this name. `next` = where to go on; `null` =
   * these were the last ones.
   */
  sweep(after: string | null, limit: number, now: number): Promise<Swept>
}

export interface Swept {
  readonly removed: number
  readonly next: string | null
}

/** A URL and the headers that must go with it. The URL holds no key. */
export interface Presigned {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

/** One upload in parts, as the object store names it. */
export interface MultipartUpload {
  readonly objectKey: string
  readonly uploadId: string
}

/** A part that the object store has. `etag` is the store's own name for its content. */
export interface StoredPart {
  /** 1 to 10,000. */
  readonly partNumber: number
  /** Bytes. */
  readonly size: number
  readonly etag: string
}

/** One page of a list; `next` continues it, `null` = this was the last one. */
export interface Page<T> {
  readonly items: readonly T[]
  readonly next: string | null
}

/** An object and the key that the store encrypts it with; `null` = it lies there as it was sent (mode 2). */
export interface KeyedObject {
  readonly objectKey: string
  readonly sseKey: Uint8Array | null
}

/**
 * Where the encrypted values lie. There is no `get`: the Tokenizer never sees a value. `sseKey` is 32 bytes, or `null`
 * for an object that the client has encrypted itself. Everything throws when the store does not answer or refuses.
 */
export interface ObjectStore {
  /** An upload that works once, while there is no such object. `contentLength` in bytes, `null` = not known. */
  presignPut(objectKey: string, sseKey: Uint8Array | null, contentLength: number | null): Promise<Presigned>
  /** A download, always as `application/octet-stream`, never cached. */
  presignGet(objectKey: string, sseKey: Uint8Array | null): Promise<Presigned>
  /**
   * A download of these bytes alone: the URL is good for no others. `null` = they would be the whole object, or there is
   * none.
   */
  presignPartialGet(objectKey: string, sseKey: Uint8Array | null, shown: Mask): Promise<Presigned | null>
  /** `null` = there is no such object. */
  head(objectKey: string, sseKey: Uint8Array | null): Promise<{ readonly size: number } | null>
  /** Whether there is such an object; needs no key. */
  exists(objectKey: string): Promise<boolean>
  /** With its versions, if the store keeps any. An object that is not there is as good as deleted. */
  delete(objectKey: string): Promise<void>
  /** Copies inside the store, to a key of its own. `unable` = this store cannot, or not between such keys. */
  copy(from: KeyedObject, to: KeyedObject): Promise<'copied' | 'missing' | 'unable'>
  /** Objects under `v1/` in the order of their keys. */
  list(after: string | null, limit: number): Promise<Page<StoredObject>>

  /** Begins an upload in parts; answers the store's id for it. */
  beginUpload(object: KeyedObject): Promise<string>
  presignPart(
    upload: MultipartUpload,
    partNumber: number,
    sseKey: Uint8Array | null,
    contentLength: number,
  ): Promise<Presigned>
  /** Every part that has arrived, in order. `null` = there is no such upload (any more). */
  listParts(upload: MultipartUpload): Promise<readonly StoredPart[] | null>
  /** `exists` = there is an object of this name already, `missing` = no such upload, `refused` = the parts do not fit. */
  completeUpload(
    upload: MultipartUpload,
    parts: readonly StoredPart[],
  ): Promise<'completed' | 'exists' | 'missing' | 'refused'>
  /** An upload that is not there is as good as aborted. */
  abortUpload(upload: MultipartUpload): Promise<void>
  /** Uploads that were neither completed nor aborted, in the order of their keys. */
  listUploads(after: string | null, limit: number): Promise<Page<StartedUpload>>

  ping(): Promise<void>
}

/** Times in milliseconds since 1970, by the clock of the store. */
export interface StoredObject {
  readonly objectKey: string
  readonly size: number
  readonly modifiedAt: number
}

/** Times in milliseconds since 1970, by the clock of the store. */
export interface StartedUpload extends MultipartUpload {
  readonly startedAt: number
}

/** What the database is asked. Every list answers in the order of its question; `null` = not there. */
export interface Reader {
  findRecords(locators: readonly Uint8Array[]): Promise<(TokenRecord | null)[]>
  findRecordsById(recordIds: readonly Uint8Array[]): Promise<(TokenRecord | null)[]>
  findGrants(grantIds: readonly Uint8Array[]): Promise<(Grant | null)[]>
  /** Those that have not expired, in the order of session reference and grant id, after the one that is named. */
  findGrantsOf(which: GrantSearch, now: number, after: GrantPlace | null, limit: number): Promise<Grant[]>
  findSession(tokenHash: Uint8Array): Promise<Session | null>
  findUpload(recordId: Uint8Array): Promise<Upload | null>
  /** Blocks that hold now, the youngest first; one row of each. */
  findBlocks(which: BlockFilter, now: number, limit: number): Promise<Block[]>
  /** Alarms that are due to be told to somebody, in the order in which they are due. */
  findDueAlarms(now: number, limit: number): Promise<DueAlarm[]>
  /** Where a user was seen, and it is still remembered. */
  findNetworks(userRef: Uint8Array, now: number): Promise<UserNetwork[]>
  /** How many living records of the app were made between these times, both included; counts up to `limit`. */
  countRecords(app: AppId, from: number, to: number, limit: number): Promise<number>
  readKeyRing(): Promise<SealedKeyRing | null>
  /** Objects whose record is shredded and whose last upload URL has expired. */
  findDeletions(now: number, limit: number): Promise<PendingDeletion[]>

  // What the background work walks over. Living records only, in the order of their ids, after the one that is named.
  findRecordsSealedBy(kid: string, after: Uint8Array | null, limit: number): Promise<TokenRecord[]>
  findRecordsReferredBy(
    objectVersion: number,
    after: Uint8Array | null,
    limit: number,
  ): Promise<TokenRecord[]>
  /** Created before this time, and never seen in the object store. */
  findUnstored(createdBefore: number, after: Uint8Array | null, limit: number): Promise<TokenRecord[]>
  /** Whose time to live is over; whose was over first comes first. */
  findExpired(now: number, limit: number): Promise<TokenRecord[]>
  /** Oldest first. */
  findUploads(startedBefore: number, limit: number): Promise<Upload[]>
  /** Whether a living record refers to the object, for each. */
  findObjectRefs(objectRefs: readonly Uint8Array[]): Promise<boolean[]>

  /** How much still names each key, in any order. A key that nothing names is not in the list, nor is an audit key. */
  countKeyUses(): Promise<KeyUse[]>
  findWork(): Promise<Work[]>

  /** Rows of audit without a leaf, at most so many: of each writer those that come first, in their order. */
  findUnsealed(limit: number): Promise<AuditRow[]>
  /** The newest one; `null` = nothing was sealed yet. */
  findCheckpoint(): Promise<StoredCheckpoint | null>
  /** Hashes of a level of the audit tree from this one on, at most so many: fewer when there are no more. */
  findTreeHashes(level: number, first: number, limit: number): Promise<Uint8Array[]>
}

/** A tree of the audit log, signed: c2sp.org/tlog-checkpoint. */
export interface StoredCheckpoint {
  /** Leaves of the tree. */
  readonly size: number
  readonly note: string
  /** Milliseconds since 1970. */
  readonly sealedAt: number
}

/** Rows of audit become leaves: what the tree has more, and the checkpoint over all of it. */
export interface AuditSealing {
  /** How many leaves there were; the first of these gets this number. */
  readonly from: number
  readonly leaves: readonly { readonly writer: string; readonly seq: number; readonly hash: Uint8Array }[]
  /** Hashes of levels from 1 on that are now complete: a level has one for each `256 ** level` leaves. */
  readonly nodes: readonly { readonly level: number; readonly number: number; readonly hash: Uint8Array }[]
  readonly checkpoint: StoredCheckpoint
}

/** A row of audit with its leaf. */
export interface SealedRow {
  /** The number of the leaf, from 0. */
  readonly number: number
  readonly hash: Uint8Array
  /** `null` = it is not there any more: somebody has written to the database. */
  readonly row: AuditRow | null
}

/** Which rows are meant: those that fit everything that is said. An empty list says nothing. */
export interface AuditFilter {
  /** Milliseconds since 1970, both included. */
  readonly since: number | null
  readonly until: number | null
  readonly outcome: 'allowed' | 'refused' | null
  readonly apps: readonly string[]
  readonly actors: readonly string[]
  readonly actions: readonly string[]
  readonly refusals: readonly string[]
  readonly operators: readonly string[]
  readonly policies: readonly string[]
  readonly requestIds: readonly string[]
  // Pseudonyms: see `pseudonymsOf`.
  readonly tokens: readonly string[]
  readonly sessions: readonly string[]
  readonly users: readonly string[]
  readonly networks: readonly string[]
}

/**
 * The audit log for whoever reads it. It cannot write, and needs no right to anything else. Every list comes in pages
 * of at most `limit`, in its order. Everything throws a PortFailure when the database does not answer.
 */
export interface AuditLog extends AsyncDisposable {
  /** Leaves from this number on that have a row that the filter lets through; `null` = all leaves, with and without. */
  findLeaves(filter: AuditFilter | null, from: number, limit: number): Promise<SealedRow[]>
  /** Rows without a leaf, by writer and number, after this one. */
  findRest(after: Pick<AuditRow, 'writer' | 'seq'> | null, limit: number): Promise<AuditRow[]>
  /** Hashes of a level of the tree from this number on, each with its number; level 0 are the leaves. */
  findHashes(level: number, from: number, limit: number): Promise<{ number: number; hash: Uint8Array }[]>
  /** Checkpoints of trees of more leaves than that. */
  findCheckpoints(after: number, limit: number): Promise<StoredCheckpoint[]>
  /** The newest of those of trees that are not larger; `null` = there is none. */
  findNewestCheckpoint(upTo: number): Promise<StoredCheckpoint | null>
}

/** A key and how many rows still need it. Shredded records need none; the key ring needs its root key. */
export interface KeyUse {
  readonly key: 'root' | RingKeyName
  /** The kid of a root key; the version of a key of the ring, in decimal. */
  readonly name: string
  readonly rows: number
}

/**
 * Work that is done in the background by one process at a time, in bounded steps: who is at it, and how far it got.
 * Times in milliseconds since 1970.
 */
export interface Work {
  readonly name: string
  /** A random name of one run of it; `null` = nobody is at it. */
  readonly holder: string | null
  readonly leaseUntil: number
  /** Where to go on; `null` = from the beginning. */
  readonly cursor: string | null
  /** Items done since it began at the beginning; to be seen after the end, too, until the next run takes the lease. */
  readonly done: number
  /** When it last came to the end; `null` = never yet. */
  readonly finishedAt: number | null
}

/** A record and the keys under which it is found: its own, and that of its object. */
export interface NewRecord extends TokenRecord {
  readonly locator: Uint8Array
  readonly objectRef: Uint8Array
}

/**
 * A record under a fresh seal. It replaces the one with the generation before, if that is still there. Salt, seal and
 * metadata have the lengths of the old ones, so that they can be overwritten where they lie; the commit rejects others.
 */
export interface Reseal {
  readonly recordId: Uint8Array
  /** The new one: the old one plus 1. */
  readonly generation: number
  readonly kid: string
  readonly recordSalt: Uint8Array
  readonly sealed: Uint8Array
  readonly sealedMetadata: Uint8Array | null
}

/** Under which key of the ring a record's object is found. */
export interface ObjectReference {
  readonly recordId: Uint8Array
  readonly objectRef: Uint8Array
  readonly objectVersion: number
}

/** A reference to the object that the record had in this generation. */
export interface ReferredObject extends ObjectReference {
  readonly generation: number
}

/** One decision about one token, to be committed with its audit row. */
export type Decision =
  | { readonly kind: 'refuse'; readonly refusal: Refusal; readonly audit: AuditSubject }
  | {
      readonly kind: 'spend'
      readonly grantId: Uint8Array
      readonly recordId: Uint8Array
      readonly generation: number
      /** The session's row, which must still live; `null` for an application. */
      readonly tokenHash: Uint8Array | null
      /** 1 counts as a use, 0 only needs the grant to be usable. */
      readonly uses: 0 | 1
      /** A use for the same as the one before is that use once more; `null` = each use counts. */
      readonly usedFor: Uint8Array | null
      /** The record moves to this locator when it is allowed, and found by an older key; `null` = it stays. */
      readonly relocation: Relocation | null
      readonly stops: Stops
      readonly audit: AuditSubject
    }
  /** Allowed, or refused for this reason (`null` = allowed), unless a block says no. */
  | {
      readonly kind: 'admit'
      readonly refusal: Refusal | null
      readonly stops: Stops
      readonly audit: AuditSubject
    }

/** The names of blocks that would stop a commit, if one of them is set at the time of its row of audit. */
export type Stops = readonly Uint8Array[]

/** `null` = whatever it is. */
export interface BlockFilter {
  readonly refs: readonly Uint8Array[] | null
  readonly blockId: string | null
  readonly app: AppId | null
  readonly setBy: BlockSetter | null
}

/** A locator under the present version of the locator key. */
export interface Relocation {
  readonly locator: Uint8Array
  readonly locatorVersion: number
}

/**
 * `null` = allowed and spent. `stale` = the record lives in another generation than the one that was read: look again;
 * nothing was spent and no audit row written.
 */
export type Outcome = Refusal | 'stale' | null

/**
 * Everything that can be written. Each call is one transaction, durable when its promise resolves; the audit rows are
 * in the same transaction, so that nothing happens unrecorded. Rejects, having changed nothing, when it cannot.
 *
 * A commit that takes `stops` does nothing when one of those blocks is set, and its audit rows say so: what is committed
 * after a block was set has seen it. It answers the stop where it answers anything.
 */
export interface Commits {
  /**
   * Rejects when the locator is taken. When a block stops it, or the session has no room for the grant, only the audit
   * row is written, and says so. Callers that do this at the same moment may each find the last place free.
   */
  createRecord(record: NewRecord, grant: Grant, audit: AuditEvent, room: Room): Promise<GrantRefusal | null>
  /**
   * In order. A `spend` is allowed when the record lives in this generation (its time to live is not over at
   * `audit.at`), the grant is for this record, usable at `audit.at` and, if a session is named, that one lives too;
   * no block stops it; otherwise it is refused as `blocked` or `step-up`, as `changed-meanwhile`, or `stale` when only the generation is another one.
   * Of several callers racing for the last use exactly one gets it.
   */
  decide(decisions: readonly Decision[]): Promise<Outcome[]>
  /**
   * All or none: an existing grant is replaced, its uses start at 0. `replaced` are the ids that the same grants have
   * under older keys: they are removed. `false` = the session, whose grants all of them are, has no room for them: only
   * the audit rows are written, and say `too-many-grants`.
   */
  setGrants(
    grants: readonly Grant[],
    replaced: readonly Uint8Array[],
    audit: readonly AuditEvent[],
    room: Room,
  ): Promise<GrantRefusal | null>
  /** Removes the app's grants of a session, of records, or of both (`null` = any). Answers how many. */
  revokeGrants(which: GrantFilter, audit: readonly AuditEvent[]): Promise<number>
  /** Remembers that the object was seen. Rows of audit belong to the decision that allowed to look. */
  markStored(recordIds: readonly Uint8Array[], at: number): Promise<void>
  /** Uses up the challenge and writes the session; changes nothing unless it answers `opened`. A step-up stops nobody here. */
  openSession(
    opening: SessionOpening,
    audit: AuditEvent,
  ): Promise<'opened' | 'challenge-used' | 'revoked' | 'blocked'>
  /**
   * The user has logged in again: lifts the step-ups of the session that were set before, whoever set them. If there
   * are any, its other openings end, and a row of audit is written. `false` = there are none, and nothing is changed.
   */
  passStepUp(passing: StepUpPassing, audit: AuditEvent): Promise<boolean>
  closeSession(tokenHash: Uint8Array, audit: AuditEvent): Promise<void>
  /**
   * Ends the session everywhere with its grants, and refuses assertions that were issued before. The session has one
   * tombstone under each version of the session key.
   */
  revokeSession(tombstones: readonly Tombstone[], audit: AuditEvent): Promise<void>
  /**
   * Overwrites salts and sealed bytes, removes the grants and the upload, notes the object for removal, with the upload
   * that was noted by then, if any, in place of the one that `deletion` names; blocks of the record end. `false` =
   * nothing lived, or a block stops it; then only the audit row is written, and says `changed-meanwhile` or which.
   */
  shredRecord(
    recordId: Uint8Array,
    deletion: ObjectDeletion,
    audit: AuditEvent,
    stops: Stops,
  ): Promise<boolean>
  finishDeletions(objectKeys: readonly string[]): Promise<void>
  recordAudit(events: readonly AuditEvent[]): Promise<void>
  /**
   * Compare and set: `false`, having changed nothing, when the tree has not `from` leaves any more. What is in the tree
   * stays as it is: no commit changes or removes any of it.
   */
  sealAudit(sealing: AuditSealing): Promise<boolean>

  /** Notes an upload in parts of a living record; replaces what was noted of it before. Of others nothing is noted. */
  beginUpload(upload: Upload): Promise<void>
  /** The upload is over. `storedAt` = when the object was seen whole; `null` = it was aborted. */
  endUpload(recordId: Uint8Array, storedAt: number | null, audit: AuditEvent): Promise<void>

  /** Each that is still in the generation before gets its new seal. Answers how many; the audit row counts them. */
  resealRecords(reseals: readonly Reseal[], audit: AuditEvent): Promise<number>
  /** Each living record that an older key finds gets its new reference. Answers how many; the audit row counts them. */
  referObjects(references: readonly ReferredObject[], audit: AuditEvent): Promise<number>
  /**
   * The record gets its new seal and the reference of its new object; the old object is noted for removal, with the
   * upload that was noted of it. `false` = it is not in the generation before any more, or a block stops it; then only
   * the audit row is written, and says `changed-meanwhile` or which.
   */
  rekeyRecord(
    reseal: Reseal,
    reference: ObjectReference,
    old: ObjectDeletion,
    audit: AuditEvent,
    stops: Stops,
  ): Promise<boolean>

  /**
   * Compare and set. `changed-meanwhile` when the stored version is not `expected` (0 = there is none, and no record
   * that was made with one); `in-use` when rows still name what it retires. Audits only what it does.
   */
  replaceKeyRing(
    ring: SealedKeyRing,
    change: KeyRingChange,
  ): Promise<'replaced' | 'changed-meanwhile' | 'in-use'>
  /** Sets a block, by all its names; replaces those of the same setter and effect. */
  setBlocks(blocks: readonly Block[], audit: AuditEvent): Promise<void>
  /** Answers how many different blocks there were. */
  liftBlocks(which: BlockFilter, audit: AuditEvent): Promise<number>
  /**
   * Sets the blocks, all of one switch, and raises the alarm. `false` = it is a repetition: there is none of it then, and
   * if all the blocks are set already nothing is written at all.
   */
  raiseAlarm(alarm: NewAlarm, blocks: readonly Block[], audit: AuditEvent): Promise<boolean>
  /** Notes how far the delivery of an alarm is. */
  noteDelivery(alarmId: string, delivery: AlarmDelivery): Promise<void>
  /** Remembers where a user was seen, or that it was there again; beside it the `most - 1` that are remembered longest. */
  noteNetwork(network: UserNetwork, most: number): Promise<void>
  /**
   * Takes the lease of a call that carries an idempotency key, and answers its row: the caller has it when it is the
   * `holder`. A row that has expired counts as none; of a call that has no answer, and whose lease is over, the lease is
   * taken over by the same request. Of several that ask at the same moment exactly one gets it.
   */
  claimRepeat(claim: RepeatClaim): Promise<Repeat>
  /** Notes the whole answer, and gives the lease back. `false` = the lease is another one's; nothing was changed. */
  settleRepeat(ref: Uint8Array, holder: string, answer: Uint8Array): Promise<boolean>
  /** Forgets a call that came to nothing: not one that has an answer, or that another one has taken over. */
  releaseRepeat(ref: Uint8Array, holder: string): Promise<void>
  /**
   * Removes what has expired: grants, sessions, tombstones, used challenges, blocks, alarms, repeats, networks. At most `limit` of
   * each.
   */
  removeExpired(now: number, limit: number): Promise<number>

  /**
   * Takes, or prolongs, the lease of a work until then. `null` = another process holds it: its lease ends after `now`.
   * Whoever takes it goes on at the cursor and the count of the last one; after the end of a run both start anew.
   */
  takeLease(name: string, holder: string, now: number, until: number): Promise<Work | null>
  /**
   * Notes how far the holder got; with `finishedAt` the cursor is back at the beginning. `false` = the lease was given
   * back, or is another one's by now; nothing was changed.
   */
  saveWork(name: string, holder: string, progress: WorkProgress): Promise<boolean>
}

/**
 * A call that carries an idempotency key: that it was made, and its answer when there is one. Times in milliseconds
 * since 1970.
 */
export interface Repeat extends RepeatName {
  readonly holder: string
  readonly leaseUntil: number
  /** Sealed. `null` = nothing is done yet. */
  readonly answer: Uint8Array | null
}

/** The name of such a call, and of what it asks: keyed, 32 bytes each. */
export interface RepeatName {
  readonly ref: Uint8Array
  readonly fingerprint: Uint8Array
  readonly sessionVersion: number
}

export interface RepeatClaim {
  /** Under every version of the session key; a new row gets the first one. */
  readonly names: readonly RepeatName[]
  readonly holder: string
  readonly now: number
  readonly leaseUntil: number
  readonly expiresAt: number
}

/** What a commit notes of the call that it belongs to, in the same transaction. */
export interface Settlement {
  readonly ref: Uint8Array
  readonly holder: string
  /**
   * From what the commit is about to answer; pure, and may be called more than once. `last` = the call is over with this.
   * `null` = nothing was decided, and nothing is noted. What it throws the commit rejects with, having changed nothing.
   */
  note(result: unknown): { readonly answer: Uint8Array; readonly last: boolean } | null
}

export interface WorkProgress {
  readonly cursor: string | null
  readonly done: number
  /** `null` = there is more to do. */
  readonly finishedAt: number | null
  /** Whether the lease is given back. */
  readonly release: boolean
}

export interface KeyRingChange {
  readonly expected: number
  /** The version of a key that the new ring lacks; `null` = it lacks none. */
  readonly retires: { readonly key: RingKeyName; readonly version: number } | null
  readonly audit: AuditEvent | null
}

export interface GrantFilter {
  readonly app: AppId
  /** The session's names under every version of the session key. */
  readonly sessionRefs: readonly Uint8Array[] | null
  readonly recordIds: readonly Uint8Array[] | null
}

export interface GrantSearch extends GrantFilter {
  /** `null` = either. */
  readonly access: Access | null
}

/** A network in which a user was seen. Both have keyed names. Times in milliseconds since 1970. */
export interface UserNetwork {
  readonly userRef: Uint8Array
  /** Says nothing but beside `userRef`: two users in one network have two. */
  readonly networkRef: Uint8Array
  readonly seenAt: number
  readonly expiresAt: number
}

/** Where a grant is among all grants of an app. */
export type GrantPlace = Pick<Grant, 'sessionRef' | 'grantId'>

/** Why no grants are set; `null` = they are. */
export type GrantRefusal = Stop | 'too-many-grants'

/** What grants have to pass: blocks, and how many a session may have, those that are about to be written among them. */
export interface Room {
  readonly app: AppId
  /** The session's names under every version of the session key. */
  readonly sessionRefs: readonly Uint8Array[]
  readonly stops: Stops
  readonly most: number
  /** Milliseconds since 1970: what has expired by then does not count. */
  readonly now: number
}

export interface StepUpPassing {
  readonly app: AppId
  /** The session's names under every version of the session key. */
  readonly sessionRefs: readonly Uint8Array[]
  /** When the user logged in, in milliseconds since 1970: a step-up that was set later stays. */
  readonly authenticatedAt: number
  /** The opening that stays. */
  readonly tokenHash: Uint8Array
}

export interface SessionOpening {
  readonly session: Session
  /** The session's names under every version of the session key: a tombstone of any of them counts. */
  readonly sessionRefs: readonly Uint8Array[]
  readonly stops: Stops
  readonly challengeHash: Uint8Array
  /** Milliseconds since 1970; after that the used challenge need not be remembered. */
  readonly challengeExpiresAt: number
  /** `iat` of the assertion in milliseconds: refused when not later than the second of a tombstone. */
  readonly assertedAt: number
}

export interface Tombstone {
  readonly app: AppId
  readonly sessionRef: Uint8Array
  readonly sessionVersion: number
  readonly revokedAt: number
  readonly expiresAt: number
}

export interface PendingDeletion {
  readonly objectKey: string
  /** An upload in parts that had not ended. */
  readonly uploadId: string | null
}

export interface ObjectDeletion {
  /** `null` = the record is damaged and does not say: its object is left to the search for objects without a record. */
  readonly objectKey: string | null
  readonly uploadId: string | null
  /** When the last upload URL has expired, and the object is deleted for good. Milliseconds since 1970. */
  readonly notBefore: number
  readonly at: number
}

/** Readers cannot write; what writes is the closed list of commits. */
export interface Database extends AsyncDisposable {
  read<T>(look: (reader: Reader) => Promise<T>): Promise<T>
  readonly commit: Commits
  /**
   * The same commits on behalf of a call with an idempotency key: each happens, and is noted, only while the call has its
   * lease and no answer. Rejects with LeaseLost otherwise.
   */
  settling(settlement: Settlement): Commits
}
