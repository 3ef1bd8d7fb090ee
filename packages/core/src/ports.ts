import type { AppId } from '@lunadefend/contract'
import type { Prf } from './crypto/kdf.ts'
import type { SealedKeyRing } from './crypto/key-ring.ts'
import type { AuditEvent, AuditSubject, Refusal } from './domain/audit.ts'
import type { Grant } from './domain/grant.ts'
import type { TokenRecord } from './domain/record.ts'
import type { Session } from './domain/session.ts'

/** Milliseconds since 1970. Handed in, so that a test can be tomorrow. */
export interface Clock {
  now(): number
}

/** The root key, wherever it lives. Throws when it cannot be reached; never answers with another key's output. */
export interface RootKeys {
  /** The key that new records are sealed with: "r" and 16 hex digits. */
  readonly activeKid: string
  /** Throws for a kid that it does not hold. */
  readonly prf: Prf
}

/** A URL and the headers that must go with it. The URL holds no key. */
export interface Presigned {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

/** Where the encrypted values lie. There is no `get`: the Tokenizer never sees a value. */
export interface ObjectStore {
  /** An upload that works once, while there is no such object. `contentLength` in bytes, `null` = not known. */
  presignPut(objectKey: string, sseKey: Uint8Array, contentLength: number | null): Promise<Presigned>
  /** A download, always as `application/octet-stream`, never cached. */
  presignGet(objectKey: string, sseKey: Uint8Array): Promise<Presigned>
  /** `null` = there is no such object. Throws when the store does not answer, or answers something else. */
  head(objectKey: string, sseKey: Uint8Array): Promise<{ readonly size: number } | null>
  /** An object that is not there is as good as deleted. Throws when the store does not answer. */
  delete(objectKey: string): Promise<void>
  /** Throws when the store does not answer. */
  ping(): Promise<void>
}

/** What the database is asked. Every list answers in the order of its question; `null` = not there. */
export interface Reader {
  findRecords(locators: readonly Uint8Array[]): Promise<(TokenRecord | null)[]>
  findGrants(grantIds: readonly Uint8Array[]): Promise<(Grant | null)[]>
  findSession(tokenHash: Uint8Array): Promise<Session | null>
  readKeyRing(): Promise<SealedKeyRing | null>
  /** Objects whose record is shredded and whose last upload URL has expired. */
  findDeletions(now: number, limit: number): Promise<string[]>
}

/** A record and the key under which it is found. */
export interface NewRecord extends TokenRecord {
  readonly locator: Uint8Array
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
      readonly audit: AuditSubject
    }

/** `null` = allowed and spent. */
export type Outcome = Refusal | null

/**
 * Everything that can be written. Each call is one transaction, durable when its promise resolves; the audit rows are
 * in the same transaction, so that nothing happens unrecorded. Rejects, having changed nothing, when it cannot.
 */
export interface Commits {
  /** Rejects when the locator is taken. */
  createRecord(record: NewRecord, grant: Grant, audit: AuditEvent): Promise<void>
  /**
   * In order. A `spend` is allowed when the record lives in this generation, the grant is for this record, usable at
   * `audit.at` and, if a session is named, that one lives too; otherwise it is refused as `changed-meanwhile`.
   * Of several callers racing for the last use exactly one gets it.
   */
  decide(decisions: readonly Decision[]): Promise<Outcome[]>
  /** All or none: an existing grant is replaced, its uses start at 0. */
  setGrants(grants: readonly Grant[], audit: readonly AuditEvent[]): Promise<void>
  /** Removes the app's grants of a session, of records, or of both (`null` = any). Answers how many. */
  revokeGrants(which: GrantFilter, audit: readonly AuditEvent[]): Promise<number>
  /** Remembers that the object was seen. Rows of audit belong to the decision that allowed to look. */
  markStored(recordIds: readonly Uint8Array[], at: number): Promise<void>
  /** Uses up the challenge and writes the session; changes nothing unless it answers `opened`. */
  openSession(opening: SessionOpening, audit: AuditEvent): Promise<'opened' | 'challenge-used' | 'revoked'>
  closeSession(tokenHash: Uint8Array, audit: AuditEvent): Promise<void>
  /** Ends the session everywhere with its grants, and refuses assertions that were issued before. */
  revokeSession(tombstone: Tombstone, audit: AuditEvent): Promise<void>
  /**
   * Overwrites salts and sealed bytes, removes the grants, notes the object for removal. `false` = nothing lived; then
   * only the audit row is written, and says `changed-meanwhile`.
   */
  shredRecord(recordId: Uint8Array, deletion: ObjectDeletion, audit: AuditEvent): Promise<boolean>
  finishDeletions(objectKeys: readonly string[]): Promise<void>
  recordAudit(events: readonly AuditEvent[]): Promise<void>
  /** Compare and set: `false` when the stored version is not `expected` (0 = there is none yet). */
  replaceKeyRing(ring: SealedKeyRing, expected: number): Promise<boolean>
  /** Removes what has expired: grants, sessions, tombstones, used challenges. At most `limit` of each. */
  removeExpired(now: number, limit: number): Promise<number>
}

export interface GrantFilter {
  readonly app: AppId
  readonly sessionRef: Uint8Array | null
  readonly recordIds: readonly Uint8Array[] | null
}

export interface SessionOpening {
  readonly session: Session
  readonly challengeHash: Uint8Array
  /** Milliseconds since 1970; after that the used challenge need not be remembered. */
  readonly challengeExpiresAt: number
  /** `iat` of the assertion in milliseconds: refused when not later than the second of a tombstone. */
  readonly assertedAt: number
}

export interface Tombstone {
  readonly app: AppId
  readonly sessionRef: Uint8Array
  readonly revokedAt: number
  readonly expiresAt: number
}

export interface ObjectDeletion {
  readonly objectKey: string
  /** When the last upload URL has expired, and the object is deleted for good. Milliseconds since 1970. */
  readonly notBefore: number
  readonly at: number
}

/** Readers cannot write; what writes is the closed list of commits. */
export interface Database extends AsyncDisposable {
  read<T>(look: (reader: Reader) => Promise<T>): Promise<T>
  readonly commit: Commits
}
