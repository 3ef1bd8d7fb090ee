import { hash } from 'node:crypto'

const PREFIX = 'x-amz-server-side-encryption-customer'

/**
 * What makes the store encrypt with this key; nothing for an object that the client has encrypted itself.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html
 */
export function encryptionHeaders(sseKey: Uint8Array | null): Record<string, string> {
  return headersFor(PREFIX, sseKey)
}

/** The same for the source of a copy. */
export function sourceEncryptionHeaders(sseKey: Uint8Array | null): Record<string, string> {
  return headersFor('x-amz-copy-source-server-side-encryption-customer', sseKey)
}

function headersFor(prefix: string, sseKey: Uint8Array | null): Record<string, string> {
  if (sseKey === null) return {}
  return {
    [`${prefix}-algorithm`]: 'AES256',
    [`${prefix}-key`]: Buffer.from(sseKey).toString('base64'),
    [`${prefix}-key-md5`]: hash('md5', sseKey, 'base64'),
  }
}

/** Their names. */
export const ENCRYPTION_HEADERS: readonly string[] = [
  `${PREFIX}-algorithm`,
  `${PREFIX}-key`,
  `${PREFIX}-key-md5`,
]
