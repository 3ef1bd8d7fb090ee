/** C2SP chunked-encryption: salt ‖ commitment, then chunks of 16 KiB of plaintext, each with a tag. Bytes. */
export const SALT_BYTES = 24
export const COMMITMENT_BYTES = 32
export const TAG_BYTES = 16
export const CHUNK_BYTES = 16 * 1024
/** Before a value stands its length: a big-endian integer. */
export const LENGTH_BYTES = 8

/** Everything that fits into this many bytes, its length included, looks alike. */
const SHORT_BYTES = 1024

/** How long a value of this many bytes is with its length before it and zeros behind it. */
export function paddedLength(valueLength: number): number {
  const framed = valueLength + LENGTH_BYTES
  if (framed <= SHORT_BYTES) return SHORT_BYTES
  const step = framed <= CHUNK_BYTES ? powerOfTwoFrom(framed) : padmeStep(framed)
  return Math.ceil(framed / step) * step
}

/** How long the object is that holds a value of this many bytes: what the upload's `content-length` must be. */
export function sealedLength(valueLength: number): number {
  return encryptedLength(paddedLength(valueLength))
}

/** The same without padding, as C2SP chunked-encryption has it: the last chunk is always short, and may be empty. */
export function encryptedLength(plainLength: number): number {
  const chunks = Math.floor(plainLength / CHUNK_BYTES) + 1
  return SALT_BYTES + COMMITMENT_BYTES + plainLength + chunks * TAG_BYTES
}

function powerOfTwoFrom(length: number): number {
  return 2 ** bits(length - 1)
}

/**
 * Padmé (Nikitin and others, "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs", 2019): of a
 * length with n bits only about log n are told, and no more than 6.25 % are added from 16 KiB on, less and less later.
 */
function padmeStep(length: number): number {
  const exponent = bits(length) - 1
  return 2 ** (exponent - bits(exponent))
}

/** Of the number in binary. Exact up to 2^53, where logarithms in floating point are not. */
function bits(number: number): number {
  return number.toString(2).length
}
