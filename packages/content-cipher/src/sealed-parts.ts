import { newObjectKeys, type ObjectKeys, prefixOf, sealChunk } from './cobblestone.ts'
import {
  CHUNK_BYTES,
  COMMITMENT_BYTES,
  LENGTH_BYTES,
  paddedLength,
  SALT_BYTES,
  TAG_BYTES,
} from './lengths.ts'
import type { Bytes } from './pieces.ts'
import { type ContentSecret, contextOf } from './secret.ts'

/*
 * An upload in parts needs pieces of an object in any order, and the same piece again when the network was lost. It is the
 * same object that `sealing` makes, made from any place on.
 */

const PREFIX_BYTES = SALT_BYTES + COMMITMENT_BYTES
const SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES
/** Chunks that are read and encrypted at once: 1 MiB of the value. */
const CHUNKS_AT_ONCE = 64

/** Bytes of the value from `start` up to `end`; never beyond its end. */
export type ReadValue = (start: number, end: number) => Promise<Uint8Array>

/** A value that can be read from any place on. Whoever makes pieces of it twice must find the same bytes each time. */
export interface SeekableValue {
  readonly length: number
  readonly read: ReadValue
}

/** The keys of the one object of this token's value. */
export function keysForParts(secret: ContentSecret): Promise<ObjectKeys> {
  return newObjectKeys(secret.contentKey, contextOf(secret))
}

/** Which bytes of the value the piece of the object from `start` up to `end` is made of. */
export function valueRangeOf(
  valueLength: number,
  start: number,
  end: number,
): { start: number; end: number } {
  const [first, last] = chunksOf(start, end)
  const inValue = (padded: number): number => Math.min(Math.max(padded - LENGTH_BYTES, 0), valueLength)
  return { start: inValue(first * CHUNK_BYTES), end: inValue((last + 1) * CHUNK_BYTES) }
}

/** The object from `start` up to `end`; 1 MiB of it is held at a time. All of it is `sealedLength(value.length)` long. */
export async function* sealedPiece(
  keys: ObjectKeys,
  value: SeekableValue,
  start: number,
  end: number,
): AsyncGenerator<Bytes> {
  if (start < PREFIX_BYTES) yield prefixOf(keys).slice(start, end)
  const [first, last] = chunksOf(start, end)
  for (let from = first; from <= last; from += CHUNKS_AT_ONCE) {
    const to = Math.min(from + CHUNKS_AT_ONCE, last + 1)
    let place = PREFIX_BYTES + from * SEALED_CHUNK_BYTES
    for (const chunk of await sealChunks(keys, value, from, to)) {
      const piece = chunk.subarray(Math.max(0, start - place), Math.max(0, end - place))
      if (piece.length > 0) yield piece
      place += chunk.length
    }
  }
}

/** The first and the last chunk of a piece; the last is before the first where the piece has none. */
function chunksOf(start: number, end: number): readonly [number, number] {
  const first = Math.max(0, Math.floor((start - PREFIX_BYTES) / SEALED_CHUNK_BYTES))
  const last = Math.ceil((end - PREFIX_BYTES) / SEALED_CHUNK_BYTES) - 1
  return [first, last]
}

async function sealChunks(
  keys: ObjectKeys,
  value: SeekableValue,
  from: number,
  to: number,
): Promise<Bytes[]> {
  const whole = paddedLength(value.length)
  const start = from * CHUNK_BYTES
  const plain = await readPadded(value, start, Math.min(to * CHUNK_BYTES, whole))
  return Promise.all(
    Array.from({ length: to - from }, (_, index) => {
      const chunk = plain.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES)
      return sealChunk(keys, from + index, chunk)
    }),
  )
}

/** Length ‖ value ‖ zeros, from `start` up to `end`. */
async function readPadded({ length, read }: SeekableValue, start: number, end: number): Promise<Bytes> {
  const padded = new Uint8Array(Math.max(0, end - start))
  if (start < LENGTH_BYTES) {
    const prefix = new DataView(new ArrayBuffer(LENGTH_BYTES))
    prefix.setBigUint64(0, BigInt(length))
    padded.set(new Uint8Array(prefix.buffer).subarray(start, end))
  }
  const from = Math.max(start - LENGTH_BYTES, 0)
  const to = Math.min(end - LENGTH_BYTES, length)
  if (from < to) padded.set(await read(from, to), Math.max(0, LENGTH_BYTES - start))
  return padded
}
