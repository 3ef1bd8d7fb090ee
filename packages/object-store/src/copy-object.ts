import { checksumElement, parseAlgorithm } from './checksums.ts'
import { copyContent, MAX_CONTENT_BYTES } from './content.ts'
import { openCopySource, readCopySource } from './copy-source.ts'
import { asksForEncryption, encryptionHeaders, readCopySourceKey, readEncryption } from './customer-key.ts'
import { storedHeaders } from './object-headers.ts'
import { AMZ_HEADERS, type Call, NAMESPACE, type Operation } from './operations.ts'
import { readPermission } from './preconditions.ts'
import { S3Error } from './s3-error.ts'
import type { ObjectName } from './sealed-file.ts'
import { writeObject } from './write-object.ts'
import { writeXml } from './write-xml.ts'

/**
 * Between any two keys, and none.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
 */
export const copyObject: Operation = {
  query: [],
  amzHeaders: [
    ...[AMZ_HEADERS.customerKey, AMZ_HEADERS.storeEncryption, AMZ_HEADERS.userMetadata],
    ...[AMZ_HEADERS.copySource, AMZ_HEADERS.checksumAlgorithm, /^x-amz-(metadata|tagging)-directive$/],
  ],
  conditions: ['if-match', 'if-none-match'],
  hasBody: false,
  async run(call) {
    const { request, now } = call
    const customerKey = readEncryption(request.headers)
    const replaced = readDirectives(call)
    const permit = readPermission(request.headers)
    const name = readCopySource(call)
    if (replaced === null) checkSelfCopy(call, name)
    await using source = await openCopySource(call, name)
    const { size, headers, checksum: old } = source.description
    if (size > MAX_CONTENT_BYTES)
      throw new S3Error('InvalidRequest', 'An object of more than 5 GiB must be copied in parts.')
    const asked = request.headers.get('x-amz-checksum-algorithm')
    const algorithm = asked === null ? (old?.algorithm ?? null) : parseAlgorithm(asked)
    const content = copyContent(size, source.read(0, size - 1), customerKey, algorithm)
    const { etag, checksum } = await writeObject(call, {
      customerKey,
      headers: replaced ?? headers,
      permit,
      content,
    })
    const result = {
      LastModified: now.toISOString(),
      ETag: etag,
      ...(checksum === null
        ? {}
        : { [checksumElement(checksum.algorithm)]: checksum.value, ChecksumType: checksum.type }),
    }
    return {
      status: 200,
      headers: { 'content-type': 'application/xml', ...encryptionHeaders(customerKey) },
      body: writeXml('CopyObjectResult', result, NAMESPACE),
    }
  },
}

/** The headers that replace those of the source; `null`: they are copied. */
function readDirectives(call: Call): Record<string, string> | null {
  const { headers } = call.request
  const metadata = headers.get('x-amz-metadata-directive') ?? 'COPY'
  if (
    !['COPY', 'REPLACE'].includes(metadata) ||
    !['COPY', null].includes(headers.get('x-amz-tagging-directive'))
  )
    throw new S3Error('InvalidArgument', 'A directive must be COPY, that for metadata COPY or REPLACE.')
  return metadata === 'REPLACE' ? storedHeaders(call) : null
}

// A copy onto itself must change something, and besides its headers that can only be its encryption.
function checkSelfCopy({ request }: Call, source: ObjectName): void {
  const changesKey = asksForEncryption(request.headers) || readCopySourceKey(request.headers) !== null
  if (source.key !== request.key || changesKey) return
  throw new S3Error(
    'InvalidRequest',
    'A copy of an object onto itself must change its metadata or its encryption.',
  )
}
