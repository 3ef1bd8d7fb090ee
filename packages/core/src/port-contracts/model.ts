import type { DueAlarm, NewAlarm } from '../domain/alarm.ts'
import type { Refusal } from '../domain/audit.ts'
import type { Block } from '../domain/block.ts'
import type { Grant } from '../domain/grant.ts'
import type { Session } from '../domain/session.ts'
import type { Upload } from '../domain/upload.ts'
import type { Commits, NewRecord, PendingDeletion, Reader, Repeat, Tombstone, UserNetwork } from '../ports.ts'
import { modelCommits } from './model-commits.ts'
import { modelReader } from './model-reader.ts'

/** A port whose calls answer at once. */
export type AtOnce<Port> = {
  readonly [Name in keyof Port]: Port[Name] extends (...args: infer Args) => Promise<infer Answer>
    ? (...args: Args) => Answer
    : never
}

/** What the audit log says of a commit. */
export interface Recorded {
  readonly requestId: string
  readonly refusal: Refusal | null
  readonly count: number
}

type Rows<Row> = Map<string, Row>
type Ring = Parameters<Commits['replaceKeyRing']>[0]
type Work = Awaited<ReturnType<Reader['findWork']>>[number]

/** Everything that a database holds, by the names in hexadecimal. */
export interface State {
  readonly records: Rows<NewRecord>
  readonly grants: Rows<Grant>
  readonly sessions: Rows<Session>
  /** By app and session. */
  readonly tombstones: Rows<Tombstone>
  /** By name, setter and effect. */
  readonly blocks: Rows<Block>
  /** By user and network. */
  readonly networks: Rows<UserNetwork>
  readonly alarms: Rows<DueAlarm & NewAlarm & { readonly nextAt: number | null }>
  readonly challenges: Rows<{ readonly expiresAt: number }>
  readonly uploads: Rows<Upload>
  readonly deletions: Rows<PendingDeletion & { readonly notBefore: number }>
  readonly repeats: Rows<Repeat & { readonly expiresAt: number }>
  readonly works: Rows<Work & { readonly ended: boolean }>
  readonly audit: (Recorded & { readonly epoch: number })[]
  ring: Ring | null
}

/** Without the tree of the audit log, whose rules are in tree-rules.ts. */
export type ModelCommits = Omit<Commits, 'sealAudit'>
export type ModelReader = Omit<Reader, 'findUnsealed' | 'findCheckpoint' | 'findTreeHashes'>

/** The port in the plainest words: maps in memory, one call after the other. The adapters must do the same. */
export interface Model {
  readonly commit: AtOnce<ModelCommits>
  readonly reader: AtOnce<ModelReader>
  readonly state: State
}

export function createModel(): Model {
  const state: State = {
    records: new Map(),
    grants: new Map(),
    sessions: new Map(),
    tombstones: new Map(),
    blocks: new Map(),
    alarms: new Map(),
    networks: new Map(),
    challenges: new Map(),
    uploads: new Map(),
    deletions: new Map(),
    repeats: new Map(),
    works: new Map(),
    audit: [],
    ring: null,
  }
  return { commit: modelCommits(state), reader: modelReader(state), state }
}

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

export function living(state: State, recordId: Uint8Array): NewRecord | null {
  const record = state.records.get(hex(recordId))
  return record === undefined || record.deletedAt !== null ? null : record
}
