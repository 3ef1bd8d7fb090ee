import { AuditLogError } from './audit-log-error.ts'
import { HASH_BYTES, type Nodes, nodeHash } from './tree.ts'

/** Hashes in a full tile, and levels of the tree that one holds: c2sp.org/tlog-tiles. */
export const TILE_WIDTH = 256
/** 2 ** 8 = 256. */
export const TILE_HEIGHT = 8
const MOST_LEVEL = 63

/** The hashes `index * 256` and following of a level; a hash is the root of `256 ** level` leaves. */
export interface Tile {
  readonly level: number
  readonly index: number
  /** 1 to 256. */
  readonly width: number
}

/** `tile/0/x001/x234/067.p/5`: where a tile lies, under the address of the log. */
export function tilePath({ level, index, width }: Tile): string {
  const digits = String(index)
  const padded = digits.padStart(3 * Math.ceil(digits.length / 3), '0')
  const groups = padded.match(/\d{3}/g) ?? []
  const path = groups.map((group, at) => (at === groups.length - 1 ? group : `x${group}`)).join('/')
  return `tile/${level}/${path}${width === TILE_WIDTH ? '' : `.p/${width}`}`
}

const PATH = /^tile\/(0|[1-9]\d?)\/((?:x\d{3}\/){0,5}\d{3})(?:\.p\/([1-9]\d{0,2}))?$/

/** `null` = no tile has this path. There is one way to write each. */
export function parseTilePath(path: string): Tile | null {
  const [, level = '', groups = '', width] = PATH.exec(path) ?? []
  if (groups === '') return null
  const tile = {
    level: Number(level),
    index: Number(groups.replaceAll(/[x/]/g, '')),
    width: width === undefined ? TILE_WIDTH : Number(width),
  }
  if (tile.level > MOST_LEVEL || !Number.isSafeInteger(tile.index)) return null
  return tilePath(tile) === path ? tile : null
}

/** How many hashes of a level a tree of this size has: one for each `256 ** level` leaves that are all there. */
export function hashesAt(level: number, size: number): number {
  return Math.floor(size / TILE_WIDTH ** level)
}

/** The tile as it is in a tree of this size; `null` = that has none of it. */
function tileIn(level: number, index: number, size: number): Tile | null {
  const width = Math.min(hashesAt(level, size) - index * TILE_WIDTH, TILE_WIDTH)
  return width > 0 ? { level, index, width } : null
}

/**
 * Asks something of the tree of this size, which lies in tiles: finds out which ones that needs, has them fetched, all
 * at once, and answers. `fetch` gives each in the order of the list, its hashes one after the other.
 *
 * @example const proof = await fromTiles(1000, (nodes) => inclusionProof(nodes, 7, 1000), fetchTiles)
 * @throws {AuditLogError} `tile_malformed` when a tile has not the length that it must have
 */
export async function fromTiles<Answer>(
  size: number,
  ask: (nodes: Nodes) => Answer,
  fetch: (tiles: readonly Tile[]) => Promise<readonly Uint8Array[]>,
): Promise<Answer> {
  const needed = new Map<string, Tile>()
  const nothing = new Uint8Array(HASH_BYTES)
  ask((height, index) => {
    const { tile } = placeOf(height, index, size)
    needed.set(tilePath(tile), tile)
    return nothing
  })
  const tiles = [...needed.values()]
  const fetched = tiles.length === 0 ? [] : await fetch(tiles)
  const bytes = new Map(tiles.map((tile, at) => [tilePath(tile), checked(tile, fetched[at])]))
  return ask((height, index) => {
    const { tile, first, width } = placeOf(height, index, size)
    return foldHashes(bytes.get(tilePath(tile)) ?? nothing, first, width)
  })
}

/** Where a node lies: in which tile, and which hashes of it it is the root of. */
function placeOf(height: number, index: number, size: number) {
  const level = Math.floor(height / TILE_HEIGHT)
  const width = 2 ** (height % TILE_HEIGHT)
  const start = index * width
  const tile = tileIn(level, Math.floor(start / TILE_WIDTH), size)
  if (tile === null) throw new RangeError('A tree has no nodes beyond its size.')
  return { tile, first: start % TILE_WIDTH, width }
}

function checked(tile: Tile, bytes: Uint8Array | undefined): Uint8Array {
  if (bytes?.length === tile.width * HASH_BYTES) return bytes
  throw new AuditLogError('tile_malformed', `It is ${tilePath(tile)}.`)
}

function foldHashes(bytes: Uint8Array, first: number, width: number): Uint8Array {
  if (width === 1) return bytes.subarray(first * HASH_BYTES, (first + 1) * HASH_BYTES)
  const half = width / 2
  return nodeHash(foldHashes(bytes, first, half), foldHashes(bytes, first + half, half))
}
