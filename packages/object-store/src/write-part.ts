import type { Checksum, ChecksumAlgorithm } from './checksums.ts'
import type { Content } from './content.ts'
import type { CustomerKey } from './customer-key.ts'
import type { Upload } from './open-upload.ts'
import { type Call, sealOf } from './operations.ts'
import { S3Error } from './s3-error.ts'
import { sealFile } from './sealed-file.ts'
import { placeOfPart } from './stored-object.ts'
import type { Written } from './write-object.ts'

export interface NewPart {
  readonly upload: Upload
  readonly number: number
  readonly customerKey: CustomerKey | null
  readonly content: Content
}

/** Puts a part in its place; whole, or not at all. @throws {S3Error} `NoSuchUpload`, and as `content` does */
export async function writePart(
  call: Call,
  { upload, number, customerKey, content }: NewPart,
): Promise<Written> {
  const { request, directory, now } = call
  const { bucket, key } = request
  const { size } = content
  const lastModified = now.getTime()
  let written: Written = { etag: '', checksum: null }
  const describe = async () => {
    const { etag, checksum: digest } = await content.finish()
    const checksum: Checksum | null = digest === null ? null : { ...digest, type: 'FULL_OBJECT' }
    written = { etag: `"${etag}"`, checksum }
    return {
      description: { size, lastModified, etag, headers: {}, checksum },
      label: { bucket, key, size, lastModified, etag, part: number },
    }
  }
  const seal = sealOf(directory, request, customerKey, placeOfPart(upload.id, number))
  const isWritten = await directory.uploads.writePart(upload.id, number, (handle) =>
    sealFile(handle, seal, size, content.pieces, describe),
  )
  if (!isWritten) throw new S3Error('NoSuchUpload')
  return written
}

/** @throws {S3Error} `InvalidRequest` when the upload was begun for another checksum */
export function checkPartChecksum({ label }: Upload, algorithm: ChecksumAlgorithm | null): void {
  if (label.checksum === undefined || label.checksum.algorithm === algorithm) return
  throw new S3Error(
    'InvalidRequest',
    `Checksum type mismatch: the upload was begun for ${label.checksum.algorithm}, and this part has another or none.`,
  )
}
