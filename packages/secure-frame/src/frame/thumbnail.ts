import { imageSizeOf } from './image-size.ts'

/** Largest pictures that are decoded for a thumbnail: in bytes, and in pixels. */
const MOST_BYTES = 40 * 1024 ** 2
const MOST_PIXELS = 60_000_000
/** Where the size of a JPEG stands: behind its metadata, which may have a preview of their own. */
const HEAD_BYTES = 256 * 1024
/** Of a thumbnail's longer side, in CSS pixels. */
const SIDE = 40

/**
 * A small picture of a file; `null` where it is none, or too large. It is painted, pixel by pixel: the file is never a
 * document, and has no URL.
 */
export async function thumbnailOf(file: File): Promise<HTMLCanvasElement | null> {
  if (file.size > MOST_BYTES) return null
  try {
    const size = imageSizeOf(new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer()))
    if (size === null || size.width * size.height > MOST_PIXELS || size.width * size.height === 0) return null
    const scale = Math.min(1, (SIDE * devicePixelRatio) / Math.max(size.width, size.height))
    const resizeWidth = Math.max(1, Math.round(size.width * scale))
    const bitmap = await createImageBitmap(file, { resizeWidth, resizeQuality: 'medium' })
    return paint(bitmap)
  } catch {
    return null
  }
}

function paint(bitmap: ImageBitmap): HTMLCanvasElement {
  const canvas = document.createElement('canvas')
  canvas.width = bitmap.width
  canvas.height = bitmap.height
  canvas.getContext('2d')?.drawImage(bitmap, 0, 0)
  bitmap.close()
  return canvas
}
