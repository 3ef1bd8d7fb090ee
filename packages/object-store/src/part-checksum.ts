import type { Checksum } from './checksums.ts'
import { readCustomerKey } from './customer-key.ts'
import type { Upload } from './open-upload.ts'
import { type Call, sealOf } from './operations.ts'
import { DamagedFile, openSealedFile } from './sealed-file.ts'
import { placeOfPart } from './stored-object.ts'

/** That of one part of an upload that is open: only the key of the upload tells. `null` when the part has none. */
export async function readPartChecksum(call: Call, { id }: Upload, number: number): Promise<Checksum | null> {
  const { request, directory } = call
  await using handle = await directory.uploads.openPart(id, number)
  const seal = sealOf(directory, request, readCustomerKey(request.headers), placeOfPart(id, number))
  const file = await openSealedFile(handle, seal)
  if (file === null) throw new DamagedFile('a part is of another upload')
  return file.description.checksum
}
