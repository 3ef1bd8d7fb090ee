import type { Operation } from './operations.ts'
import { readPermission } from './preconditions.ts'

/**
 * Answers alike whether there was such an object or not.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html
 */
export const deleteObject: Operation = {
  query: [],
  amzHeaders: [],
  conditions: ['if-match'],
  hasBody: false,
  async run({ request, directory }) {
    await directory.remove(request, readPermission(request.headers))
    return { status: 204, headers: {} }
  },
}
