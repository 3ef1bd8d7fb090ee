/** Width and height of a picture, in pixels, as its first bytes have them; `null` = no picture of a kind that is shown. */
export interface ImageSize {
  readonly width: number
  readonly height: number
}

/**
 * Read before anything is decoded: a file of some kilobytes can say that it is a picture of 60,000 by 60,000 pixels. Nothing
 * that is text is a picture here, SVG above all.
 */
export function imageSizeOf(bytes: Uint8Array<ArrayBuffer>): ImageSize | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  try {
    return png(view) ?? gif(view) ?? webp(view) ?? jpeg(view)
  } catch {
    // A number beyond the end.
    return null
  }
}

/** PNG §5.2, §11.2.1. */
function png(view: DataView): ImageSize | null {
  if (view.getUint32(0) !== 0x89504e47 || view.getUint32(12) !== 0x49484452) return null
  return { width: view.getUint32(16), height: view.getUint32(20) }
}

/** GIF89a §17, §18. */
function gif(view: DataView): ImageSize | null {
  if (view.getUint32(0) !== 0x47494638) return null
  return { width: view.getUint16(6, true), height: view.getUint16(8, true) }
}

/** RFC 9649 §2.5 to §2.7. */
function webp(view: DataView): ImageSize | null {
  if (view.getUint32(0) !== 0x52494646 || view.getUint32(8) !== 0x57454250) return null
  const kind = view.getUint32(12)
  const u24 = (at: number): number => view.getUint16(at, true) + view.getUint8(at + 2) * 65_536
  if (kind === 0x56503858) return { width: u24(24) + 1, height: u24(27) + 1 }
  if (kind === 0x56503820)
    return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff }
  const bits = view.getUint32(21, true)
  return { width: (bits & 0x3fff) + 1, height: ((bits >> 14) & 0x3fff) + 1 }
}

/** ITU T.81 §B.1, §B.2.2: the frame header comes after any number of other segments. */
function jpeg(view: DataView): ImageSize | null {
  if (view.getUint16(0) !== 0xffd8) return null
  for (let at = 2; view.getUint8(at) === 0xff; at += 2 + view.getUint16(at + 2)) {
    const marker = view.getUint8(at + 1)
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)
    if (isFrame) return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) }
  }
  return null
}
