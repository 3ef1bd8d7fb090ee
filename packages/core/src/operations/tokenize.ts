import { sealedLength } from '@lunadefend/content-cipher/lengths'
import { type ErrorCode, LIMITS, LunaDefendError, type TokenId } from '@lunadefend/contract'
import { newObjectKey, newRecordId, newTokenId } from '../crypto/random.ts'
import {
  contentKeyOf,
  type Mode,
  type RecordPlace,
  sealMetadata,
  sealRecord,
  storeKeyOf,
} from '../crypto/record.ts'
import type { Caller } from '../domain/actor.ts'
import { allowed, refused } from '../domain/audit.ts'
import type { Grant } from '../domain/grant.ts'
import { modeOfNew } from '../domain/protection.ts'
import { PARTS_FROM, planUpload, type UploadPlan } from '../domain/upload.ts'
import type { GrantRefusal, KeyedObject, NewRecord, Presigned } from '../ports.ts'
import { subjectOf } from './audit-trail.ts'
import { newGrantId, newLocator, newObjectRef, newSessionRef, roomOf } from './names.ts'
import { type Needs, sidOf } from './needs.ts'
import { askPolicies } from './policies.ts'

export interface TokenizeCommand {
  /** Not secret; sealed at rest under the root key. */
  readonly metadata: Readonly<Record<string, unknown>> | null
  /** Bytes of the value; `null` = not declared, then the upload URL does not bind it. */
  readonly contentLength: number | null
  /** Whether the client encrypts values itself when it is asked to. */
  readonly acceptsEndToEnd: boolean
  /** Whether the client can upload a big value in parts. */
  readonly acceptsParts: boolean
  /** After that many seconds the value is shredded; `null` = never. */
  readonly ttlSeconds: number | null
  /** Whether any touch of it is to raise an alarm. @default false */
  readonly honeytoken?: boolean
}

/** A token, where to upload its value and, when the client must encrypt it, with which key. */
export interface NewToken {
  readonly tokenId: TokenId
  /** One presigned PUT, or the plan of an upload in parts, which the object store has begun. */
  readonly upload: Presigned | UploadPlan
  readonly contentKey: Uint8Array | null
  /** Milliseconds since 1970; `null` = it lives until it is deleted. */
  readonly expiresAt: number | null
}

/**
 * Makes a token and its record, gives the caller's session the grant to store it, and answers where to upload the
 * value. A record whose value never arrives is good for nothing: `/grant/verify` refuses it.
 */
export async function tokenize(needs: Needs, caller: Caller, command: TokenizeCommand): Promise<NewToken> {
  const { keys, database } = needs
  const mode = await decideMode(needs, caller, command)
  const objectLength = objectLengthOf(mode, command)
  const policy = await allowingPolicy(needs, caller, command)
  const token = newTokenId()
  const objectKey = newObjectKey()
  const place = { app: caller.actor.app, recordId: newRecordId(), kid: keys.root.activeKid, generation: 1 }
  const { keys: dataKeys, ...sealed } = await sealRecord(keys.root.prf, place, token, mode, objectKey)
  const sealedMetadata = await metadataOf(needs, place, command)
  const record = { ...recordOf(needs, place, token, objectKey, command), ...sealed, sealedMetadata }
  const audit = allowed({ ...subjectOf(needs, caller, 'tokenize', token), policy })
  const inParts = command.acceptsParts && objectLength !== null && objectLength >= PARTS_FROM
  const grant = storeGrant(needs, caller, token, place.recordId, inParts)
  const room = roomOf(needs, place.app, sidOf(caller.actor))
  const refusal = await database.commit.createRecord(record, grant, audit, room)
  if (refusal !== null) throw new LunaDefendError(CODES[refusal])
  const fresh = { mode, keys: dataKeys }
  const object = { objectKey, sseKey: storeKeyOf(fresh) }
  const upload = inParts
    ? await beginParts(needs, place.recordId, object, objectLength)
    : await needs.objectStore.presignPut(objectKey, object.sseKey, objectLength)
  return { tokenId: token, upload, contentKey: contentKeyOf(fresh), expiresAt: record.expiresAt }
}

const CODES = {
  'too-many-grants': 'too_many_grants',
  blocked: 'access_denied',
  'step-up': 'step_up_required',
} as const satisfies Record<GrantRefusal, ErrorCode>

/** An upload that is begun and not noted, because this process dies in between, is reaped with the abandoned ones. */
async function beginParts(
  { objectStore, database, clock }: Needs,
  recordId: Uint8Array,
  object: KeyedObject,
  contentLength: number,
): Promise<UploadPlan> {
  const plan = planUpload(contentLength)
  const uploadId = await objectStore.beginUpload(object)
  const { partSize } = plan
  await database.commit.beginUpload({ recordId, uploadId, contentLength, partSize, startedAt: clock.now() })
  return plan
}

/** The policy that allows it. Throws `access_denied`, which is in the audit log then, when one does not. */
async function allowingPolicy(
  needs: Needs,
  caller: Caller,
  { metadata }: TokenizeCommand,
): Promise<string | null> {
  const deed = { caller, app: caller.actor.app, action: 'tokenize', full: false } as const
  const matter = { token: null, record: null, purpose: null, metadata }
  const [verdict] = await askPolicies(needs, deed, [matter])
  const policy = verdict?.policy ?? null
  if (verdict?.kind === 'allow') return policy
  const subject = { ...subjectOf(needs, caller, 'tokenize', null), policy }
  await needs.database.commit.recordAudit([refused(subject, 'policy-denied')])
  throw new LunaDefendError('access_denied')
}

/** Throws `end_to_end_required`, which is in the audit log then, for a client that cannot do what this house requires. */
async function decideMode(needs: Needs, caller: Caller, { acceptsEndToEnd }: TokenizeCommand): Promise<Mode> {
  const mode = modeOfNew(needs.protection, acceptsEndToEnd)
  if (mode !== null) return mode
  const audit = refused(subjectOf(needs, caller, 'tokenize', null), 'end-to-end-only')
  await needs.database.commit.recordAudit([audit])
  throw new LunaDefendError('end_to_end_required')
}

/** Bytes of the object; `null` = the value's length was not declared. What the client encrypts is padded and longer. */
function objectLengthOf(mode: Mode, { contentLength, acceptsParts }: TokenizeCommand): number | null {
  if (contentLength === null) return null
  const length = mode === 1 ? contentLength : sealedLength(contentLength)
  if (length <= (acceptsParts ? LIMITS.objectBytes : LIMITS.uploadBytes)) return length
  const reason = acceptsParts ? 'is too large, once it is encrypted' : 'is too large, unless accept has parts'
  throw new LunaDefendError('invalid_request', `body/contentLength: ${reason}`)
}

function recordOf(
  needs: Needs,
  place: RecordPlace,
  token: TokenId,
  objectKey: string,
  { ttlSeconds, honeytoken = false }: TokenizeCommand,
): Omit<NewRecord, 'recordSalt' | 'sealed' | 'sealedMetadata'> {
  const names = { ...newLocator(needs, place.app, token, honeytoken), ...newObjectRef(needs, objectKey) }
  const createdAt = needs.clock.now()
  const expiresAt = ttlSeconds === null ? null : createdAt + ttlSeconds * 1000
  return { ...place, ...names, createdAt, expiresAt, storedAt: null, deletedAt: null }
}

async function metadataOf({ keys }: Needs, place: RecordPlace, { metadata }: TokenizeCommand) {
  if (metadata === null) return null
  const json = toJson(metadata)
  if (json === null || Buffer.byteLength(json) > LIMITS.metadataBytes) {
    throw new LunaDefendError(
      'invalid_request',
      `body/metadata: must be at most ${LIMITS.metadataBytes} bytes of JSON`,
    )
  }
  return sealMetadata(keys.root.prf, place, json)
}

/** `null` when it is nested more deeply than the stack allows, which takes more bytes than the limit does. */
function toJson(metadata: NonNullable<TokenizeCommand['metadata']>): string | null {
  try {
    return JSON.stringify(metadata)
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}

/** An upload in parts may take long. What is made once is stored once: see docs/decisions/0015. */
function storeGrant(
  needs: Needs,
  { actor }: Caller,
  token: TokenId,
  recordId: Uint8Array,
  inParts: boolean,
): Grant {
  const { maximumSeconds, defaultSeconds } = needs.grants.life
  const seconds = inParts ? maximumSeconds : defaultSeconds
  const sid = sidOf(actor)
  return {
    ...newGrantId(needs, actor.app, sid, token, 'store'),
    ...newSessionRef(needs, actor.app, sid),
    app: actor.app,
    recordId,
    access: 'store',
    expiresAt: needs.clock.now() + seconds * 1000,
    maxUses: 1,
    uses: 0,
    purpose: null,
    usedFor: null,
  }
}
