import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  consistencyProof,
  fromTiles,
  hashesAt,
  inclusionProof,
  leafHash,
  nodesOver,
  parseTilePath,
  rootOf,
  TILE_WIDTH,
  type Tile,
  tilePath,
} from '../src/index.ts'

describe('paths', () => {
  const tiles = fc.record({
    level: fc.integer({ min: 0, max: 63 }),
    index: fc.nat({ max: 1e15 }),
    width: fc.integer({ min: 1, max: TILE_WIDTH }),
  })

  test('as the specification writes them', () => {
    expect(tilePath({ level: 0, index: 1234067, width: 256 })).toBe('tile/0/x001/x234/067')
    expect(tilePath({ level: 1, index: 0, width: 17 })).toBe('tile/1/000.p/17')
  })

  test('each tile has one, and is found by it', () => {
    fc.assert(
      fc.property(tiles, (tile) => {
        expect(parseTilePath(tilePath(tile))).toEqual(tile)
      }),
    )
  })

  test.each([
    ...[
      'tile/0/0',
      'tile/0/67',
      'tile/00/067',
      'tile/64/067',
      'tile/-1/067',
      'tile/0/x000/067',
      'tile/0/x1/067',
    ],
    ...[
      'tile/0/067.p/0',
      'tile/0/067.p/256',
      'tile/0/067.p/01',
      'tile/0/067.p/',
      'tile/0/001/234',
      '/tile/0/000',
    ],
    ...['tile/0/x999/x999/x999/x999/x999/999', 'tile/entries/000', 'tile/0/067\n', 'tile/0/../067', ''],
  ])('%j is none', (path) => {
    expect(parseTilePath(path)).toBeNull()
  })
})

const SIZE = 70_000
const leaves = Array.from({ length: SIZE }, (_, index) => leafHash(String(index)))

/** As a log has them: each level the roots of the full tiles of the one below. */
const levels: Uint8Array[][] = [leaves]
for (let level = 0; hashesAt(level + 1, SIZE) > 0; level += 1) {
  const below = levels[level] ?? []
  levels.push(
    Array.from({ length: Math.floor(below.length / TILE_WIDTH) }, (_, index) =>
      rootOf(nodesOver(below.slice(index * TILE_WIDTH, (index + 1) * TILE_WIDTH)), TILE_WIDTH),
    ),
  )
}

const bytesOf = ({ level, index, width }: Tile) =>
  Buffer.concat(levels[level]?.slice(index * TILE_WIDTH, index * TILE_WIDTH + width) ?? [])

const log = (size: number) => {
  const asked: Tile[] = []
  const fetch = async (tiles: readonly Tile[]) => {
    asked.push(...tiles)
    return tiles.map(bytesOf)
  }
  return { asked, ask: <T>(question: Parameters<typeof fromTiles<T>>[1]) => fromTiles(size, question, fetch) }
}

test('a tree of 70,000 has the tiles that the specification gives as an example', () => {
  expect(levels.map((level) => [Math.floor(level.length / TILE_WIDTH), level.length % TILE_WIDTH])).toEqual([
    [273, 112],
    [1, 17],
    [0, 1],
  ])
})

test('the same root and the same proofs come from tiles as from leaves, and few tiles are needed', async () => {
  const nodes = nodesOver(leaves)
  for (const size of [1, 2, 255, 256, 257, 511, 65_536, 65_537, SIZE]) {
    const { asked, ask } = log(size)
    expect(await ask((tiles) => rootOf(tiles, size))).toEqual(rootOf(nodes, size))
    const index = Math.floor(size * 0.7)
    expect(await ask((tiles) => inclusionProof(tiles, index, size))).toEqual(
      inclusionProof(nodes, index, size),
    )
    const older = Math.ceil(size / 3)
    expect(await ask((tiles) => consistencyProof(tiles, older, size))).toEqual(
      consistencyProof(nodes, older, size),
    )
    expect(asked.length).toBeLessThanOrEqual(3 * 5)
  }
})

test('no tile is asked for that the tree does not have, nor one in another width', async () => {
  const { asked, ask } = log(300)
  await ask((tiles) => [rootOf(tiles, 300), inclusionProof(tiles, 7, 300)])
  expect(asked.map(tilePath).sort()).toEqual(['tile/0/000', 'tile/0/001.p/44', 'tile/1/000.p/1'])
})

test('a tile of another length is refused', async () => {
  const tooShort = fromTiles(
    300,
    (tiles) => rootOf(tiles, 300),
    async (tiles) => tiles.map(() => new Uint8Array(31)),
  )
  await expect(tooShort).rejects.toMatchObject({ code: 'tile_malformed' })
  const tooFew = fromTiles(
    300,
    (tiles) => rootOf(tiles, 300),
    async () => [],
  )
  await expect(tooFew).rejects.toMatchObject({ code: 'tile_malformed' })
})
