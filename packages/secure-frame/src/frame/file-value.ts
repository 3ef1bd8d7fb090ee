import { type ObjectKeys, sealedLength, sealedPiece, valueRangeOf } from '@lunadefend/content-cipher'
import { fileHeader } from '@lunadefend/content-cipher/file-envelope'

/** The file has changed since it was chosen, is gone, or is no file: nothing of it can be sent. */
export class UnreadableFile extends Error {}

/** A file as a value: its header, and its bytes as they are. It is read from the disk, piece by piece, when it is needed. */
export interface FileValue {
  /** In bytes, the header included. */
  readonly length: number
  read(start: number, end: number): Promise<Uint8Array<ArrayBuffer>>
  slice(start: number, end: number): Blob
}

export function fileValue(file: File): FileValue {
  const whole = new Blob([fileHeader(file, file.size), file])
  const slice = (start: number, end: number): Blob => whole.slice(start, end)
  return {
    length: whole.size,
    slice,
    async read(start, end) {
      try {
        const bytes = new Uint8Array(await slice(start, end).arrayBuffer())
        if (bytes.length === end - start) return bytes
      } catch {}
      throw new UnreadableFile()
    },
  }
}

/** What lies in the store: the value itself, or the value encrypted end to end. */
export function objectLength(value: FileValue, keys: ObjectKeys | null): number {
  return keys === null ? value.length : sealedLength(value.length)
}

/** A piece of the object. The value itself is read while it is sent; what is encrypted here is in memory until then. */
export async function objectPiece(
  value: FileValue,
  keys: ObjectKeys | null,
  start: number,
  end: number,
): Promise<Blob> {
  if (keys === null) return value.slice(start, end)
  const pieces: BlobPart[] = []
  for await (const piece of sealedPiece(keys, value, start, end)) pieces.push(piece)
  return new Blob(pieces)
}

/** So much of the file is read at a time, in bytes. */
const BLOCK = 1024 ** 2

/**
 * By which a piece is known again: a keyed hash of the part of the value that it is made of. Two pieces that differ have
 * different ones; without the key it tells nothing.
 */
export async function markOf(
  value: FileValue,
  keys: ObjectKeys | null,
  markKey: CryptoKey,
  start: number,
  end: number,
): Promise<string> {
  const range = keys === null ? { start, end } : valueRangeOf(value.length, start, end)
  let mark = new Uint8Array(32)
  for (let at = range.start; at < range.end; at += BLOCK) {
    const block = await value.read(at, Math.min(at + BLOCK, range.end))
    const chained = new Uint8Array(mark.length + block.length)
    chained.set(mark)
    chained.set(block, mark.length)
    mark = new Uint8Array(await crypto.subtle.sign('HMAC', markKey, chained))
  }
  return hex(mark.subarray(0, 16))
}

/** By which a file that is chosen again is found: a keyed hash of what the system says of it. */
export async function printOf(file: File, markKey: CryptoKey): Promise<string> {
  const about = new TextEncoder().encode(JSON.stringify([file.name, file.size, file.type, file.lastModified]))
  return hex(new Uint8Array(await crypto.subtle.sign('HMAC', markKey, about)))
}

export function newMarkKey(): Promise<CryptoKey> {
  return crypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
