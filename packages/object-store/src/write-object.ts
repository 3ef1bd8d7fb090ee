import type { Checksum } from './checksums.ts'
import type { Content } from './content.ts'
import type { CustomerKey } from './customer-key.ts'
import type { Permission } from './object-directory.ts'
import { type Call, sealOf } from './operations.ts'
import { sealFile } from './sealed-file.ts'

export interface NewObject {
  readonly customerKey: CustomerKey | null
  readonly headers: Readonly<Record<string, string>>
  readonly permit: Permission
  readonly content: Content
}

export interface Written {
  /** With quotation marks. */
  readonly etag: string
  readonly checksum: Checksum | null
}

/** Puts an object in its place; whole, or not at all. @throws {S3Error} as `permit` and `content` do */
export async function writeObject(
  call: Call,
  { customerKey, headers, permit, content }: NewObject,
): Promise<Written> {
  const { request, directory, now } = call
  const { bucket, key } = request
  const { size } = content
  const lastModified = now.getTime()
  let written: Written = { etag: '', checksum: null }
  const describe = async () => {
    const { etag, checksum: digest } = await content.finish()
    const checksum = digest === null ? null : { ...digest, type: 'FULL_OBJECT' as const }
    written = { etag: `"${etag}"`, checksum }
    return {
      description: { size, lastModified, etag, headers, checksum },
      label: { bucket, key, size, lastModified, etag },
    }
  }
  await directory.write(request, permit, (handle) =>
    sealFile(handle, sealOf(directory, request, customerKey), size, content.pieces, describe),
  )
  return written
}
