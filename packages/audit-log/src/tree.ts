import { hash } from 'node:crypto'

// RFC 6962 §2.1, RFC 9162 §2.1. Sizes and numbers of leaves are safe integers: no bit operators, which end at 32 bits.

export const HASH_BYTES = 32

/** The root of a tree without leaves: the hash of nothing. */
const EMPTY_ROOT: Uint8Array = sha256(new Uint8Array())

/** @param entry the bytes of the entry; text is UTF-8 */
export function leafHash(entry: Uint8Array | string): Uint8Array {
  const bytes = typeof entry === 'string' ? Buffer.from(entry) : entry
  const input = Buffer.allocUnsafe(1 + bytes.length)
  input[0] = 0
  input.set(bytes, 1)
  return sha256(input)
}

const pair = Buffer.alloc(1 + 2 * HASH_BYTES, 1)

export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  pair.set(left, 1)
  pair.set(right, 1 + HASH_BYTES)
  return sha256(pair)
}

function sha256(bytes: Uint8Array): Uint8Array {
  return hash('sha256', bytes, 'buffer')
}

/** All of a tree that is needed to let it grow: the roots of its complete subtrees, the largest first. */
export interface Edge {
  readonly size: number
  readonly peaks: readonly Uint8Array[]
}

export const EMPTY_EDGE: Edge = { size: 0, peaks: [] }

/**
 * The edge of the tree with these leaves after those that it has. Takes time for the new leaves alone. `complete` is
 * told of each subtree that becomes complete: see Nodes.
 */
export function grow(
  edge: Edge,
  leaves: Iterable<Uint8Array>,
  complete?: (height: number, index: number, hash: Uint8Array) => void,
): Edge {
  const peaks = [...edge.peaks]
  let size = edge.size
  for (const leaf of leaves) {
    let node = leaf
    let height = 0
    // As many complete subtrees are joined as the size has ones at its end.
    for (let index = size; index % 2 === 1; ) {
      node = nodeHash(peaks.pop() ?? node, node)
      index = (index - 1) / 2
      height += 1
      complete?.(height, index, node)
    }
    peaks.push(node)
    size += 1
  }
  return { size, peaks }
}

export function rootOfEdge({ peaks }: Edge): Uint8Array {
  return peaks.length === 0 ? EMPTY_ROOT : peaks.reduceRight((right, left) => nodeHash(left, right))
}

/** The root of the complete subtree over the leaves from `index * 2 ** height` on, as many as `2 ** height`. */
export type Nodes = (height: number, index: number) => Uint8Array

/** The nodes over a list of leaves. */
export function nodesOver(leaves: readonly Uint8Array[]): Nodes {
  const node: Nodes = (height, index) => {
    if (height > 0) return nodeHash(node(height - 1, 2 * index), node(height - 1, 2 * index + 1))
    const leaf = leaves[index]
    if (leaf === undefined) throw new RangeError(`There is no leaf ${index}.`)
    return leaf
  }
  return node
}

/** The edge of the tree of this size. */
export function edgeOf(nodes: Nodes, size: number): Edge {
  return { size, peaks: size === 0 ? [] : subtrees(0, size).map(({ height, index }) => nodes(height, index)) }
}

/** The root of the tree of this size. */
export function rootOf(nodes: Nodes, size: number): Uint8Array {
  return rootOfEdge(edgeOf(nodes, size))
}

/** RFC 6962 §2.1.1: that the leaf is in the tree of this size; from its sibling up. */
export function inclusionProof(nodes: Nodes, index: number, size: number): Uint8Array[] {
  mustBe(index < size, 'the leaf must be in the tree')
  const path = (from: number, to: number): Uint8Array[] => {
    if (to - from === 1) return []
    const middle = from + split(to - from)
    return index < middle
      ? [...path(from, middle), rangeRoot(nodes, middle, to)]
      : [...path(middle, to), rangeRoot(nodes, from, middle)]
  }
  return path(0, size)
}

/** RFC 6962 §2.1.2: that the tree of the size `from` is the beginning of that of the size `to`. */
export function consistencyProof(nodes: Nodes, from: number, to: number): Uint8Array[] {
  mustBe(from <= to, 'a tree does not shrink')
  if (from === 0) return []
  const path = (begin: number, end: number, known: boolean): Uint8Array[] => {
    if (from === end) return known ? [] : [rangeRoot(nodes, begin, end)]
    const middle = begin + split(end - begin)
    return from <= middle
      ? [...path(begin, middle, known), rangeRoot(nodes, middle, end)]
      : [...path(middle, end, false), rangeRoot(nodes, begin, middle)]
  }
  return path(0, to, true)
}

/** The root to which the proof leads; `null` = it is no proof for such a place. */
export function rootOfInclusion(
  leaf: Uint8Array,
  index: number,
  size: number,
  proof: readonly Uint8Array[],
): Uint8Array | null {
  if (index >= size) return null
  let left = proof.length
  const climb = (place: number, leaves: number): Uint8Array | null => {
    if (leaves === 1) return leaf
    left -= 1
    const sibling = proof[left]
    const middle = split(leaves)
    const own = place < middle ? climb(place, middle) : climb(place - middle, leaves - middle)
    if (own === null || sibling === undefined) return null
    return place < middle ? nodeHash(own, sibling) : nodeHash(sibling, own)
  }
  const root = climb(index, size)
  return left === 0 ? root : null
}

/** A tree as it was at some time. */
export interface TreeHead {
  readonly size: number
  readonly root: Uint8Array
}

/** Whether the proof shows that `older` is the beginning of `newer`. */
export function isConsistent(older: TreeHead, newer: TreeHead, proof: readonly Uint8Array[]): boolean {
  if (older.size > newer.size) return false
  if (older.size === 0) return proof.length === 0 && isEqual(older.root, EMPTY_ROOT)
  const roots = rootsOfConsistency(older, newer.size, proof)
  return roots !== null && isEqual(roots.older, older.root) && isEqual(roots.newer, newer.root)
}

type Roots = { older: Uint8Array; newer: Uint8Array }

function rootsOfConsistency({ size, root }: TreeHead, newSize: number, proof: readonly Uint8Array[]) {
  let left = proof.length
  const take = () => {
    left -= 1
    return proof[left]
  }
  const climb = (older: number, newer: number, known: boolean): Roots | null => {
    if (older === newer) {
      const same = known ? root : take()
      return same === undefined ? null : { older: same, newer: same }
    }
    const middle = split(newer)
    const other = take()
    const inner = older <= middle ? climb(older, middle, known) : climb(older - middle, newer - middle, false)
    if (inner === null || other === undefined) return null
    if (older <= middle) return { older: inner.older, newer: nodeHash(inner.newer, other) }
    return { older: nodeHash(other, inner.older), newer: nodeHash(other, inner.newer) }
  }
  const roots = climb(size, newSize, true)
  return left === 0 ? roots : null
}

// All of it is public: nothing is learned from how long a comparison takes.
export function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0
}

function rangeRoot(nodes: Nodes, from: number, to: number): Uint8Array {
  return subtrees(from, to)
    .map(({ height, index }) => nodes(height, index))
    .reduceRight((right, left) => nodeHash(left, right))
}

/** The complete subtrees of a range whose beginning is a multiple of its first one, as in every proof. */
function subtrees(from: number, to: number): { height: number; index: number }[] {
  const found: { height: number; index: number }[] = []
  for (let at = from; at < to; ) {
    let height = 0
    let width = 1
    while (2 * width <= to - at) {
      width *= 2
      height += 1
    }
    found.push({ height, index: at / width })
    at += width
  }
  return found
}

/** The largest power of two that is less than `size`, which is at least 2. */
function split(size: number): number {
  let power = 1
  while (2 * power < size) power *= 2
  return power
}

function mustBe(holds: boolean, rule: string): void {
  if (!holds) throw new RangeError(`Proof: ${rule}.`)
}
