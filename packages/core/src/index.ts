export { SealBroken } from './crypto/aead.ts'
export { deriveKid, type Prf } from './crypto/kdf.ts'
export type { KeyRing, SealedKeyRing } from './crypto/key-ring.ts'
export type { Actor, Caller } from './domain/actor.ts'
export type { Action, AuditEvent, AuditSubject, Refusal } from './domain/audit.ts'
export { type DurationLimits, GRANT_LIFE, parseDuration } from './domain/duration.ts'
export type { Grant } from './domain/grant.ts'
export type { Protection } from './domain/protection.ts'
export type { TokenRecord } from './domain/record.ts'
export type { Session } from './domain/session.ts'
export type { Upload } from './domain/upload.ts'
export { deleteToken, sweepDeletions } from './operations/delete-token.ts'
export { type DetokenizeCommand, type Download, detokenize } from './operations/detokenize.ts'
export { loadKeyRing } from './operations/key-ring.ts'
export type { Keys, Needs } from './operations/needs.ts'
export { readMetadata } from './operations/read-metadata.ts'
export type { Result } from './operations/result.ts'
export { revokeGrant } from './operations/revoke-grant.ts'
export {
  challengeExpiry,
  closeSession,
  findUser,
  issueChallenge,
  type OpenedSession,
  openSession,
  revokeSession,
  type User,
  type VerifiedAssertion,
} from './operations/sessions.ts'
export { type SetGrantCommand, setGrant } from './operations/set-grant.ts'
export { type NewToken, type TokenizeCommand, tokenize } from './operations/tokenize.ts'
export { type VerifyGrantCommand, verifyGrant } from './operations/verify-grant.ts'
export { PORT_FAILURES, PortFailure, type PortFailureCode } from './port-failure.ts'
export type {
  Clock,
  Commits,
  Database,
  Decision,
  GrantFilter,
  KeyedObject,
  KeyRingChange,
  KeyUse,
  MultipartUpload,
  NewRecord,
  ObjectDeletion,
  ObjectReference,
  ObjectStore,
  Outcome,
  PendingDeletion,
  Presigned,
  Reader,
  Relocation,
  Reseal,
  RootKeys,
  SessionOpening,
  StoredPart,
  Tombstone,
  Work,
  WorkProgress,
} from './ports.ts'
