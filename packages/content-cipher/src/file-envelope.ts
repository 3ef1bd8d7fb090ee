import { ContentError } from './content-error.ts'

/*
 * How a file is one value: a header of always the same size, then the file's bytes as they are. So the name and the type
 * are as secret as the content, the length of the value tells nothing of them, and byte n of the file is byte 1,024 + n.
 *
 *   magic (7) ‖ version (1) ‖ content length (8) ‖ name length (2) ‖ type length (2) ‖ name ‖ type ‖ zeros up to 1,024
 *
 * Integers are big-endian; the name is UTF-8, the type ASCII.
 */

export const FILE_HEADER_BYTES = 1024

const MAGIC = Uint8Array.of(0x4c, 0x44, 0x46, 0x49, 0x4c, 0x45, 0x00)
const VERSION = 1
const LENGTH_AT = 8
const NAME_LENGTH_AT = 16
const TYPE_LENGTH_AT = 18
const TEXT_AT = 20
/** 255 UTF-16 code units, the longest name that common file systems have, are 765 bytes at most. */
const LONGEST_NAME = 765
const LONGEST_TYPE = 127

/** What a file is called and said to be. Both are claims of whoever stored it. */
export interface FileLabel {
  readonly name: string
  /** Media type without parameters (RFC 6838), in lower case; `''` = unknown. */
  readonly type: string
}

/**
 * What stands before the content. A lone surrogate in the name becomes U+FFFD, a name that is too long is cut before its
 * extension, and a type that is none becomes `''`.
 * @param contentLength in bytes
 */
export function fileHeader(label: FileLabel, contentLength: number): Uint8Array<ArrayBuffer> {
  const name = encodeName(label.name)
  const type = new TextEncoder().encode(typeOf(label.type))
  const header = new Uint8Array(FILE_HEADER_BYTES)
  const view = new DataView(header.buffer)
  header.set(MAGIC)
  header[MAGIC.length] = VERSION
  view.setBigUint64(LENGTH_AT, BigInt(contentLength))
  view.setUint16(NAME_LENGTH_AT, name.length)
  view.setUint16(TYPE_LENGTH_AT, type.length)
  header.set(name, TEXT_AT)
  header.set(type, TEXT_AT + name.length)
  return header
}

/** Whether a value, or its beginning, is that of a file, of whatever version. No text begins so: U+0000 is in it. */
export function beginsLikeFile(first: Uint8Array): boolean {
  return first.length > MAGIC.length && MAGIC.every((byte, index) => first[index] === byte)
}

/**
 * Reads what stands before the content.
 * @param first the first 1,024 bytes of the value or more; all of it where it is shorter
 * @returns `null` = the value is no file with a header: all of it is content
 * @throws ContentError `content_unsupported` for a version that is not known, `content_damaged`
 */
export function readFileHeader(first: Uint8Array): (FileLabel & { readonly contentLength: number }) | null {
  if (!beginsLikeFile(first)) return null
  if (first[MAGIC.length] !== VERSION) throw new ContentError('content_unsupported')
  if (first.length < FILE_HEADER_BYTES) throw new ContentError('content_damaged')
  const view = new DataView(first.buffer, first.byteOffset, FILE_HEADER_BYTES)
  const nameEnd = TEXT_AT + view.getUint16(NAME_LENGTH_AT)
  const typeEnd = nameEnd + view.getUint16(TYPE_LENGTH_AT)
  const contentLength = Number(view.getBigUint64(LENGTH_AT))
  const isWhole = typeEnd <= FILE_HEADER_BYTES && Number.isSafeInteger(contentLength)
  if (!isWhole || first.subarray(typeEnd, FILE_HEADER_BYTES).some((byte) => byte !== 0))
    throw new ContentError('content_damaged')
  const type = decode(first.subarray(nameEnd, typeEnd))
  if (type !== typeOf(type)) throw new ContentError('content_damaged')
  return { name: decode(first.subarray(TEXT_AT, nameEnd)), type, contentLength }
}

/**
 * A name that may be shown, and offered as the name of a download. Whatever changes the direction of text, is not visible,
 * or means something to a file system becomes `_`: so `invoice\u202efdp.exe` does not look like a PDF. At most 255 UTF-16
 * code units; `'file'` where nothing is left.
 */
export function cleanFileName(name: string): string {
  const clean = name.toWellFormed().replace(UNFIT, '_').replace(EDGES, '')
  return shortened(clean, (text) => text.length <= 255) || 'file'
}

/** Control, format and separator characters but for the space; line and paragraph ends; what Windows forbids. */
const UNFIT = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}"*/:<>?\\|\ufffd]/gu
const EDGES = /^[\s.]+|[\s.]+$/g

function encodeName(name: string): Uint8Array {
  const encoder = new TextEncoder()
  return encoder.encode(shortened(name, (text) => encoder.encode(text).length <= LONGEST_NAME))
}

/** The end of a name says what it is, so it is the middle that goes. */
function shortened(name: string, fits: (name: string) => boolean): string {
  if (fits(name)) return name
  const [, extension = ''] = /(\.[^.]{1,20})$/.exec(name) ?? []
  const stem = Array.from(name.slice(0, name.length - extension.length))
  let low = 0
  let high = stem.length
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (fits(stem.slice(0, middle).join('') + extension)) low = middle
    else high = middle - 1
  }
  return stem.slice(0, low).join('') + extension
}

function typeOf(type: string): string {
  const [bare = ''] = type.toLowerCase().split(';')
  return bare.length <= LONGEST_TYPE && TYPE.test(bare) ? bare : ''
}

/** RFC 6838 §4.2. */
const TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]*\/[a-z0-9][a-z0-9!#$&^_.+-]*$/

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new ContentError('content_damaged')
  }
}
