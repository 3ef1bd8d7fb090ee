import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  consistencyProof,
  EMPTY_EDGE,
  edgeOf,
  grow,
  inclusionProof,
  isConsistent,
  leafHash,
  nodesOver,
  rootOf,
  rootOfEdge,
  rootOfInclusion,
} from '../src/index.ts'

interface Vectors {
  leaves: string[]
  roots: string[]
  inclusion: { index: number; size: number; proof: string[] }[]
  consistency: { from: number; to: number; proof: string[] }[]
  growing: { size: number; root: string }[]
}
const file = new URL('../../../vectors/merkle-tree.json', import.meta.url)
const vectors: Vectors = JSON.parse(readFileSync(file, 'utf8'))

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const leaves = vectors.leaves.map((leaf) => leafHash(Buffer.from(leaf, 'hex')))
const nodes = nodesOver(leaves)

describe('the known answers of Certificate Transparency', () => {
  test.each(vectors.roots.map((root, size) => ({ root, size })))('root of $size leaves', ({ root, size }) => {
    expect(hex(rootOf(nodes, size))).toBe(root)
    expect(hex(rootOfEdge(grow(EMPTY_EDGE, leaves.slice(0, size))))).toBe(root)
  })

  test.each(vectors.inclusion)('inclusion of $index in $size', ({ index, size, proof }) => {
    expect(inclusionProof(nodes, index, size).map(hex)).toEqual(proof)
  })

  test.each(vectors.consistency)('consistency of $from with $to', ({ from, to, proof }) => {
    expect(consistencyProof(nodes, from, to).map(hex)).toEqual(proof)
  })

  test.each(vectors.growing)('root of $size growing leaves', ({ size, root }) => {
    const grown = Array.from({ length: size }, (_, index) => leafHash(Uint8Array.of(index % 256, index >> 8)))
    expect(hex(rootOfEdge(grow(EMPTY_EDGE, grown)))).toBe(root)
    expect(hex(rootOf(nodesOver(grown), size))).toBe(root)
  })
})

const MOST = 70
const many = Array.from({ length: MOST }, (_, index) => leafHash(`entry ${index}`))
const manyNodes = nodesOver(many)
const headOf = (size: number) => ({ size, root: rootOf(manyNodes, size) })
const sizes = fc.integer({ min: 1, max: MOST })

test('every entry of every tree is proven, in its own place alone', () => {
  for (let size = 1; size <= MOST; size += 1) {
    const { root } = headOf(size)
    for (let index = 0; index < size; index += 1) {
      const leaf = many[index] as Uint8Array
      const proof = inclusionProof(manyNodes, index, size)
      expect(rootOfInclusion(leaf, index, size, proof)).toEqual(root)
      expect(rootOfInclusion(leaf, (index + 1) % (size + 1), size, proof)).not.toEqual(root)
    }
  }
})

test('every tree is consistent with every one that came before it', () => {
  for (let to = 0; to <= MOST; to += 1) {
    for (let from = 0; from <= to; from += 1) {
      const proof = consistencyProof(manyNodes, from, to)
      expect(isConsistent(headOf(from), headOf(to), proof)).toBe(true)
      if (from < to) expect(isConsistent(headOf(to), headOf(from), proof)).toBe(false)
    }
  }
})

test('a proof with one wrong bit, one hash too many or too few proves nothing', () => {
  const flip = (hashes: readonly Uint8Array[], at: number) =>
    hashes.map((hash, place) => {
      if (place !== Math.floor(at / 256) % hashes.length) return hash
      return hash.map((byte, where) => (where === Math.floor(at / 8) % 32 ? byte ^ (1 << (at % 8)) : byte))
    })
  fc.assert(
    fc.property(sizes, sizes, fc.nat(1 << 20), (one, other, bit) => {
      const [from, to] = one < other ? [one, other] : [other, one]
      const included = inclusionProof(manyNodes, from - 1, to)
      const leaf = many[from - 1] as Uint8Array
      const { root } = headOf(to)
      const consistent = consistencyProof(manyNodes, from, to)
      for (const wrong of [
        flip(included, bit),
        included.slice(1),
        [...included, leaf],
        [leaf, ...included],
      ]) {
        if (wrong.length + included.length === 0) continue
        expect(rootOfInclusion(leaf, from - 1, to, wrong)).not.toEqual(root)
      }
      for (const wrong of [flip(consistent, bit), consistent.slice(1), [...consistent, leaf]]) {
        if (wrong.length + consistent.length === 0) continue
        expect(isConsistent(headOf(from), headOf(to), wrong)).toBe(false)
      }
    }),
  )
})

test('a tree in which one entry is another one is not consistent with what it was', () => {
  fc.assert(
    fc.property(sizes, sizes, fc.nat(MOST), (one, other, at) => {
      const [from, to] = one < other ? [one, other] : [other, one]
      const forked = nodesOver(many.map((leaf, index) => (index === at % from ? leafHash('another') : leaf)))
      const head = { size: to, root: rootOf(forked, to) }
      expect(isConsistent(headOf(from), head, consistencyProof(forked, from, to))).toBe(false)
    }),
  )
})

test('an edge grows in any steps to the same tree', () => {
  fc.assert(
    fc.property(sizes, sizes, (one, other) => {
      const [middle, size] = one < other ? [one, other] : [other, one]
      const grown = grow(edgeOf(manyNodes, middle), many.slice(middle, size))
      expect(grown).toEqual(edgeOf(manyNodes, size))
    }),
  )
})

test('an entry is no node, so that no node can be passed off as an entry', () => {
  const [left, right] = [leafHash('one'), leafHash('two')]
  expect(leafHash(Buffer.concat([left, right]))).not.toEqual(rootOf(nodesOver([left, right]), 2))
})
