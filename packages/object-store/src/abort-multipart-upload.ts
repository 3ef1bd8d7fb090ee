import { openUpload } from './open-upload.ts'
import type { Operation } from './operations.ts'
import { S3Error } from './s3-error.ts'

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html */
export const abortMultipartUpload: Operation = {
  query: ['uploadId'],
  amzHeaders: [],
  conditions: [],
  hasBody: false,
  async run(call) {
    const { id } = await openUpload(call, null)
    if (!(await call.directory.uploads.abort(id))) throw new S3Error('NoSuchUpload')
    return { status: 204, headers: {} }
  },
}
