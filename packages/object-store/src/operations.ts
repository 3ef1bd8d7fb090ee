import type { CustomerKey } from './customer-key.ts'
import type { ObjectDirectory } from './object-directory.ts'
import { S3Error } from './s3-error.ts'
import type { S3Request } from './s3-request.ts'
import type { Lock } from './sealed-file.ts'

/** A request that has been authenticated, and what it may touch. */
export interface Call {
  readonly request: S3Request
  readonly directory: ObjectDirectory
  readonly now: Date
  /** What the signature promises about the body: SHA-256 in lower-case hex, or `null`. */
  readonly bodySha256: string | null
  /** The body; asks the client for it first when the client waits to be asked (`Expect: 100-continue`). */
  readonly body: () => AsyncIterable<Uint8Array>
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Started already, so that ending it early also lets go of what it holds. */
  readonly body?: AsyncGenerator<Uint8Array>
}

/** What one method understands. Everything else that would change the meaning of the request is refused. */
export interface Vocabulary {
  readonly query: ReadonlySet<string>
  /** Of the headers that start with `x-amz-`. */
  readonly amzHeaders: RegExp
  /** Other headers that S3 would act upon, and this store does not. */
  readonly refusedHeaders: readonly string[]
}

// x-id is the SDK's note to itself; x-amz-user-agent is what it says in browsers.
const ANY_METHOD_QUERY = /^(x-id|x-amz-.*)$/i
const ANY_METHOD_HEADER = /^x-amz-(date|content-sha256|user-agent)$/

/** @throws {S3Error} `NotImplemented`: S3 would do something here that this store does not do */
export function checkVocabulary({ query, headers }: S3Request, known: Vocabulary): void {
  for (const name of query.keys()) {
    if (!ANY_METHOD_QUERY.test(name) && !known.query.has(name)) {
      throw new S3Error('NotImplemented', 'The query asks for what is not implemented here.')
    }
  }
  for (const name of headers.names) {
    const other = name.startsWith('x-amz-') && !ANY_METHOD_HEADER.test(name) && !known.amzHeaders.test(name)
    if (other || known.refusedHeaders.includes(name)) {
      throw new S3Error('NotImplemented', `The header ${name} asks for what is not implemented here.`)
    }
  }
}

/** @throws {S3Error} for a GET, HEAD or DELETE that brings a body, or was signed with one */
export function checkNoBody({ request, bodySha256 }: Call): void {
  const length = request.headers.get('content-length') ?? '0'
  if (length !== '0' || request.headers.get('transfer-encoding') !== null) {
    throw new S3Error('InvalidRequest', `A ${request.method} has no body.`)
  }
  if (bodySha256 !== null && bodySha256 !== SHA256_OF_NOTHING) throw new S3Error('XAmzContentSHA256Mismatch')
}

const SHA256_OF_NOTHING = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

/** Under the customer's key if there is one, else under the store's own: nothing lies on the disk in clear. */
export function lockOf({ request, directory }: Call, customerKey: CustomerKey | null): Lock {
  if (customerKey === null) return { protection: 'store', secret: directory.storeKey, name: request }
  return { protection: 'customer', secret: customerKey.bytes, name: request }
}
