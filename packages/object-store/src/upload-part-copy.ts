import { checksumElement } from './checksums.ts'
import { copyContent, MAX_CONTENT_BYTES } from './content.ts'
import { openCopySource, readCopySource } from './copy-source.ts'
import { encryptionHeaders, readCustomerKey } from './customer-key.ts'
import { openUploadWithKey } from './open-upload.ts'
import { AMZ_HEADERS, NAMESPACE, type Operation } from './operations.ts'
import { parsePartNumber } from './parameters.ts'
import { parseCopyRange } from './range.ts'
import { S3Error } from './s3-error.ts'
import { writePart } from './write-part.ts'
import { writeXml } from './write-xml.ts'

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html */
export const uploadPartCopy: Operation = {
  query: ['partNumber', 'uploadId'],
  amzHeaders: [AMZ_HEADERS.customerKey, AMZ_HEADERS.copySource, AMZ_HEADERS.copyRange],
  conditions: [],
  hasBody: false,
  async run(call) {
    const { headers, query } = call.request
    const number = parsePartNumber(query.get('partNumber') ?? '')
    const customerKey = readCustomerKey(headers)
    const upload = await openUploadWithKey(call, customerKey)
    await using source = await openCopySource(call, readCopySource(call))
    const { size } = source.description
    const asked = headers.get('x-amz-copy-source-range')
    const { first, last } = asked === null ? { first: 0, last: size - 1 } : parseCopyRange(asked, size)
    if (last - first + 1 > MAX_CONTENT_BYTES)
      throw new S3Error('InvalidRequest', 'A part can have at most 5 GiB.')
    const algorithm = upload.label.checksum?.algorithm ?? null
    const content = copyContent(last - first + 1, source.read(first, last), customerKey, algorithm)
    const { etag, checksum } = await writePart(call, { upload, number, customerKey, content })
    const result = {
      LastModified: call.now.toISOString(),
      ETag: etag,
      ...(checksum === null ? {} : { [checksumElement(checksum.algorithm)]: checksum.value }),
    }
    return {
      status: 200,
      headers: { 'content-type': 'application/xml', ...encryptionHeaders(customerKey) },
      body: writeXml('CopyPartResult', result, NAMESPACE),
    }
  },
}
