import { checksumHeaders } from './checksums.ts'
import { receiveContent } from './content.ts'
import { encryptionHeaders, readEncryption } from './customer-key.ts'
import { storedHeaders } from './object-headers.ts'
import { AMZ_HEADERS, type Operation } from './operations.ts'
import { readPermission } from './preconditions.ts'
import { writeObject } from './write-object.ts'

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html */
export const putObject: Operation = {
  query: [],
  amzHeaders: [
    ...[AMZ_HEADERS.customerKey, AMZ_HEADERS.storeEncryption],
    ...[AMZ_HEADERS.userMetadata, AMZ_HEADERS.content],
  ],
  conditions: ['if-match', 'if-none-match'],
  hasBody: true,
  async run(call) {
    const { request, directory } = call
    const customerKey = readEncryption(request.headers)
    const headers = storedHeaders(call)
    const permit = readPermission(request.headers)
    const content = receiveContent(call, customerKey)
    // Early, so that nobody sends a body for nothing. The directory asks again, without a race.
    permit(await directory.current(request))
    const { etag, checksum } = await writeObject(call, { customerKey, headers, permit, content })
    return { status: 200, headers: { etag, ...checksumHeaders(checksum), ...encryptionHeaders(customerKey) } }
  },
}
