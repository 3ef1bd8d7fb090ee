import { LunaDefendError, type TokenId } from '@lunadefend/contract'
import { storeKeyOf } from '../crypto/record.ts'
import type { Caller } from '../domain/actor.ts'
import { type Action, allowed } from '../domain/audit.ts'
import { partLength, planUpload, type Upload } from '../domain/upload.ts'
import type { KeyedObject, MultipartUpload, Presigned, StoredPart } from '../ports.ts'
import { subjectOf } from './audit-trail.ts'
import { lookUpGrants } from './look-up.ts'
import { type Needs, sidOf } from './needs.ts'
import { commitDecisions } from './permit.ts'
import { DENIED, mapLimited, type Result } from './result.ts'

const WIDTH = 32

export interface PartsCommand {
  readonly token: TokenId
  /** The parts to upload next, from 1. */
  readonly partNumbers: readonly number[]
  /** Whether the object store is asked what has arrived already. */
  readonly resume: boolean
}

export interface PartUpload extends Presigned {
  readonly partNumber: number
}

export interface Parts {
  readonly parts: readonly PartUpload[]
  /** Numbers of the parts that have arrived; `null` = nobody asked. */
  readonly uploaded: readonly number[] | null
}

/** Where to upload the next parts of a value. Throws `invalid_request` for a part that the plan does not have. */
export async function presignParts(
  needs: Needs,
  caller: Caller,
  command: PartsCommand,
): Promise<Result<Parts>> {
  const open = await openUpload(needs, caller, command.token, 'upload-parts')
  if (!open.ok) return open
  const { upload, object } = open.data
  if (upload === null) return NO_UPLOAD
  const place = { objectKey: object.objectKey, uploadId: upload.uploadId }
  const stored = command.resume ? await needs.objectStore.listParts(place) : []
  if (stored === null) return NO_UPLOAD
  const parts = await mapLimited(command.partNumbers, WIDTH, async (partNumber) => {
    const length = partLength(upload, partNumber)
    if (length === null) throw new LunaDefendError('invalid_request', 'body/partNumbers: no such part')
    const presigned = await needs.objectStore.presignPart(place, partNumber, object.sseKey, length)
    return { ...presigned, partNumber }
  })
  return { ok: true, data: { parts, uploaded: command.resume ? stored.map(numberOf) : null } }
}

const numberOf = ({ partNumber }: StoredPart) => partNumber
const NO_UPLOAD = { ok: false, code: 'no_upload' } as const
const INCOMPLETE = { ok: false, code: 'upload_incomplete' } as const
const DONE = { ok: true, data: null } as const

/** Puts the parts together, and proves that the object is there. To ask again after a lost answer changes nothing. */
export async function completeUpload(needs: Needs, caller: Caller, token: TokenId): Promise<Result<null>> {
  const open = await openUpload(needs, caller, token, 'upload-complete')
  if (!open.ok) return open
  const { recordId, upload, object, storedAt } = open.data
  if (storedAt !== null) return DONE
  if (upload === null) return NO_UPLOAD
  const outcome = await putTogether(needs, upload, object)
  if (outcome === 'incomplete') return INCOMPLETE
  // An answer that was lost looks like an upload that never was: the object itself decides.
  if ((await needs.objectStore.head(object.objectKey, object.sseKey)) === null) return NO_UPLOAD
  const audit = allowed(subjectOf(needs, caller, 'prove-stored', token))
  await needs.database.commit.endUpload(recordId, needs.clock.now(), audit)
  return DONE
}

async function putTogether(
  { objectStore }: Needs,
  upload: Upload,
  { objectKey }: KeyedObject,
): Promise<'incomplete' | 'perhaps'> {
  const place: MultipartUpload = { objectKey, uploadId: upload.uploadId }
  const parts = await objectStore.listParts(place)
  if (parts === null) return 'perhaps'
  if (!isWhole(upload, parts)) return 'incomplete'
  return (await objectStore.completeUpload(place, parts)) === 'refused' ? 'incomplete' : 'perhaps'
}

/** Every part of the plan, each with its length: nothing else becomes an object. */
function isWhole(upload: Upload, parts: readonly StoredPart[]): boolean {
  return (
    parts.length === planUpload(upload.contentLength).partCount &&
    parts.every(({ partNumber, size }, index) => {
      return partNumber === index + 1 && size === partLength(upload, partNumber)
    })
  )
}

/** Gives up an upload; what has arrived is removed. The token is then one whose value never arrived. */
export async function abortUpload(needs: Needs, caller: Caller, token: TokenId): Promise<Result<null>> {
  const open = await openUpload(needs, caller, token, 'upload-abort')
  if (!open.ok) return open
  const { recordId, upload, object } = open.data
  if (upload === null) return NO_UPLOAD
  await needs.objectStore.abortUpload({ objectKey: object.objectKey, uploadId: upload.uploadId })
  const audit = allowed(subjectOf(needs, caller, 'upload-abort', token))
  await needs.database.commit.endUpload(recordId, null, audit)
  return DONE
}

interface OpenUpload {
  readonly recordId: Uint8Array
  readonly storedAt: number | null
  readonly upload: Upload | null
  readonly object: KeyedObject
}

/** For the session that may store this token. */
async function openUpload(
  needs: Needs,
  caller: Caller,
  token: TokenId,
  action: Action,
): Promise<Result<OpenUpload>> {
  const sid = sidOf(caller.actor)
  const found = await lookUpGrants(needs, caller.actor.app, sid, [token], 'store')
  const [permit] = await commitDecisions(needs, caller, found, { sid, access: 'store', action, uses: 0 })
  if (!permit) return DENIED
  const { recordId, storedAt } = permit.record
  const opened = await permit.open(needs.keys)
  const upload = await needs.database.read((reader) => reader.findUpload(recordId))
  const object = { objectKey: opened.objectKey, sseKey: storeKeyOf(opened) }
  return { ok: true, data: { recordId, storedAt, upload, object } }
}
