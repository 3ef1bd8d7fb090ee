import { brotliCompressSync } from 'node:zlib'

/** Numbers of the format, big-endian. */
const u8 = (...values: number[]): Buffer => Buffer.from(values.map((value) => value & 255))
const u16 = (...values: number[]): Buffer => Buffer.concat(values.map((value) => u8(value >> 8, value)))
const u32 = (...values: number[]): Buffer =>
  Buffer.concat(values.map((value) => u16(value >>> 16, value & 65_535)))

const EM = 1000

/**
 * A WOFF2 font, made here: every character from `first` to `last` is a black block of the same width, `advance` thousandths of
 * an em, and a line is two em high. So a browser that uses it can be told by what it measures.
 */
export function blockFont({
  advance = 2000,
  first = 0x20,
  last = 0x7e,
}: {
  readonly advance?: number
  readonly first?: number
  readonly last?: number
} = {}): Buffer {
  const block = Buffer.concat([
    u16(1, 100, 0, advance - 100, 700), // one contour, and its box
    u16(3, 0), // its last point; no instructions
    u8(1, 1, 1, 1), // four points on the curve
    ...[u16(100, advance - 200, 0, 200 - advance), u16(0, 0, 700, 0)],
  ])
  const glyph = Buffer.concat([block, Buffer.alloc((4 - (block.length % 4)) % 4)])
  const tables: readonly (readonly [known: number, body: Buffer])[] = [
    [0, characterMap(first, last)],
    [1, head()],
    [2, Buffer.concat([u32(0x10000), u16(1500, -500, 0, advance, 0, 0, advance, 1, 0, 0, 0, 0, 0, 0, 0, 2)])],
    [3, u16(advance, 0, advance, 0)],
    [4, Buffer.concat([u32(0x10000), u16(2, 4, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0)])],
    [5, u16(0, 0, 6)],
    [6, windows(advance, first, last)],
    [7, Buffer.concat([u32(0x30000, 0), u16(-100, 50), u32(0, 0, 0, 0, 0)])],
    [10, glyph],
    [11, u32(0, 0, glyph.length)], // the first glyph, for what is missing, is empty
  ]
  return woff2(tables)
}

function characterMap(first: number, last: number): Buffer {
  const group = u32(first, last, 1)
  const groups = Buffer.concat(
    Array.from({ length: last - first + 1 }, (_, index) => u32(first + index, first + index, 1)),
  )
  const count = groups.length / group.length
  return Buffer.concat([u16(0, 1, 3, 10), u32(12), u16(12, 0), u32(16 + groups.length, 0, count), groups])
}

function head(): Buffer {
  return Buffer.concat([
    u32(0x10000, 0x10000, 0, 0x5f0f3cf5),
    u16(0, EM),
    Buffer.alloc(16), // made and changed at no time
    u16(0, 0, EM, EM, 0, 8, 2, 1, 0),
  ])
}

function windows(advance: number, first: number, last: number): Buffer {
  return Buffer.concat([
    u16(4, advance, 400, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    Buffer.alloc(10 + 16),
    Buffer.from('TEST'),
    u16(64, first, last, 1500, -500, 0, 1500, 500),
    u32(0, 0),
    u16(500, 700, 0, first, 1),
  ])
}

/** Nothing is transformed, so that all of it is what it is in a TrueType font (WOFF2 §4, §5). */
function woff2(tables: readonly (readonly [known: number, body: Buffer])[]): Buffer {
  const directory = Buffer.concat(
    tables.map(([known, body]) => u8(known >= 10 ? known | 0xc0 : known, ...base128(body.length))),
  )
  const data = brotliCompressSync(Buffer.concat(tables.map(([, body]) => body)))
  const plain = tables.reduce(
    (sum, [, body]) => sum + Math.ceil(body.length / 4) * 4,
    12 + 16 * tables.length,
  )
  const size = 48 + directory.length + data.length
  const padding = Buffer.alloc((4 - (size % 4)) % 4)
  const header = Buffer.concat([
    ...[Buffer.from('wOF2'), u32(0x10000, size + padding.length), u16(tables.length, 0)],
    ...[u32(plain, data.length), u16(1, 0), u32(0, 0, 0, 0, 0)],
  ])
  return Buffer.concat([header, directory, data, padding])
}

function base128(value: number): number[] {
  const rest = value < 128 ? [] : base128(value >> 7).map((digit) => digit | 128)
  return [...rest, value & 127]
}
