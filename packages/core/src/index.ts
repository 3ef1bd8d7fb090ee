export { SealBroken } from './crypto/aead.ts'
export type { PseudonymKind } from './crypto/identifiers.ts'
export { deriveKid, type Prf } from './crypto/kdf.ts'
export type { KeyRing, RingKeyName, SealedKeyRing } from './crypto/key-ring.ts'
export type { Actor, AppActor, Caller, Operator, User } from './domain/actor.ts'
export {
  ALARM_KINDS,
  type Alarm,
  type AlarmDelivery,
  type AlarmEffect,
  type AlarmKind,
  type DueAlarm,
  type NewAlarm,
} from './domain/alarm.ts'
export type { Action, AuditEvent, AuditRow, AuditSubject, Refusal } from './domain/audit.ts'
export type {
  Block,
  BlockEffect,
  BlockReason,
  BlockScope,
  BlockSetter,
  Stop,
} from './domain/block.ts'
export { type DurationLimits, GRANT_LIFE, parseDuration, TOKEN_LIFE } from './domain/duration.ts'
export { GRANT_LIMITS, type Grant, type GrantLimits } from './domain/grant.ts'
export {
  BUDGET_TABLE,
  LIMIT_SCOPES,
  LIMIT_TABLE,
  type LimitedAction,
  type LimitOverrides,
  type LimitScope,
  type Limits,
  limitedAction,
  limitsOf,
} from './domain/limits.ts'
export type { Mask, PolicyAction, Question, Verdict } from './domain/policy.ts'
export type { Protection } from './domain/protection.ts'
export {
  type Bucket,
  type DistinctSet,
  namesOf,
  type Quota,
  type QuotaNames,
  type QuotaRow,
  type QuotaRows,
  SWEEP_DELAY_MS,
  type Taken,
  takeQuota,
  takeQuotas,
} from './domain/quota.ts'
export type { TokenRecord } from './domain/record.ts'
export type { Session } from './domain/session.ts'
export {
  SIGNAL_TABLE,
  type SignalOverrides,
  type Signals,
  signalsOf,
} from './domain/signal.ts'
export { planUpload, type Upload, type UploadPlan } from './domain/upload.ts'
export {
  type BlockTarget,
  type BlockTerms,
  liftBlocks,
  listBlocks,
  SESSION_BLOCK_SECONDS,
  type Switcher,
  setBlock,
} from './operations/blocks.ts'
export { deleteToken } from './operations/delete-token.ts'
export { type AlarmReceiver, deliverAlarms } from './operations/deliver-alarms.ts'
export { type DetokenizeCommand, type Download, detokenize } from './operations/detokenize.ts'
export { loadKeyRing } from './operations/key-ring.ts'
export {
  type Limited,
  type LimitedCall,
  limitCaller,
  limitMisuse,
  limitStranger,
  TooManyRequests,
} from './operations/limit-caller.ts'
export {
  type GrantPage,
  type ListedGrant,
  type ListGrantsCommand,
  listGrants,
} from './operations/list-grants.ts'
export { pseudonymsOf } from './operations/names.ts'
export type { Keys, Needs } from './operations/needs.ts'
export { type KeyedCall, type OnceByKey, onceByKey } from './operations/once.ts'
export { type AlarmTerms, raiseAlarm } from './operations/raise-alarm.ts'
export { readMetadata } from './operations/read-metadata.ts'
export { expireStep, reapObjectsStep, reapRecordsStep, reapUploadsStep } from './operations/reap.ts'
export { referStep } from './operations/refer-objects.ts'
export { beginRekey, completeRekey, type Rekeying, rekeyToken } from './operations/rekey-token.ts'
export { resealStep } from './operations/reseal-records.ts'
export type { Result } from './operations/result.ts'
export { revokeGrant } from './operations/revoke-grant.ts'
export {
  type HeldKey,
  type Retired,
  type Rotated,
  readKeyStatus,
  retireRingKey,
  rotateRingKey,
} from './operations/rotate-key.ts'
export { type AuditSealer, auditVerifiers, createAuditSealer, resumeAudit } from './operations/seal-audit.ts'
export {
  challengeExpiry,
  closeSession,
  findUser,
  issueChallenge,
  type OpenedSession,
  openSession,
  recordMisuse,
  revokeSession,
  type VerifiedAssertion,
} from './operations/sessions.ts'
export { type SetGrantCommand, setGrant } from './operations/set-grant.ts'
export { type Shredded, sweepDeletions } from './operations/shred.ts'
export { type NewToken, type TokenizeCommand, tokenize } from './operations/tokenize.ts'
export {
  abortUpload,
  completeUpload,
  type Parts,
  type PartsCommand,
  presignParts,
} from './operations/upload-parts.ts'
export { type VerifyGrantCommand, verifyGrant } from './operations/verify-grant.ts'
export { createWatch, type Watch } from './operations/watch.ts'
export { type DoStep, type Step, workOn } from './operations/work.ts'
export { LeaseLost, PORT_FAILURES, PortFailure, type PortFailureCode } from './port-failure.ts'
export type {
  AuditFilter,
  AuditLog,
  AuditSealing,
  Authorizers,
  BlockFilter,
  Clock,
  Commits,
  Database,
  Decision,
  GrantFilter,
  GrantPlace,
  GrantRefusal,
  GrantSearch,
  KeyedObject,
  KeyRingChange,
  KeyUse,
  Limiter,
  MultipartUpload,
  NewRecord,
  ObjectDeletion,
  ObjectReference,
  ObjectStore,
  Outcome,
  Page,
  PendingDeletion,
  Presigned,
  Reader,
  ReferredObject,
  Relocation,
  Repeat,
  RepeatClaim,
  Reseal,
  Room,
  RootKeys,
  SealedRow,
  SessionOpening,
  Settlement,
  StartedUpload,
  StepUpPassing,
  Stops,
  StoredCheckpoint,
  StoredObject,
  StoredPart,
  Swept,
  Tombstone,
  UserNetwork,
  Work,
  WorkProgress,
} from './ports.ts'
