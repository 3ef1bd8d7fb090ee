/**
 * Server-side encryption with customer-provided keys (SSE-C).
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/specifying-s3-c-encryption.html
 */
import { createHash } from 'node:crypto'
import { S3Error } from './s3-error.ts'
import type { RequestHeaders } from './s3-request.ts'

const PREFIX = 'x-amz-server-side-encryption-customer-'
const ALGORITHM_HEADER = `${PREFIX}algorithm`
const KEY_HEADER = `${PREFIX}key`
const KEY_MD5_HEADER = `${PREFIX}key-md5`

const CUSTOMER_KEY_HEADERS: readonly string[] = [ALGORITHM_HEADER, KEY_HEADER, KEY_MD5_HEADER]

export interface CustomerKey {
  /** 32 bytes; lives as long as the request, and is never stored. */
  readonly bytes: Buffer
  /** Base64, as S3 repeats it in its answers. */
  readonly md5: string
}

/**
 * `null` when the request names no key.
 *
 * @throws {S3Error} `InvalidEncryptionAlgorithmError` or `InvalidArgument` when the three headers are not one valid key
 */
export function readCustomerKey(headers: RequestHeaders): CustomerKey | null {
  const [algorithm, key, md5] = CUSTOMER_KEY_HEADERS.map((name) => headers.get(name))
  if (algorithm === null && key === null && md5 === null) return null
  if (algorithm == null) throw invalid(`${ALGORITHM_HEADER} is missing.`)
  if (algorithm !== 'AES256') throw new S3Error('InvalidEncryptionAlgorithmError')
  if (key == null) throw invalid(`${KEY_HEADER} is missing.`)
  if (md5 == null) throw invalid(`${KEY_MD5_HEADER} is missing.`)
  const bytes = Buffer.from(key, 'base64')
  if (bytes.length !== 32 || bytes.toString('base64') !== key) {
    throw invalid(`${KEY_HEADER} must be the base64 of 32 bytes.`)
  }
  if (createHash('md5').update(bytes).digest('base64') !== md5) {
    throw invalid(`${KEY_MD5_HEADER} is not the base64 MD5 of the key.`)
  }
  return { bytes, md5 }
}

/** What an answer says about how the object is encrypted. */
export function encryptionHeaders(key: CustomerKey | null): Record<string, string> {
  if (key === null) return { 'x-amz-server-side-encryption': 'AES256' }
  return { [ALGORITHM_HEADER]: 'AES256', [KEY_MD5_HEADER]: key.md5 }
}

function invalid(message: string): S3Error {
  return new S3Error('InvalidArgument', message)
}
