import { ContentError } from './content-error.ts'
import { CHUNK_BYTES, LENGTH_BYTES, paddedLength } from './lengths.ts'
import type { Bytes, Pieces } from './pieces.ts'

/** Length ‖ value ‖ zeros. Throws `content_length` when the value is not that long. */
export async function* pad(value: Pieces, valueLength: number): AsyncGenerator<Uint8Array> {
  const length = new Uint8Array(LENGTH_BYTES)
  new DataView(length.buffer).setBigUint64(0, BigInt(valueLength))
  yield length
  let missing = valueLength
  for await (const piece of value) {
    missing -= piece.length
    if (missing < 0) break
    yield piece
  }
  if (missing !== 0) throw new ContentError('content_length')
  yield* zeros(paddedLength(valueLength) - LENGTH_BYTES - valueLength)
}

function* zeros(count: number): Generator<Uint8Array> {
  for (let left = count; left > 0; left -= CHUNK_BYTES) yield new Uint8Array(Math.min(left, CHUNK_BYTES))
}

/** The value again. There is one padding for each value: anything else is `content_damaged`. */
export async function* unpad(padded: AsyncIterable<Bytes>): AsyncGenerator<Bytes> {
  let value: number | null = null
  let padding = 0
  for await (const piece of padded) {
    let rest = piece
    if (value === null) {
      value = readLength(piece)
      padding = paddedLength(value) - LENGTH_BYTES - value
      rest = piece.subarray(LENGTH_BYTES)
    }
    const part = rest.subarray(0, Math.min(value, rest.length))
    const filling = rest.subarray(part.length)
    if (filling.some((byte) => byte !== 0)) throw new ContentError('content_damaged')
    value -= part.length
    padding -= filling.length
    if (part.length > 0) yield part
  }
  if (value !== 0 || padding !== 0) throw new ContentError('content_damaged')
}

function readLength(first: Bytes): number {
  if (first.length < LENGTH_BYTES) throw new ContentError('content_damaged')
  return Number(new DataView(first.buffer, first.byteOffset).getBigUint64(0))
}
