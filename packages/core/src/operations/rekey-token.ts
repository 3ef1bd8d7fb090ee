import type { TokenId } from '@lunadefend/contract'
import { SealBroken } from '../crypto/aead.ts'
import { ByteReader, lp } from '../crypto/encoding.ts'
import { newObjectKey } from '../crypto/random.ts'
import {
  contentKeyOf,
  openMetadata,
  openOuter,
  openRecord,
  type RecordPlace,
  type SealedRecord,
  sealMetadata,
  sealRecord,
  storeKeyOf,
} from '../crypto/record.ts'
import type { Caller } from '../domain/actor.ts'
import { allowed } from '../domain/audit.ts'
import { goneBecause } from '../domain/grant.ts'
import type { Mask } from '../domain/policy.ts'
import type { TokenRecord } from '../domain/record.ts'
import type { Decision, Presigned } from '../ports.ts'
import { subjectOf } from './audit-trail.ts'
import { type FoundGrant, lookUpGrants, lookUpRecords } from './look-up.ts'
import { newObjectRef } from './names.ts'
import { type Needs, sidOf } from './needs.ts'
import { commitReading } from './permit.ts'
import { GRACE_MS } from './reap.ts'
import { DENIED, type Result } from './result.ts'
import { UPLOAD_LIFE_MS } from './shred.ts'
import { stopsOf } from './stops.ts'

const BY_CLIENT = { ok: false, code: 'rekey_by_client' } as const
const CHANGED = { ok: false, code: 'changed_meanwhile' } as const
const DONE = { ok: true, data: null } as const

/**
 * A new data key and a new object for a token, which stays the same. The object store copies from the old key to the
 * new one, so that nobody sees the value. `rekey_by_client` where it cannot, and for values that are encrypted end to
 * end: then only who may read the value can encrypt it anew.
 */
export async function rekeyToken(needs: Needs, caller: Caller, token: TokenId): Promise<Result<null>> {
  const record = await findLiving(needs, caller, token)
  if (record === null) return DENIED
  const old = await openRecord(needs.keys.root.prf, record, record, token)
  if (old.mode !== 1) return BY_CLIENT
  const objectKey = newObjectKey()
  const { keys, ...sealed } = await sealRecord(
    needs.keys.root.prf,
    nextPlace(needs, record),
    token,
    1,
    objectKey,
  )
  const from = { objectKey: old.objectKey, sseKey: old.keys.sseKey }
  switch (await needs.objectStore.copy(from, { objectKey, sseKey: keys.sseKey })) {
    case 'unable':
      return BY_CLIENT
    case 'missing':
      return { ok: false, code: 'no_upload' }
    case 'copied':
      return replace(needs, caller, token, record, {
        ...sealed,
        objectKey,
        oldKey: old.objectKey,
        kid: needs.keys.root.activeKid,
      })
  }
}

/** What a client needs to encrypt a value anew: where it is, where it goes, and what to bring back when it is there. */
export interface Rekeying {
  readonly source: Presigned
  readonly sourceContentKey: Uint8Array | null
  readonly upload: Presigned
  readonly contentKey: Uint8Array | null
  /** The record as it will be, sealed: it opens with root key and token only, in the place of this very generation. */
  readonly ticket: string
}

/** Begins a re-keying by the client, for a session that may read the token. It counts as a use of the grant. */
export async function beginRekey(needs: Needs, caller: Caller, token: TokenId): Promise<Result<Rekeying>> {
  const sid = sidOf(caller.actor)
  const found = await lookUpGrants(needs, caller.actor.app, sid, [token], 'read')
  // The client gets the value: who may see a part of it only may not re-key it.
  const policy = { action: 'detokenize', full: true } as const
  const objection = (_: FoundGrant, shown: Mask | null) => (shown === null ? null : 'policy-denied')
  const ask = { sid, access: 'read', action: 'rekey-token', uses: 1, policy, objection } as const
  const [permit] = await commitReading(needs, caller, found, ask)
  if (!permit) return DENIED
  const old = await permit.open(needs.keys)
  const place = nextPlace(needs, permit.record)
  const objectKey = newObjectKey()
  const { keys, ...sealed } = await sealRecord(needs.keys.root.prf, place, token, old.mode, objectKey)
  const fresh = { mode: old.mode, keys }
  const data = {
    source: await needs.objectStore.presignGet(old.objectKey, storeKeyOf(old)),
    sourceContentKey: contentKeyOf(old),
    upload: await needs.objectStore.presignPut(objectKey, storeKeyOf(fresh), null),
    contentKey: contentKeyOf(fresh),
    ticket: writeTicket(place.kid, sealed),
  }
  return { ok: true, data }
}

/** Ends a re-keying by the client: the new object must be there. `changed_meanwhile` = begin again. */
export async function completeRekey(
  needs: Needs,
  caller: Caller,
  token: TokenId,
  ticket: string,
): Promise<Result<null>> {
  const record = await findLiving(needs, caller, token)
  if (record === null) return DENIED
  const brought = readTicket(ticket)
  const place = { ...record, kid: brought?.kid ?? '', generation: record.generation + 1 }
  if (brought === null || !needs.keys.root.kids.includes(brought.kid)) return CHANGED
  try {
    const fresh = await openRecord(needs.keys.root.prf, place, brought, token)
    const arrived = await needs.objectStore.head(fresh.objectKey, storeKeyOf(fresh))
    if (arrived === null) return { ok: false, code: 'no_upload' }
    const { objectKey: oldKey } = await openOuter(needs.keys.root.prf, record, record)
    return replace(needs, caller, token, record, { ...brought, objectKey: fresh.objectKey, oldKey })
  } catch (error) {
    if (error instanceof SealBroken) return CHANGED
    throw error
  }
}

/** Record first: that the data key is about to be opened is in the audit log before it is. */
async function findLiving(needs: Needs, caller: Caller, token: TokenId): Promise<TokenRecord | null> {
  const subject = subjectOf(needs, caller, 'rekey-token', token)
  const [found] = await lookUpRecords(needs, caller.actor.app, [token])
  const record = found?.record ?? null
  const refusal = record === null ? 'unknown-token' : goneBecause(record, subject.at)
  const recordIds = record === null ? [] : [record.recordId]
  const decision: Decision =
    refusal === null
      ? {
          kind: 'admit',
          refusal: null,
          stops: stopsOf(needs, caller.actor.app, caller.actor.sid, recordIds),
          audit: subject,
        }
      : { kind: 'refuse', refusal, audit: subject }
  const [outcome] = await needs.database.commit.decide([decision])
  return outcome === null ? record : null
}

interface Replacement extends SealedRecord {
  readonly kid: string
  readonly objectKey: string
  readonly oldKey: string
}

async function replace(
  needs: Needs,
  caller: Caller,
  token: TokenId,
  record: TokenRecord,
  { kid, recordSalt, sealed, objectKey, oldKey }: Replacement,
): Promise<Result<null>> {
  const { database, keys, clock } = needs
  const { recordId } = record
  if (!(await isYoung(needs, objectKey))) return CHANGED
  const place = { ...record, kid, generation: record.generation + 1 }
  const { prf } = keys.root
  const metadata = record.sealedMetadata && (await openMetadata(prf, record, record.sealedMetadata))
  const sealedMetadata = metadata === null ? null : await sealMetadata(prf, place, metadata)
  const replaced = await database.commit.rekeyRecord(
    { recordId, generation: place.generation, kid, recordSalt, sealed, sealedMetadata },
    { recordId, ...newObjectRef(needs, objectKey) },
    // Download URLs of the old object that are about still work for a minute.
    { objectKey: oldKey, uploadId: null, at: clock.now(), notBefore: clock.now() + UPLOAD_LIFE_MS },
    allowed(subjectOf(needs, caller, 'rekey-token', token)),
    // What was frozen while the object was copied stays as it is: the old one would be removed.
    stopsOf(needs, caller.actor.app, caller.actor.sid, [recordId]),
  )
  return replaced ? DONE : CHANGED
}

/** An object that had no record for long may be removed at any moment as one that nobody refers to. */
const ADOPT_WITHIN_MS = GRACE_MS / 2

async function isYoung({ objectStore, clock }: Needs, objectKey: string): Promise<boolean> {
  // The list is in the order of the keys, and what the key begins with comes right before it.
  const [found] = (await objectStore.list(objectKey.slice(0, -1), 1)).items
  return found?.objectKey === objectKey && found.modifiedAt > clock.now() - ADOPT_WITHIN_MS
}

function nextPlace({ keys }: Needs, { app, recordId, generation }: TokenRecord): RecordPlace {
  return { app, recordId, kid: keys.root.activeKid, generation: generation + 1 }
}

const SALT_BYTES = 32

function writeTicket(kid: string, { recordSalt, sealed }: SealedRecord): string {
  return Buffer.concat([lp(kid), recordSalt, sealed]).toString('base64url')
}

function readTicket(ticket: string): (SealedRecord & { readonly kid: string }) | null {
  const bytes = Buffer.from(ticket, 'base64url')
  if (bytes.toString('base64url') !== ticket) return null
  try {
    const reader = new ByteReader(bytes)
    const kid = Buffer.from(reader.takeLp())
    const recordSalt = reader.take(SALT_BYTES)
    return { kid: kid.toString(), recordSalt, sealed: bytes.subarray(2 + kid.length + SALT_BYTES) }
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}
