import type { UnderlyingSource } from 'node:stream/web'

type Stream = ReadableStream<Uint8Array>

/** A stream that reads a piece when it is asked for one, and none ahead. `undefined` is its end, a rejection its failure. */
export function pullStream(
  read: () => Promise<Uint8Array | undefined>,
  cancel: (reason: unknown) => Promise<void> | undefined,
): Stream {
  const source: UnderlyingSource<Uint8Array> = {
    async pull(controller) {
      const piece = await read()
      if (piece === undefined) controller.close()
      else controller.enqueue(piece)
    },
    cancel,
  }
  return new ReadableStream(source, { highWaterMark: 0 })
}

/** The same stream, whose failure is another error. */
export function mapFailure(source: Stream, explain: (error: unknown) => unknown): Stream {
  const reader = source.getReader()
  const read = async () => (await reader.read().catch((error) => Promise.reject(explain(error)))).value
  return pullStream(read, (reason) => reader.cancel(reason))
}
