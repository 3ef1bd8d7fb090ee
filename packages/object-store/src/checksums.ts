/**
 * The checksums that S3 verifies and keeps.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
 */
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { Crc32c } from '@aws-crypto/crc32c'
import { Crc64Nvme } from '@aws-sdk/crc64-nvme'
import { combineCrcs } from './combine-crcs.ts'
import { S3Error } from './s3-error.ts'
import type { RequestHeaders } from './s3-request.ts'

export type ChecksumAlgorithm = keyof typeof ALGORITHMS
export type ChecksumType = 'COMPOSITE' | 'FULL_OBJECT'

export interface Checksum {
  readonly algorithm: ChecksumAlgorithm
  readonly type: ChecksumType
  /** Base64; of a composite one with a hyphen and the number of parts. */
  readonly value: string
}

/** Something that bytes go into, and a digest comes out of. */
export interface Digester {
  update(piece: Uint8Array): void
  digest(): Promise<Buffer>
}

interface Algorithm {
  /** Of a digest. */
  readonly bytes: number
  start(): Digester
  /** What the parts of an upload can make, the first unless asked otherwise. */
  readonly ofParts: readonly ChecksumType[]
  /** The polynomial of a CRC, without its highest bit, reflected. */
  readonly polynomial?: bigint
}

const ALGORITHMS = {
  CRC32: { bytes: 4, start: startCrc32, ofParts: ['COMPOSITE', 'FULL_OBJECT'], polynomial: 0xedb88320n },
  CRC32C: { bytes: 4, start: startCrc32c, ofParts: ['COMPOSITE', 'FULL_OBJECT'], polynomial: 0x82f63b78n },
  CRC64NVME: { bytes: 8, start: startCrc64, ofParts: ['FULL_OBJECT'], polynomial: 0x9a6c9329ac4bc9b5n },
  SHA1: { bytes: 20, start: () => startHash('sha1'), ofParts: ['COMPOSITE'] },
  SHA256: { bytes: 32, start: () => startHash('sha256'), ofParts: ['COMPOSITE'] },
} as const satisfies Record<string, Algorithm>

const NAMES = Object.keys(ALGORITHMS) as ChecksumAlgorithm[]

export function startDigest(algorithm: ChecksumAlgorithm): Digester {
  return ALGORITHMS[algorithm].start()
}

export function startHash(name: string): Digester {
  const hash = createHash(name)
  return { update: (piece) => void hash.update(piece), digest: async () => hash.digest() }
}

function startCrc32(): Digester {
  let value = 0
  return {
    update: (piece) => {
      value = crc32(piece, value)
    },
    digest: async () => bigEndian(value),
  }
}

function startCrc32c(): Digester {
  const crc = new Crc32c()
  return { update: (piece) => void crc.update(piece), digest: async () => bigEndian(crc.digest()) }
}

function startCrc64(): Digester {
  const crc = new Crc64Nvme()
  return { update: (piece) => crc.update(piece), digest: async () => Buffer.from(await crc.digest()) }
}

function bigEndian(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value >>> 0)
  return bytes
}

function checksumHeader(algorithm: ChecksumAlgorithm): string {
  return `x-amz-checksum-${algorithm.toLowerCase()}`
}

/** `null` for what is no checksum. */
export function algorithmOfHeader(name: string): ChecksumAlgorithm | null {
  return NAMES.find((algorithm) => checksumHeader(algorithm) === name) ?? null
}

/** What an answer says about a checksum. */
export function checksumHeaders(checksum: Checksum | null): Record<string, string> {
  if (checksum === null) return {}
  return { [checksumHeader(checksum.algorithm)]: checksum.value, 'x-amz-checksum-type': checksum.type }
}

/** The name of a checksum in XML: `ChecksumCRC32`. */
export function checksumElement(algorithm: ChecksumAlgorithm): string {
  return `Checksum${algorithm}`
}

/** `null` for what is no checksum. */
export function algorithmOfElement(name: string): ChecksumAlgorithm | null {
  return NAMES.find((algorithm) => checksumElement(algorithm) === name) ?? null
}

/** @throws {S3Error} `InvalidRequest` */
export function parseAlgorithm(text: string): ChecksumAlgorithm {
  const algorithm = NAMES.find((name) => name === text.toUpperCase())
  if (algorithm === undefined) throw new S3Error('InvalidRequest', 'The checksum algorithm is not supported.')
  return algorithm
}

/** @throws {S3Error} `InvalidRequest` when it is no checksum of that kind */
export function parseChecksum(algorithm: ChecksumAlgorithm, text: string): string {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length === ALGORITHMS[algorithm].bytes && bytes.toString('base64') === text) return text
  throw new S3Error('InvalidRequest', `Value for ${checksumHeader(algorithm)} is invalid.`)
}

/** The one checksum among the headers, or `null`. @throws {S3Error} `InvalidRequest` */
export function readChecksumHeader(headers: RequestHeaders) {
  const [algorithm, ...more] = NAMES.filter((name) => headers.get(checksumHeader(name)) !== null)
  if (algorithm === undefined) return null
  if (more.length > 0) throw new S3Error('InvalidRequest', 'Send a single x-amz-checksum-* header.')
  return { algorithm, value: headers.get(checksumHeader(algorithm)) ?? '' }
}

/** What kind of checksum an upload of parts will have. @throws {S3Error} `InvalidRequest` */
export function checksumTypeOfParts(algorithm: ChecksumAlgorithm, asked: string | null): ChecksumType {
  const types: readonly ChecksumType[] = ALGORITHMS[algorithm].ofParts
  const type = asked === null ? types[0] : types.find((each) => each === asked)
  if (type === undefined) {
    throw new S3Error('InvalidRequest', `The checksum type cannot be had with ${algorithm} for parts.`)
  }
  return type
}

/** The checksum of an object, from those of its parts. */
export async function checksumOfParts(
  algorithm: ChecksumAlgorithm,
  type: ChecksumType,
  parts: readonly { readonly size: number; readonly value: string }[],
): Promise<Checksum> {
  const values = parts.map(({ value, size }) => ({ crc: Buffer.from(value, 'base64'), size }))
  const { polynomial, bytes }: Algorithm = ALGORITHMS[algorithm]
  if (type === 'FULL_OBJECT' && polynomial !== undefined) {
    const value = combineCrcs({ polynomial, bits: bytes * 8 }, values)
    return { algorithm, type, value: value.toString('base64') }
  }
  const digester = startDigest(algorithm)
  for (const { crc } of values) digester.update(crc)
  return { algorithm, type, value: `${(await digester.digest()).toString('base64')}-${parts.length}` }
}
