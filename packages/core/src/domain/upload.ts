import { LIMITS } from '@lunadefend/contract'

/** An upload in parts that has begun. Where the object lies is in the record alone. Times in milliseconds since 1970. */
export interface Upload {
  readonly recordId: Uint8Array
  /** The object store's id for it. */
  readonly uploadId: string
  /** Bytes of the whole object, as declared. */
  readonly contentLength: number
  /** Bytes of every part but the last. */
  readonly partSize: number
  readonly startedAt: number
}

const MIB = 1024 ** 2
/** Smaller parts cost more requests than they save when one fails. */
const LEAST_PART = 16 * MIB
/** From this length on, in bytes, an upload goes in parts, if the client can. */
export const PARTS_FROM = LEAST_PART

export interface UploadPlan {
  /** Bytes of every part but the last. */
  readonly partSize: number
  readonly partCount: number
}

/** The parts of an object of this many bytes: as few bytes each as S3's 10,000 parts allow, in whole MiB. */
export function planUpload(contentLength: number): UploadPlan {
  const needed = Math.ceil(contentLength / LIMITS.uploadParts / MIB) * MIB
  const partSize = Math.max(LEAST_PART, needed)
  return { partSize, partCount: Math.max(1, Math.ceil(contentLength / partSize)) }
}

/** Bytes of one part; `null` = the upload has no such part. */
export function partLength({ contentLength, partSize }: Upload, partNumber: number): number | null {
  const start = (partNumber - 1) * partSize
  if (partNumber < 1 || start >= contentLength) return null
  return Math.min(partSize, contentLength - start)
}
