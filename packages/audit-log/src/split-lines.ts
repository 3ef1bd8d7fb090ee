const NEWLINE = 0x0a
/** A note has up to 128 KiB, and in JSON some letters take more. */
const MOST_BYTES = 1024 * 1024

export interface LineSplitter {
  /** The bytes are kept until the line that they belong to has ended: they must not be changed. */
  write(chunk: Uint8Array): void
  /** `false` = the last line has no newline; it was handed on all the same. */
  end(): boolean
}

/** Hands on each line without its newline. Of a line that is too long the beginning is handed on, once. */
export function splitLines(take: (line: Buffer) => void): LineSplitter {
  let begun: Buffer[] = []
  let length = 0
  const keep = (piece: Buffer) => {
    if (length < MOST_BYTES) begun.push(piece)
    length += piece.length
  }
  const finish = () => {
    const line = begun.length === 1 ? begun[0] : Buffer.concat(begun)
    begun = []
    length = 0
    if (line !== undefined) take(line.subarray(0, MOST_BYTES))
  }
  return {
    write(chunk) {
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
      let start = 0
      for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
        keep(bytes.subarray(start, end))
        finish()
        start = end + 1
      }
      if (start < bytes.length) keep(bytes.subarray(start))
    },
    end() {
      if (length === 0) return true
      finish()
      return false
    },
  }
}
