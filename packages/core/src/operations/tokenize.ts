import { LIMITS, LunaDefendError, type TokenId } from '@lunadefend/contract'
import { grantIdOf, locatorOf, sessionRefOf } from '../crypto/identifiers.ts'
import { newObjectKey, newRecordId, newTokenId } from '../crypto/random.ts'
import { type RecordPlace, sealMetadata, sealRecord } from '../crypto/record.ts'
import type { Caller } from '../domain/actor.ts'
import { allowed } from '../domain/audit.ts'
import { GRANT_LIFE } from '../domain/duration.ts'
import type { Grant } from '../domain/grant.ts'
import type { NewRecord, Presigned } from '../ports.ts'
import { subjectOf } from './audit-trail.ts'
import { type Needs, sidOf } from './needs.ts'

export interface TokenizeCommand {
  /** Not secret; sealed at rest under the root key. */
  readonly metadata: Readonly<Record<string, unknown>> | null
  /** Bytes of the value; `null` = not declared, then the upload URL does not bind it. */
  readonly contentLength: number | null
}

const SSE_C = 1

/**
 * Makes a token and its record, gives the caller's session the grant to store it, and answers where to upload the
 * value. A record whose value never arrives is good for nothing: `/grant/verify` refuses it.
 */
export async function tokenize(
  needs: Needs,
  caller: Caller,
  command: TokenizeCommand,
): Promise<{ tokenId: TokenId; upload: Presigned }> {
  const { keys, database, objectStore } = needs
  const token = newTokenId()
  const objectKey = newObjectKey()
  const place = { app: caller.actor.app, recordId: newRecordId(), kid: keys.root.activeKid, generation: 1 }
  const { keys: dataKeys, ...sealed } = await sealRecord(keys.root.prf, place, token, SSE_C, objectKey)
  const sealedMetadata = await metadataOf(needs, place, command)
  const record = { ...recordOf(needs, place, token), ...sealed, sealedMetadata }
  const audit = allowed(subjectOf(needs, caller, 'tokenize', token))
  await database.commit.createRecord(record, storeGrant(needs, caller, token, place.recordId), audit)
  const upload = await objectStore.presignPut(objectKey, dataKeys.sseKey, command.contentLength)
  return { tokenId: token, upload }
}

function recordOf(
  { keys, clock }: Needs,
  place: RecordPlace,
  token: TokenId,
): Omit<NewRecord, 'recordSalt' | 'sealed' | 'sealedMetadata'> {
  const locator = locatorOf(keys.ring.locator, place.app, token)
  return { ...place, locator, createdAt: clock.now(), storedAt: null, deletedAt: null }
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

function storeGrant({ keys, clock }: Needs, { actor }: Caller, token: TokenId, recordId: Uint8Array): Grant {
  const sid = sidOf(actor)
  return {
    grantId: grantIdOf(keys.ring.grant, actor.app, sid, token, 'store'),
    app: actor.app,
    sessionRef: sessionRefOf(keys.ring.session, actor.app, sid),
    recordId,
    access: 'store',
    expiresAt: clock.now() + GRANT_LIFE.defaultSeconds * 1000,
    maxUses: null,
    uses: 0,
    purpose: null,
  }
}
