/**
 * Server-side encryption with customer-provided keys (SSE-C).
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/specifying-s3-c-encryption.html
 */
import { createHash } from 'node:crypto'
import { S3Error } from './s3-error.ts'
import type { RequestHeaders } from './s3-request.ts'

const PREFIX = 'x-amz-server-side-encryption-customer-'
const COPY_SOURCE_PREFIX = 'x-amz-copy-source-server-side-encryption-customer-'
const STORE_ENCRYPTION = 'x-amz-server-side-encryption'

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
  return readKey(headers, PREFIX)
}

/** The key of the object that is copied; as {@link readCustomerKey}. */
export function readCopySourceKey(headers: RequestHeaders): CustomerKey | null {
  return readKey(headers, COPY_SOURCE_PREFIX)
}

/**
 * How an object is to be encrypted: with a customer's key, or (`null`) with the store's own. Everything is encrypted
 * anyway; `AES256` asks for just that.
 *
 * @throws {S3Error} as {@link readCustomerKey}, or when the headers ask for both, or for something else
 */
export function readEncryption(headers: RequestHeaders): CustomerKey | null {
  const customerKey = readCustomerKey(headers)
  const asked = headers.get(STORE_ENCRYPTION)
  if (asked !== null && customerKey !== null)
    throw invalid(`Ask for ${STORE_ENCRYPTION} or bring a customer key, not both.`)
  if (asked !== null && asked !== 'AES256')
    throw new S3Error('NotImplemented', `${STORE_ENCRYPTION} can only be AES256 here.`)
  return customerKey
}

/** Whether the request says anything about how an object is to be encrypted. */
export function asksForEncryption(headers: RequestHeaders): boolean {
  return headers.names.some((name) => name.startsWith(STORE_ENCRYPTION))
}

/** What an answer says about how the object is encrypted. */
export function encryptionHeaders(key: CustomerKey | null): Record<string, string> {
  if (key === null) return { [STORE_ENCRYPTION]: 'AES256' }
  return { [`${PREFIX}algorithm`]: 'AES256', [`${PREFIX}key-md5`]: key.md5 }
}

function readKey(headers: RequestHeaders, prefix: string): CustomerKey | null {
  const names = ['algorithm', 'key', 'key-md5'].map((name) => prefix + name)
  const [algorithm, key, md5] = names.map((name) => headers.get(name))
  if (algorithm === null && key === null && md5 === null) return null
  if (algorithm == null) throw invalid(`${names[0]} is missing.`)
  if (algorithm !== 'AES256') throw new S3Error('InvalidEncryptionAlgorithmError')
  if (key == null) throw invalid(`${names[1]} is missing.`)
  if (md5 == null) throw invalid(`${names[2]} is missing.`)
  const bytes = Buffer.from(key, 'base64')
  if (bytes.length !== 32 || bytes.toString('base64') !== key)
    throw invalid(`${names[1]} must be the base64 of 32 bytes.`)
  if (createHash('md5').update(bytes).digest('base64') !== md5)
    throw invalid(`${names[2]} is not the base64 MD5 of the key.`)
  return { bytes, md5 }
}

function invalid(message: string): S3Error {
  return new S3Error('InvalidArgument', message)
}
