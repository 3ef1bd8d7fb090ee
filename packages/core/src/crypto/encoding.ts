/** Length-prefixed: uint16 big-endian length, then the bytes. Text is UTF-8. Throws a RangeError past 65,535 bytes. */
export function lp(value: string | Uint8Array): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value
  if (bytes.length > 0xffff) throw new RangeError('A length-prefixed field holds at most 65,535 bytes.')
  const framed = Buffer.allocUnsafe(2 + bytes.length)
  framed.writeUInt16BE(bytes.length, 0)
  framed.set(bytes, 2)
  return framed
}

/** Unsigned 32-bit big-endian. Throws a RangeError outside of it. */
export function u32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32BE(value, 0)
  return bytes
}

/** Reads a byte string from its start, and insists that all of it is read. */
export class ByteReader {
  #rest: Uint8Array
  constructor(bytes: Uint8Array) {
    this.#rest = bytes
  }

  take(length: number): Uint8Array {
    if (this.#rest.length < length) throw new RangeError('The bytes end too early.')
    const taken = this.#rest.subarray(0, length)
    this.#rest = this.#rest.subarray(length)
    return taken
  }

  takeLp(): Uint8Array {
    const length = this.take(2)
    return this.take(((length[0] as number) << 8) | (length[1] as number))
  }

  end(): void {
    if (this.#rest.length !== 0) throw new RangeError('There are bytes after the end.')
  }
}
