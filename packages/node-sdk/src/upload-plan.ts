import type { TokenId } from '@lunadefend/contract'
import { LunaDefendClientError } from './client-error.ts'
import { asMembers } from './envelope.ts'
import { checkToken } from './token-lists.ts'

/**
 * An upload in parts: plain data, which may be kept as JSON so that another process can go on with it. It is no secret,
 * and good for nothing without the session and the application's key.
 */
export interface Upload {
  readonly token: string
  /** Of the value, in bytes. */
  readonly size: number
  /** Bytes of every part but the last. */
  readonly partSize: number
  readonly partCount: number
  /** `false` where the value is encrypted end to end: what another process would encrypt does not fit the parts that are there. */
  readonly resumable: boolean
}

/** How an object goes to the store. */
export interface Plan {
  /** Of the object, in bytes. */
  readonly length: number
  readonly partSize: number
  readonly partCount: number
}

/** `null` when the parts do not make up an object of this length. */
export function readPlan(data: unknown, length: number): Plan | null {
  const members = asMembers(data)
  if (members === null) return null
  const { partSize, partCount } = members
  if (!isCount(partSize) || !isCount(partCount)) return null
  return partCount === Math.ceil(length / partSize) ? { length, partSize, partCount } : null
}

/** What a caller has kept. Throws `invalid_argument`, and `upload_not_resumable` where it says so. */
export function checkUpload(given: unknown): { readonly tokenId: TokenId; readonly plan: Plan } {
  const upload = asMembers(given)
  const { token, size, resumable } = upload ?? {}
  const tokenId = checkToken({ place: "The upload's token", value: token })
  if (resumable === false) throw new LunaDefendClientError('upload_not_resumable')
  const plan = isCount(size) ? readPlan(upload, size) : null
  if (plan === null || resumable !== true) {
    throw new LunaDefendClientError('invalid_argument', '`upload` must be what `onUpload` was given.')
  }
  return { tokenId, plan }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0
}
