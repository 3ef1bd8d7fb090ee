import { deflateSync } from 'node:zlib'
import type { PNG } from 'pngjs'
import { pngOf } from '../src/png.ts'

/** Of each colour so many shades are kept, black and white among them; fewer where a palette has no room for them. */
const SHADES = [32, 24, 16]
const PALETTE = 256

/** A PNG with a palette (RFC 2083 §4.1.2): of a page with text it is a quarter as long as one without. */
export function smallPng(picture: PNG): Uint8Array {
  for (const shades of SHADES) {
    const { colours, pixels } = indexed(picture, shades)
    if (colours.length > PALETTE) continue
    const palette = Buffer.from(colours.flatMap((each) => [each >> 16, (each >> 8) & 255, each & 255]))
    return pngOf(picture, 3, [['PLTE', palette]], deflateSync(pixels, { level: 9, memLevel: 9 }))
  }
  throw new RangeError(`There are more than ${PALETTE} colours.`)
}

/** Rows of places in a palette, each after the number of a filter that does nothing (§6). */
function indexed({ width, height, data }: PNG, shades: number) {
  const step = 255 / (shades - 1)
  const shade = Uint8Array.from({ length: 256 }, (_, value) => Math.round(Math.round(value / step) * step))
  const places = new Map<number, number>()
  const pixels = Buffer.alloc(height * (width + 1))
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * 4
      const [red = 0, green = 0, blue = 0] = [0, 1, 2].map((part) => shade[data[at + part] ?? 0])
      const colour = (red << 16) | (green << 8) | blue
      const place = places.get(colour) ?? places.size
      places.set(colour, place)
      pixels[y * (width + 1) + 1 + x] = place
    }
  return { colours: [...places.keys()], pixels }
}
