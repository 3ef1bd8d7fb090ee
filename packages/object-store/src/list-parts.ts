import { checksumElement } from './checksums.ts'
import { readCustomerKey } from './customer-key.ts'
import { OWNER } from './list-page.ts'
import { openUpload, type Upload } from './open-upload.ts'
import { AMZ_HEADERS, type Call, NAMESPACE, type Operation } from './operations.ts'
import { readLimit } from './parameters.ts'
import { readPartChecksum } from './part-checksum.ts'
import { S3Error } from './s3-error.ts'
import type { Label } from './sealed-file.ts'
import { writeXml, type XmlFields } from './write-xml.ts'

/**
 * Checksums are given to whoever brings the key of the upload, or where it has none.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html
 */
export const listParts: Operation = {
  query: ['uploadId', 'max-parts', 'part-number-marker'],
  amzHeaders: [AMZ_HEADERS.customerKey],
  conditions: [],
  hasBody: false,
  async run(call) {
    const { request, directory } = call
    const limit = readLimit(request, 'max-parts')
    const marker = readMarker(request.query.get('part-number-marker'))
    const upload = await openUpload(call, readCustomerKey(request.headers))
    const parts = (await directory.uploads.parts(upload.id)).filter((label) => (label.part ?? 0) > marker)
    const page = parts.slice(0, limit)
    const { checksum } = upload.label
    const body = writeXml(
      'ListPartsResult',
      {
        Bucket: request.bucket,
        Key: request.key,
        UploadId: upload.id,
        Initiator: OWNER,
        Owner: OWNER,
        StorageClass: 'STANDARD',
        PartNumberMarker: marker,
        NextPartNumberMarker: page.at(-1)?.part ?? marker,
        MaxParts: limit,
        IsTruncated: limit > 0 && parts.length > limit,
        ChecksumAlgorithm: checksum?.algorithm,
        ChecksumType: checksum?.type,
        Part: await Promise.all(page.map((label) => describePart(call, upload, label))),
      },
      NAMESPACE,
    )
    return { status: 200, headers: { 'content-type': 'application/xml' }, body }
  },
}

function readMarker(text: string | null | undefined): number {
  if (text == null || text === '') return 0
  if (!/^\d{1,10}$/.test(text))
    throw new S3Error('InvalidArgument', 'part-number-marker must be a whole number.')
  return Number(text)
}

async function describePart(call: Call, upload: Upload, label: Label): Promise<XmlFields> {
  const checksum = upload.isOpen ? await readPartChecksum(call, upload, label.part ?? 0) : null
  return {
    PartNumber: label.part,
    LastModified: new Date(label.lastModified).toISOString(),
    ETag: `"${label.etag}"`,
    Size: label.size,
    ...(checksum === null ? {} : { [checksumElement(checksum.algorithm)]: checksum.value }),
  }
}
