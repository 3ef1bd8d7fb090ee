import { deflateSync } from 'node:zlib'
import type { Frame } from 'playwright-core'
import { pngOf } from '../../apps/gallery/src/png.ts'

interface Size {
  readonly width: number
  readonly height: number
}

/** A PNG of these pixels: red, green and blue of each. */
export function pngOfPixels(size: Size, pixels: Uint8Array): Uint8Array {
  const row = size.width * 3
  const rows = Array.from({ length: size.height }, (_, y) =>
    Buffer.concat([Buffer.of(0), pixels.subarray(y * row, (y + 1) * row)]),
  )
  return pngOf(size, 2, [], deflateSync(Buffer.concat(rows)))
}

/** Red, green and blue of each pixel of the picture in a frame; `null` while there is none. */
export function pixelsIn(frame: Frame): Promise<number[] | null> {
  return frame.evaluate(() => {
    const image = document.querySelector('img')
    if (image === null || !image.complete || image.naturalWidth === 0) return null
    const canvas = Object.assign(document.createElement('canvas'), {
      width: image.naturalWidth,
      height: image.naturalHeight,
    })
    const context = canvas.getContext('2d', { colorSpace: 'srgb' })
    context?.drawImage(image, 0, 0)
    const rgba = context?.getImageData(0, 0, canvas.width, canvas.height).data ?? []
    return [...rgba].filter((_, index) => index % 4 !== 3)
  })
}
