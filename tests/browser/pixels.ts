import { crc32, deflateSync } from 'node:zlib'
import type { Frame } from 'playwright-core'

interface Size {
  readonly width: number
  readonly height: number
}

/** A PNG of these pixels, 8 bits each of red, green and blue (W3C PNG, 5 and 11.2). */
export function pngOf({ width, height }: Size, pixels: Uint8Array): Buffer {
  const head = Buffer.alloc(13)
  head.writeUInt32BE(width, 0)
  head.writeUInt32BE(height, 4)
  head.set([8, 2], 8)
  const row = width * 3
  const rows = Array.from({ length: height }, (_, y) =>
    Buffer.concat([Buffer.of(0), pixels.subarray(y * row, (y + 1) * row)]),
  )
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  return Buffer.concat([
    signature,
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(Buffer.concat(rows))),
    chunk('IEND'),
  ])
}

function chunk(type: string, data = Buffer.alloc(0)): Buffer {
  const body = Buffer.concat([Buffer.from(type), data])
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  check.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, check])
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
