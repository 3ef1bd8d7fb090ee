import { abortMultipartUpload } from './abort-multipart-upload.ts'
import { completeMultipartUpload } from './complete-multipart-upload.ts'
import { copyObject } from './copy-object.ts'
import { COPY_SOURCE } from './copy-source.ts'
import { createMultipartUpload } from './create-multipart-upload.ts'
import { deleteObject } from './delete-object.ts'
import { getBucketVersioning } from './get-bucket-versioning.ts'
import { getObject } from './get-object.ts'
import { headBucket } from './head-bucket.ts'
import { listMultipartUploads } from './list-multipart-uploads.ts'
import { listObjects } from './list-objects.ts'
import { listParts } from './list-parts.ts'
import type { Operation } from './operations.ts'
import { putObject } from './put-object.ts'
import { S3Error } from './s3-error.ts'
import type { S3Request } from './s3-request.ts'
import { uploadPart } from './upload-part.ts'
import { uploadPartCopy } from './upload-part-copy.ts'

interface Route {
  /** Method, and whether it speaks of the bucket or of an object in it. */
  readonly on: `${string} ${'bucket' | 'object'}`
  /** The parameter that makes it another operation than the plain one. */
  readonly query?: string
  readonly copies?: true
  readonly operation: Operation
}

/** The first that fits is the one. */
const ROUTES: readonly Route[] = [
  { on: 'HEAD bucket', operation: headBucket },
  { on: 'GET bucket', query: 'versioning', operation: getBucketVersioning },
  { on: 'GET bucket', query: 'uploads', operation: listMultipartUploads },
  { on: 'GET bucket', query: 'list-type', operation: listObjects },
  { on: 'GET object', query: 'uploadId', operation: listParts },
  { on: 'GET object', operation: getObject },
  { on: 'HEAD object', operation: getObject },
  { on: 'PUT object', query: 'uploadId', copies: true, operation: uploadPartCopy },
  { on: 'PUT object', query: 'uploadId', operation: uploadPart },
  { on: 'PUT object', copies: true, operation: copyObject },
  { on: 'PUT object', operation: putObject },
  { on: 'POST object', query: 'uploads', operation: createMultipartUpload },
  { on: 'POST object', query: 'uploadId', operation: completeMultipartUpload },
  { on: 'DELETE object', query: 'uploadId', operation: abortMultipartUpload },
  { on: 'DELETE object', operation: deleteObject },
]

/** @throws {S3Error} `NotImplemented` */
export function route({ method, key, query, headers }: S3Request): Operation {
  const on = `${method} ${key === '' ? 'bucket' : 'object'}`
  const copies = headers.get(COPY_SOURCE) !== null
  const found = ROUTES.find(
    (each) =>
      each.on === on &&
      (each.query === undefined || query.has(each.query)) &&
      (each.copies === undefined || copies),
  )
  if (found === undefined) throw new S3Error('NotImplemented')
  return found.operation
}
