import type { CustomerKey } from './customer-key.ts'
import { type Call, sealOf } from './operations.ts'
import { readUploadId } from './parameters.ts'
import { S3Error } from './s3-error.ts'
import { type Label, openSealedFile, readLabel, readProtection } from './sealed-file.ts'

/** A multipart upload under way, of the object that the request names. */
export interface Upload {
  readonly id: string
  readonly label: Label
  /** Whether the key that was given opens its parts. Without a key those of others stay closed. */
  readonly isOpen: boolean
}

/**
 * @param customerKey where there is one, it must be that of the upload
 * @throws {S3Error} `NoSuchUpload`; `InvalidRequest` for another key, or for a key where the upload has none
 */
export async function openUpload(call: Call, customerKey: CustomerKey | null): Promise<Upload> {
  const { request, directory } = call
  const id = readUploadId(request)
  const handle = await directory.uploads.open(id)
  if (handle === null) throw new S3Error('NoSuchUpload')
  await using _ = handle
  const label = await readLabel(handle, directory.labelKey)
  if (label.bucket !== request.bucket || label.key !== request.key) throw new S3Error('NoSuchUpload')
  if ((await readProtection(handle)) === 'customer' && customerKey === null)
    return { id, label, isOpen: false }
  if ((await openSealedFile(handle, sealOf(directory, request, customerKey, id))) !== null)
    return { id, label, isOpen: true }
  throw new S3Error('InvalidRequest', 'The upload was begun with another customer key, or with none.')
}

/** As {@link openUpload}, where nothing can be done without the key. */
export async function openUploadWithKey(call: Call, customerKey: CustomerKey | null): Promise<Upload> {
  const upload = await openUpload(call, customerKey)
  if (upload.isOpen) return upload
  throw new S3Error('InvalidRequest', 'The upload was begun with a customer key. Send that key.')
}
