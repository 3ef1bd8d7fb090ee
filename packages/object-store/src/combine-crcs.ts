/**
 * The CRC of bytes one after the other, from their CRCs and lengths alone. A CRC is a remainder in GF(2)[x]; putting n
 * bytes behind is multiplying by x^8n. Holds for CRCs that start and end with all bits inverted, as those of S3 do.
 * In reflected notation the highest bit is x^0.
 */
interface CrcKind {
  /** Without its highest bit, reflected. */
  readonly polynomial: bigint
  readonly bits: number
}

/** Big-endian, as the parts' are. */
export function combineCrcs(kind: CrcKind, parts: readonly { crc: Uint8Array; size: number }[]): Buffer {
  // Parts are mostly of one size.
  const shifts = new Map<number, bigint>()
  let combined = 0n
  for (const { crc, size } of parts) {
    const shift = shifts.get(size) ?? power(kind, 8n * BigInt(size))
    shifts.set(size, shift)
    combined = multiply(kind, shift, combined) ^ BigInt(`0x${Buffer.from(crc).toString('hex')}`)
  }
  return Buffer.from(combined.toString(16).padStart(kind.bits / 4, '0'), 'hex')
}

function multiply({ polynomial, bits }: CrcKind, a: bigint, b: bigint): bigint {
  let product = 0n
  let shifted = b
  for (let bit = 1n << BigInt(bits - 1); bit > 0n; bit >>= 1n) {
    if ((a & bit) !== 0n) product ^= shifted
    shifted = (shifted & 1n) === 0n ? shifted >> 1n : (shifted >> 1n) ^ polynomial
  }
  return product
}

/** x to the power of `exponent`. */
function power(kind: CrcKind, exponent: bigint): bigint {
  const one = 1n << BigInt(kind.bits - 1)
  let result = one
  let square = one >> 1n
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = multiply(kind, result, square)
    square = multiply(kind, square, square)
  }
  return result
}
