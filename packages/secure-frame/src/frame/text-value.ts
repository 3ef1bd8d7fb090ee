import { beginsLikeFile } from '@lunadefend/content-cipher/file-envelope'
import { FrameError } from './failure.ts'

/** In bytes. What is longer is no text for a field: it would stand in memory several times. */
const LONGEST = 64 * 1024 ** 2
/** An object that is encrypted end to end is longer than its value, by an eighth at most at this size. */
const LONGEST_OBJECT = LONGEST * 1.125

/**
 * The bytes of a text. Throws `not-text` for what would not come back as it is: a lone surrogate has no UTF-8, and the
 * encoder would put U+FFFD in its place; a text that begins like a file is taken for one.
 */
export function encodeText(text: string): Uint8Array<ArrayBuffer> {
  if (!text.isWellFormed()) throw new FrameError('not-text')
  const bytes = new TextEncoder().encode(text)
  if (beginsLikeFile(bytes) || bytes.length > LONGEST) throw new FrameError('not-text')
  return bytes
}

/** Exactly the text that was stored: nothing is parsed, and a byte order mark at the start is kept. */
export function decodeText(given: BufferSource): string {
  if (beginsLikeFile(bytesOf(given))) throw new FrameError('not-text')
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(given)
  } catch {
    throw new FrameError('not-text')
  }
}

export function bytesOf(given: BufferSource): Uint8Array {
  return ArrayBuffer.isView(given)
    ? new Uint8Array(given.buffer, given.byteOffset, given.byteLength)
    : new Uint8Array(given)
}

/** Throws `not-text` before a big file is read into memory. The store says how long an object is (Fetch, "CORS-safelisted"). */
export function refuseTooLong({ headers, body }: Response): void {
  if (Number(headers.get('content-length') ?? 0) <= LONGEST_OBJECT) return
  void body?.cancel().catch(() => {})
  throw new FrameError('not-text')
}
