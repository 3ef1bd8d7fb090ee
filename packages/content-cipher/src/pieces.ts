/** Bytes that WebCrypto takes: not shared with another thread. */
export type Bytes = Uint8Array<ArrayBuffer>
export type Pieces = AsyncIterable<Uint8Array>

/**
 * The same bytes in pieces of these sizes (the first one's index is 0), and at the end always one that is shorter than
 * its turn, perhaps empty. No more than one piece is held at a time.
 */
export async function* cut(source: Pieces, sizeOf: (index: number) => number): AsyncGenerator<Bytes> {
  let index = 0
  let piece = new Uint8Array(sizeOf(index))
  let filled = 0
  for await (const bytes of source) {
    for (let offset = 0; offset < bytes.length; ) {
      const part = bytes.subarray(offset, offset + piece.length - filled)
      piece.set(part, filled)
      offset += part.length
      filled += part.length
      if (filled < piece.length) continue
      yield piece
      index += 1
      piece = new Uint8Array(sizeOf(index))
      filled = 0
    }
  }
  yield piece.slice(0, filled)
}

/** What a stream holds. Whoever stops reading before its end cancels it. */
export async function* read(reader: ReadableStreamDefaultReader<Uint8Array>): AsyncGenerator<Uint8Array> {
  let isOver = false
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      yield value
    }
    isOver = true
  } finally {
    if (!isOver) await reader.cancel().catch(() => {})
  }
}

export interface ByteTransform {
  readonly readable: ReadableStream<Bytes>
  readonly writable: WritableStream<Uint8Array>
}

/** For `pipeThrough`. It makes a piece when it is asked for one, and none ahead. */
export function transform(work: (source: Pieces) => AsyncGenerator<Bytes>): ByteTransform {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
  const reader = readable.getReader()
  const pieces = work(read(reader))
  const source: UnderlyingDefaultSource<Bytes> = {
    async pull(controller) {
      const { done, value } = await pieces.next()
      if (done) controller.close()
      else controller.enqueue(value)
    },
    async cancel(reason) {
      // First the source, which may be what is being waited for.
      await reader.cancel(reason)
      await pieces.return(undefined)
    },
  }
  return { writable, readable: new ReadableStream<Bytes>(source, { highWaterMark: 0 }) }
}

/** All of it in one array. */
export async function collect(pieces: AsyncIterable<Bytes>): Promise<Bytes> {
  const held: Bytes[] = []
  let length = 0
  for await (const piece of pieces) {
    held.push(piece)
    length += piece.length
  }
  const whole = new Uint8Array(length)
  let offset = 0
  for (const piece of held) {
    whole.set(piece, offset)
    offset += piece.length
  }
  return whole
}
