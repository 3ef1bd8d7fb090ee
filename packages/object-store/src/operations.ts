import type { Payload } from './authenticate.ts'
import type { CustomerKey } from './customer-key.ts'
import type { ObjectDirectory } from './object-directory.ts'
import { S3Error } from './s3-error.ts'
import type { S3Request } from './s3-request.ts'
import type { ObjectName, Seal } from './sealed-file.ts'

/** A request that has been authenticated, and what it may touch. */
export interface Call {
  readonly request: S3Request
  readonly directory: ObjectDirectory
  /** Where the bucket is. */
  readonly region: string
  readonly now: Date
  /** What the signature promises about the body. */
  readonly payload: Payload
  /** The body; asks the client for it first when the client waits to be asked (`Expect: 100-continue`). */
  readonly body: () => AsyncIterable<Uint8Array>
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** A document, or bytes: started already, so that ending them early also lets go of what they hold. */
  readonly body?: string | AsyncGenerator<Uint8Array>
}

/** One verb of S3. Whatever it does not know is refused: it could change the meaning of the request. */
export interface Operation {
  /** Parameters of the query. */
  readonly query: readonly string[]
  /** Headers that start with `x-amz-`. */
  readonly amzHeaders: readonly RegExp[]
  /** Of the conditional headers: those that it heeds. S3 refuses the others, where they are not just hints. */
  readonly conditions: readonly string[]
  readonly hasBody: boolean
  run(call: Call): Promise<Answer>
}

export const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/'

export const AMZ_HEADERS = {
  customerKey: /^x-amz-server-side-encryption-customer-(algorithm|key|key-md5)$/,
  storeEncryption: /^x-amz-server-side-encryption$/,
  userMetadata: /^x-amz-meta-.+$/,
  content:
    /^x-amz-(checksum-(crc32|crc32c|crc64nvme|sha1|sha256)|sdk-checksum-algorithm|trailer|decoded-content-length)$/,
  checksumMode: /^x-amz-checksum-mode$/,
  checksumAlgorithm: /^x-amz-checksum-algorithm$/,
  checksumType: /^x-amz-checksum-type$/,
  copySource:
    /^x-amz-copy-source(-if-(none-)?match|-if-(un)?modified-since|-server-side-encryption-customer-(algorithm|key|key-md5))?$/,
  copyRange: /^x-amz-copy-source-range$/,
} as const satisfies Record<string, RegExp>

// x-id is the SDK's note to itself; x-amz-user-agent is what it says in browsers.
const ANY_QUERY = /^(x-id|x-amz-.*)$/i
const ANY_HEADER = /^x-amz-(date|content-sha256|user-agent)$/
const CONDITIONS = ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since']

/** @throws {S3Error} the request asks for more than the operation does, or brings a body that it does not take */
export async function perform(operation: Operation, call: Call): Promise<Answer> {
  checkVocabulary(call.request, operation)
  if (!operation.hasBody) checkNoBody(call)
  return await operation.run(call)
}

function checkVocabulary({ query, headers }: S3Request, known: Operation): void {
  for (const name of query.keys()) {
    if (!ANY_QUERY.test(name) && !known.query.includes(name)) {
      throw new S3Error('NotImplemented', 'The query asks for what is not implemented here.')
    }
  }
  const isKnown = (name: string) => [ANY_HEADER, ...known.amzHeaders].some((pattern) => pattern.test(name))
  for (const name of headers.names) {
    const isOther = name.startsWith('x-amz-') && !isKnown(name)
    if (isOther || (CONDITIONS.includes(name) && !known.conditions.includes(name))) {
      throw new S3Error('NotImplemented', `The header ${name} asks for what is not implemented here.`)
    }
  }
}

function checkNoBody({ request, payload }: Call): void {
  const length = request.headers.get('content-length') ?? '0'
  if (length !== '0' || request.headers.get('transfer-encoding') !== null || payload.kind === 'chunked') {
    throw new S3Error('InvalidRequest', 'This request has no body.')
  }
  if (payload.kind === 'signed' && payload.sha256 !== SHA256_OF_NOTHING)
    throw new S3Error('XAmzContentSHA256Mismatch')
}

const SHA256_OF_NOTHING = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

/** Under the customer's key if there is one, else under the store's own: nothing lies on the disk in clear. */
export function sealOf(
  { storeKey, labelKey }: ObjectDirectory,
  { bucket, key }: ObjectName,
  customerKey: CustomerKey | null,
  place?: string,
): Seal {
  const name = place === undefined ? { bucket, key } : { bucket, key, place }
  if (customerKey === null) return { protection: 'store', secret: storeKey, name, labelKey }
  return { protection: 'customer', secret: customerKey.bytes, name, labelKey }
}
