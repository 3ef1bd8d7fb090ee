import { crc32, deflateSync } from 'node:zlib'

/** A small picture: stripes of a few colours. */
export function picture(width: number, height: number): Uint8Array {
  const row = Array.from(
    { length: width },
    (_, x) => STRIPES[Math.floor((x * STRIPES.length) / width)] ?? [],
  ).flat()
  const rows = Buffer.from(Array.from({ length: height }, () => [0, ...row]).flat())
  return pngOf({ width, height }, 2, [], deflateSync(rows))
}
const STRIPES = [
  [0, 85, 164],
  [250, 250, 250],
  [239, 65, 53],
]

/**
 * A PNG of eight bits (RFC 2083).
 * @param colourType 2 = three samples a pixel, 3 = places in a palette
 * @param chunks what stands before the pixels
 */
export function pngOf(
  { width, height }: { readonly width: number; readonly height: number },
  colourType: 2 | 3,
  chunks: readonly (readonly [type: string, data: Uint8Array])[],
  pixels: Uint8Array,
): Uint8Array {
  const head = Buffer.alloc(13)
  head.writeUInt32BE(width, 0)
  head.writeUInt32BE(height, 4)
  head.set([8, colourType, 0, 0, 0], 8)
  const all = [['IHDR', head], ...chunks, ['IDAT', pixels], ['IEND', Buffer.alloc(0)]] as const
  return Buffer.concat([SIGNATURE, ...all.map(([type, data]) => chunkOf(type, data))])
}
const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

function chunkOf(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  sum.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, sum])
}
