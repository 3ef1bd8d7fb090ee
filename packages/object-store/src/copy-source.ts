/** The object that a copy is made of. */
import { readCopySourceKey } from './customer-key.ts'
import type { Call } from './operations.ts'
import { evaluatePreconditions } from './preconditions.ts'
import { S3Error } from './s3-error.ts'
import { MAX_KEY_BYTES } from './s3-request.ts'
import type { ObjectName } from './sealed-file.ts'
import { openObject, type StoredObject } from './stored-object.ts'

export const COPY_SOURCE = 'x-amz-copy-source'

/** @throws {S3Error} `InvalidArgument`, `NoSuchBucket`, or `NotImplemented` for a version */
export function readCopySource({ request: { headers, bucket: own } }: Call): ObjectName {
  const [, bucket, key, query] = /^\/?([^/?]+)\/([^?]+)(\?.*)?$/s.exec(headers.get(COPY_SOURCE) ?? '') ?? []
  if (bucket === undefined || key === undefined)
    throw new S3Error('InvalidArgument', `${COPY_SOURCE} must be <bucket>/<key>, URL-encoded.`)
  if (query !== undefined) throw new S3Error('NotImplemented', 'There are no versions here to copy.')
  const name = { bucket: decode(bucket), key: decode(key) }
  if (name.bucket !== own) throw new S3Error('NoSuchBucket')
  if (Buffer.byteLength(name.key) > MAX_KEY_BYTES) throw new S3Error('KeyTooLongError')
  return name
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new S3Error('InvalidArgument', `${COPY_SOURCE} must be <bucket>/<key>, URL-encoded.`)
  }
}

/**
 * Opens the source with its own key, if it is as the request wants it. The caller lets go of it.
 *
 * @throws {S3Error} `PreconditionFailed`, and as {@link openObject}
 */
export async function openCopySource(call: Call, source: ObjectName): Promise<StoredObject> {
  const { headers } = call.request
  const object = await openObject(call, source, readCopySourceKey(headers))
  try {
    if (evaluatePreconditions(headers, object.description, `${COPY_SOURCE}-`) === 'proceed') return object
    throw new S3Error('PreconditionFailed')
  } catch (error) {
    await object[Symbol.asyncDispose]()
    throw error
  }
}
