/** These bytes, as a stream hands them out: in pieces, some of them empty. */
export async function* inPieces(
  bytes: Uint8Array,
  size = Number.POSITIVE_INFINITY,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (let at = 0; at < bytes.length; at += size) {
    yield new Uint8Array(0)
    yield new Uint8Array(bytes.subarray(at, at + size))
  }
}

export function streamed(bytes: Uint8Array, size?: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  const pieces = inPieces(bytes, size)
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await pieces.next()
      if (done) controller.close()
      else controller.enqueue(value)
    },
  })
}
