import type { Operation } from './operations.ts'

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html */
export const headBucket: Operation = {
  query: [],
  amzHeaders: [],
  conditions: [],
  hasBody: false,
  run: async ({ region }) => ({ status: 200, headers: { 'x-amz-bucket-region': region } }),
}
