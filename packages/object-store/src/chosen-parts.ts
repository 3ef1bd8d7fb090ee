/** Which parts of an upload become the object. */
import type { Checksum } from './checksums.ts'
import type { Upload } from './open-upload.ts'
import type { Call } from './operations.ts'
import { readPartChecksum } from './part-checksum.ts'
import type { PartWish } from './part-wishes.ts'
import { S3Error } from './s3-error.ts'
import type { PartPlace } from './sealed-file.ts'

const MIN_PART_BYTES = 5 * 1024 ** 2

export interface ChosenPart {
  readonly place: PartPlace
  readonly checksum: Checksum | null
}

/** @throws {S3Error} `InvalidPart`, `EntityTooSmall`, or `InvalidRequest` where checksums or the key for them are missing */
export async function chooseParts(
  call: Call,
  upload: Upload,
  wishes: readonly PartWish[],
): Promise<ChosenPart[]> {
  const labels = new Map((await call.directory.uploads.parts(upload.id)).map((label) => [label.part, label]))
  checkWishes(upload, wishes)
  const needsChecksums =
    upload.label.checksum !== undefined || wishes.some(({ checksum }) => checksum !== null)
  const chosen: ChosenPart[] = []
  for (const [i, wish] of wishes.entries()) {
    const label = labels.get(wish.number)
    if (label?.etag !== wish.etag) throw new S3Error('InvalidPart')
    if (label.size < MIN_PART_BYTES && i < wishes.length - 1) throw new S3Error('EntityTooSmall')
    const checksum = needsChecksums ? await readPartChecksum(call, upload, wish.number) : null
    if (!fits(wish, checksum)) throw new S3Error('InvalidPart')
    const { size, etag } = label
    chosen.push({ place: { number: wish.number, size, etag }, checksum })
  }
  return chosen
}

function checkWishes({ label, isOpen }: Upload, wishes: readonly PartWish[]): void {
  const hasChecksums = label.checksum !== undefined || wishes.some(({ checksum }) => checksum !== null)
  if (hasChecksums && !isOpen)
    throw new S3Error('InvalidRequest', 'With checksums, the customer key of the upload is needed here, too.')
  const isComposite = label.checksum?.type === 'COMPOSITE'
  if (isComposite && wishes.some(({ checksum }) => checksum === null))
    throw new S3Error('InvalidRequest', 'The upload was begun with a checksum. Send that of each part.')
}

function fits({ checksum: wanted }: PartWish, found: Checksum | null): boolean {
  return wanted === null || (wanted.algorithm === found?.algorithm && wanted.value === found.value)
}
