import { ContentError, opening, readSecret } from '@lunadefend/content-cipher'
import { FILE_HEADER_BYTES, type FileLabel, readFileHeader } from '@lunadefend/content-cipher/file-envelope'
import { FrameError } from './failure.ts'
import type { Arriving } from './values.ts'

/** All that a token stands for, as bytes. */
export interface Content {
  /** `null` = it was not stored as a file. */
  readonly label: FileLabel | null
  /** Has no type: nothing is made of it by accident. */
  readonly blob: Blob
  /** Whether its beginning is text. */
  readonly isText: boolean
}

/** Told each time that bytes have come. `total` is `null` where it is not known before the end. */
export type Progress = (done: number, total: number | null) => void

/**
 * Takes a value as it arrives, and decrypts it where that is for the client to do. It is handed over when it is whole;
 * until then the browser keeps it, in memory or where it keeps big blobs.
 * @returns `null` when it is more than `limit` bytes
 * @throws FrameError `value-damaged`
 */
export async function takeContent(
  arriving: Arriving,
  progress: Progress = () => {},
  limit = Number.POSITIVE_INFINITY,
): Promise<Content | null> {
  const pieces = piecesOf(arriving)
  try {
    const first = await beginning(pieces)
    const label = readFileHeader(first)
    const content = label === null ? first : first.subarray(FILE_HEADER_BYTES)
    const total = label?.contentLength ?? lengthOf(arriving)
    const held = gather()
    held.add(content)
    progress(held.size, total)
    for await (const piece of pieces) {
      held.add(piece)
      if (held.size > limit) return null
      progress(held.size, total)
    }
    if (label !== null && held.size !== label.contentLength) throw new FrameError('value-damaged')
    return { label, blob: held.blob(), isText: isText(content) }
  } catch (error) {
    throw error instanceof ContentError ? new FrameError('value-damaged') : error
  } finally {
    await pieces.return(undefined)
  }
}

/** The value, in clear. */
async function* piecesOf({
  tokenId,
  answer,
  response,
  alive,
}: Arriving): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const e2e = answer.data['e2e']
  const body = response.body ?? new Blob().stream()
  const reader = (e2e === undefined ? body : body.pipeThrough(opening(readSecret(e2e, tokenId)))).getReader()
  let isOver = false
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      alive()
      yield value
    }
    isOver = true
  } finally {
    if (!isOver) void reader.cancel().catch(() => {})
  }
}

/** At least as much as the header of a file has; less where there is less. */
async function beginning(pieces: AsyncGenerator<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  let first = new Uint8Array(0)
  while (first.length < FILE_HEADER_BYTES) {
    const { done, value } = await pieces.next()
    if (done) break
    const longer = new Uint8Array(first.length + value.length)
    longer.set(first)
    longer.set(value, first.length)
    first = longer
  }
  return first
}

/** How long the value is, as far as the store says; an object that the client encrypts is longer than its value. */
function lengthOf({ answer, response }: Arriving): number | null {
  const said = response.headers.get('content-length')
  return said === null || answer.data['e2e'] !== undefined ? null : Number(said)
}

/** So much is handed to the browser at a time, which can put it aside: this frame holds no more. */
const HANDED_OVER = 4 * 1024 * 1024

function gather() {
  const blobs: Blob[] = []
  let waiting: Uint8Array<ArrayBuffer>[] = []
  let waitingSize = 0
  let size = 0
  const handOver = (): void => {
    blobs.push(new Blob(waiting))
    waiting = []
    waitingSize = 0
  }
  return {
    get size(): number {
      return size
    },
    add(piece: Uint8Array<ArrayBuffer>): void {
      waiting.push(piece)
      waitingSize += piece.length
      size += piece.length
      if (waitingSize >= HANDED_OVER) handOver()
    },
    blob(): Blob {
      handOver()
      return new Blob(blobs)
    },
  }
}

/** UTF-8 without U+0000, as far as the header of a file would reach; a character may go on after it. */
function isText(content: Uint8Array): boolean {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(content.subarray(0, FILE_HEADER_BYTES), {
      stream: true,
    })
    return !text.includes('\0')
  } catch {
    return false
  }
}
