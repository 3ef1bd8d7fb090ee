/** So many bytes tell what a picture is. */
export const TELLING_BYTES = 64

/**
 * The media type of a picture made of pixels, by its first bytes and nothing that anybody said of it; `null` for
 * everything else. SVG is not among them: it is a document, which can hold script and links.
 */
export function rasterTypeOf(first: Uint8Array): string | null {
  // One character a byte.
  const text = String.fromCharCode(...first.subarray(0, TELLING_BYTES))
  if (text.startsWith('\x89PNG\r\n\x1a\n')) return 'image/png'
  if (text.startsWith('\xff\xd8\xff')) return 'image/jpeg'
  return KINDS.find(([, looks]) => looks.test(text))?.[0] ?? null
}

/** GIF89a §17; RFC 9649 §2.4; AVIF 1.2 §6: a brand in the file type box (ISO/IEC 14496-12 §4.3). */
const KINDS: readonly (readonly [string, RegExp])[] = [
  ['image/gif', /^GIF8[79]a/],
  ['image/webp', /^RIFF[\s\S]{4}WEBP/],
  ['image/avif', /^[\s\S]{4}ftyp(?:[\s\S]{4}){0,12}?avi[fs]/],
]
