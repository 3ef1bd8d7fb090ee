import { randomBytes } from 'node:crypto'
import { type Checksum, checksumTypeOfParts, parseAlgorithm } from './checksums.ts'
import { encryptionHeaders, readEncryption } from './customer-key.ts'
import { storedHeaders } from './object-headers.ts'
import { AMZ_HEADERS, NAMESPACE, type Operation, sealOf } from './operations.ts'
import { S3Error } from './s3-error.ts'
import type { RequestHeaders } from './s3-request.ts'
import { sealFile } from './sealed-file.ts'
import { writeXml } from './write-xml.ts'

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html */
export const createMultipartUpload: Operation = {
  query: ['uploads'],
  amzHeaders: [
    ...[AMZ_HEADERS.customerKey, AMZ_HEADERS.storeEncryption, AMZ_HEADERS.userMetadata],
    ...[AMZ_HEADERS.checksumAlgorithm, AMZ_HEADERS.checksumType],
  ],
  conditions: [],
  hasBody: false,
  async run(call) {
    const { request, directory, now } = call
    const { bucket, key } = request
    const customerKey = readEncryption(request.headers)
    const checksum = readChecksumPlan(request.headers)
    const common = { size: 0, lastModified: now.getTime(), etag: '' }
    const description = { ...common, headers: storedHeaders(call), checksum: null }
    const label = { ...common, bucket, key, ...(checksum === null ? {} : { checksum }) }
    const id = randomBytes(16).toString('hex')
    await directory.uploads.create(id, (handle) =>
      sealFile(handle, sealOf(directory, request, customerKey, id), 0, nothing(), async () => ({
        description,
        label,
      })),
    )
    const named = { Bucket: bucket, Key: key, UploadId: id }
    return {
      status: 200,
      headers: {
        'content-type': 'application/xml',
        ...(checksum === null ? {} : planHeaders(checksum)),
        ...encryptionHeaders(customerKey),
      },
      body: writeXml('InitiateMultipartUploadResult', named, NAMESPACE),
    }
  },
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

function readChecksumPlan(headers: RequestHeaders): Omit<Checksum, 'value'> | null {
  const asked = headers.get('x-amz-checksum-algorithm')
  const type = headers.get('x-amz-checksum-type')
  if (asked !== null) {
    const algorithm = parseAlgorithm(asked)
    return { algorithm, type: checksumTypeOfParts(algorithm, type) }
  }
  if (type === null) return null
  throw new S3Error('InvalidRequest', 'x-amz-checksum-type needs x-amz-checksum-algorithm.')
}

function planHeaders({ algorithm, type }: Omit<Checksum, 'value'>): Record<string, string> {
  return { 'x-amz-checksum-algorithm': algorithm, 'x-amz-checksum-type': type }
}
