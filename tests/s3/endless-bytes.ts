import { randomBytes } from 'node:crypto'

/** As many bytes as one likes, each block another, and none of them kept: they are made again to be compared. */
export interface EndlessBytes {
  /** The bytes from one place up to another, block by block. */
  between(from: number, to: number): Generator<Buffer>
  /** Whether these are the bytes that stand at this place. */
  areAt(at: number, bytes: Buffer): boolean
}

const BLOCK_BYTES = 1024 ** 2

export function endlessBytes(): EndlessBytes {
  const block = randomBytes(BLOCK_BYTES)
  /** What stands at a place, up to the end of its block, and no more than so much. */
  const pieceAt = (at: number, most: number) => {
    block.writeUIntBE(Math.floor(at / BLOCK_BYTES), 0, 6)
    const offset = at % BLOCK_BYTES
    return block.subarray(offset, Math.min(offset + most, BLOCK_BYTES))
  }
  return {
    *between(from, to) {
      for (let at = from; at < to; ) {
        const piece = Buffer.from(pieceAt(at, to - at))
        at += piece.length
        yield piece
      }
    },
    areAt(at, bytes) {
      for (let done = 0; done < bytes.length; ) {
        const piece = pieceAt(at + done, bytes.length - done)
        if (!piece.equals(bytes.subarray(done, done + piece.length))) return false
        done += piece.length
      }
      return true
    },
  }
}
