import { createHash } from 'node:crypto'
import { encodePath } from '@lunadefend/core/sigv4'
import { type Checksum, checksumElement, checksumOfParts, readChecksumHeader } from './checksums.ts'
import { type ChosenPart, chooseParts } from './chosen-parts.ts'
import { receiveDocument } from './content.ts'
import { encryptionHeaders, readCustomerKey } from './customer-key.ts'
import { openUpload, type Upload } from './open-upload.ts'
import { AMZ_HEADERS, type Answer, type Call, NAMESPACE, type Operation, sealOf } from './operations.ts'
import { readUploadId } from './parameters.ts'
import { type PartWish, readPartWishes } from './part-wishes.ts'
import { readPermission } from './preconditions.ts'
import { S3Error } from './s3-error.ts'
import { sealFile } from './sealed-file.ts'
import { writeXml } from './write-xml.ts'

/** Enough for 10,000 parts with their checksums. */
const MAX_DOCUMENT_BYTES = 4 * 1024 ** 2
/** 5 TiB. */
const MAX_OBJECT_BYTES = 5 * 1024 ** 4

/**
 * Writes which parts the object is made of; the parts stay as they are. The key is needed only where there are
 * checksums. Said again, it is answered again, as long as its object is there.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
 */
export const completeMultipartUpload: Operation = {
  query: ['uploadId'],
  amzHeaders: [
    ...[AMZ_HEADERS.customerKey, AMZ_HEADERS.content, AMZ_HEADERS.checksumType],
    /^x-amz-mp-object-size$/,
  ],
  conditions: ['if-match', 'if-none-match'],
  hasBody: true,
  async run(call) {
    const { request, directory } = call
    const permit = readPermission(request.headers)
    const customerKey = readCustomerKey(request.headers)
    const id = readUploadId(request)
    const wishes = readPartWishes(await receiveDocument(call, MAX_DOCUMENT_BYTES))
    return await directory.uploads.complete(id, async () => {
      const repeated = await answerAgain(call, id, wishes)
      if (repeated !== null) return repeated
      const upload = await openUpload(call, customerKey)
      permit(await directory.current(request))
      const parts = await chooseParts(call, upload, wishes)
      const size = parts.reduce((sum, { place }) => sum + place.size, 0)
      checkSize(call, size)
      const etag = etagOf(wishes)
      const checksum = await makeChecksum(call, upload, parts)
      await directory.write(request, permit, (handle) => {
        const seal = sealOf(directory, request, customerKey)
        const { lastModified } = upload.label
        const places = parts.map(({ place }) => place)
        const description = { size: 0, lastModified, etag, headers: {}, checksum, parts: places }
        const { bucket, key } = request
        const label = { bucket, key, size, lastModified, etag, upload: id }
        return sealFile(handle, seal, 0, nothing(), async () => ({ description, label }))
      })
      return answerWith(call, etag, checksum, upload.isOpen ? encryptionHeaders(customerKey) : {})
    })
  },
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** The answer to a request that was answered before and may have been lost; `null` when it was not. */
async function answerAgain(call: Call, id: string, wishes: readonly PartWish[]): Promise<Answer | null> {
  const current = await call.directory.current(call.request)
  if (current?.upload !== id) return null
  const etag = etagOf(wishes)
  if (current.etag !== etag) throw new S3Error('NoSuchUpload')
  return answerWith(call, etag, null, {})
}

/** That of the parts' etags, and how many they are. */
function etagOf(wishes: readonly PartWish[]): string {
  const etags = Buffer.concat(wishes.map(({ etag }) => Buffer.from(etag, 'hex')))
  return `${createHash('md5').update(etags).digest('hex')}-${wishes.length}`
}

function checkSize({ request: { headers } }: Call, size: number): void {
  if (size > MAX_OBJECT_BYTES) throw new S3Error('EntityTooLarge')
  const announced = headers.get('x-amz-mp-object-size')
  if (announced !== null && announced !== String(size))
    throw new S3Error('InvalidRequest', 'The parts have not the size that x-amz-mp-object-size announces.')
}

async function makeChecksum(
  { request: { headers } }: Call,
  { label: { checksum: plan } }: Upload,
  parts: readonly ChosenPart[],
): Promise<Checksum | null> {
  const promised = readChecksumHeader(headers)
  const type = headers.get('x-amz-checksum-type')
  if (plan === undefined) {
    if (promised === null && type === null) return null
    throw new S3Error('InvalidRequest', 'The upload was begun without a checksum.')
  }
  const isOther = promised !== null && promised.algorithm !== plan.algorithm
  if (isOther || (type !== null && type !== plan.type))
    throw new S3Error('InvalidRequest', 'The upload was begun for a checksum of another kind.')
  const values = parts.map(({ place, checksum }) => ({ size: place.size, value: checksum?.value ?? '' }))
  const checksum = await checksumOfParts(plan.algorithm, plan.type, values)
  if (promised !== null && ![checksum.value, checksum.value.replace(/-\d+$/, '')].includes(promised.value))
    throw new S3Error('BadDigest')
  return checksum
}

function answerWith(
  { request }: Call,
  etag: string,
  checksum: Checksum | null,
  headers: Readonly<Record<string, string>>,
): Answer {
  const fields = {
    Location: `http://${request.headers.get('host')}${encodePath(request.path)}`,
    Bucket: request.bucket,
    Key: request.key,
    ETag: `"${etag}"`,
    ...(checksum === null
      ? {}
      : { [checksumElement(checksum.algorithm)]: checksum.value, ChecksumType: checksum.type }),
  }
  return {
    status: 200,
    headers: { 'content-type': 'application/xml', ...headers },
    body: writeXml('CompleteMultipartUploadResult', fields, NAMESPACE),
  }
}
