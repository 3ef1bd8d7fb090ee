import { checksumHeaders } from './checksums.ts'
import { receiveContent } from './content.ts'
import { encryptionHeaders, readCustomerKey } from './customer-key.ts'
import { openUploadWithKey } from './open-upload.ts'
import { AMZ_HEADERS, type Operation } from './operations.ts'
import { parsePartNumber } from './parameters.ts'
import { checkPartChecksum, writePart } from './write-part.ts'

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html */
export const uploadPart: Operation = {
  query: ['partNumber', 'uploadId'],
  amzHeaders: [AMZ_HEADERS.customerKey, AMZ_HEADERS.content],
  conditions: [],
  hasBody: true,
  async run(call) {
    const { headers, query } = call.request
    const number = parsePartNumber(query.get('partNumber') ?? '')
    const customerKey = readCustomerKey(headers)
    const upload = await openUploadWithKey(call, customerKey)
    const plan = upload.label.checksum
    // Of a composite checksum each part must bring its own; one of the whole object can be made without.
    const content = receiveContent(call, customerKey, plan?.type === 'FULL_OBJECT' ? plan.algorithm : null)
    checkPartChecksum(upload, content.algorithm)
    const { etag, checksum } = await writePart(call, { upload, number, customerKey, content })
    const { 'x-amz-checksum-type': _, ...sums } = checksumHeaders(checksum)
    return { status: 200, headers: { etag, ...sums, ...encryptionHeaders(customerKey) } }
  },
}
