import { NAMESPACE, type Operation } from './operations.ts'
import { writeXml } from './write-xml.ts'

/**
 * Off, and never was on.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketVersioning.html
 */
export const getBucketVersioning: Operation = {
  query: ['versioning'],
  amzHeaders: [],
  conditions: [],
  hasBody: false,
  run: async () => ({
    status: 200,
    headers: { 'content-type': 'application/xml' },
    body: writeXml('VersioningConfiguration', {}, NAMESPACE),
  }),
}
