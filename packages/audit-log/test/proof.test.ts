import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  AuditLogError,
  consistencyProof,
  formatConsistencyProof,
  formatInclusionProof,
  inclusionProof,
  leafHash,
  nodesOver,
  parseConsistencyProof,
  parseInclusionProof,
  rootOf,
  signCheckpoint,
  signingKeyOf,
  verifierOf,
  verifyConsistency,
  verifyInclusion,
} from '../src/index.ts'

const origin = 'tokenizer.example.com/audit'
const key = signingKeyOf(Buffer.alloc(32, 7))
const ours = [verifierOf(origin, key)]
const leaves = Array.from({ length: 21 }, (_, index) => leafHash(`entry ${index}`))
const nodes = nodesOver(leaves)
const checkpointOf = (size: number) => signCheckpoint({ origin, size, root: rootOf(nodes, size) }, [key])
const leaf = leaves[13] as Uint8Array

const included = { index: 13, hashes: inclusionProof(nodes, 13, 21), checkpoint: checkpointOf(21) }
const grown = { oldSize: 6, hashes: consistencyProof(nodes, 6, 21), checkpoint: checkpointOf(21) }
const older = { size: 6, root: rootOf(nodes, 6) }
const inclusion = formatInclusionProof(included)
const consistency = formatConsistencyProof(grown)

const codeOf = (run: () => unknown) => {
  try {
    run()
    return 'none'
  } catch (error) {
    return error instanceof AuditLogError ? error.code : String(error)
  }
}

test('the text of c2sp.org/tlog-proof', () => {
  const lines = included.hashes.map((hash) => `${Buffer.from(hash).toString('base64')}\n`).join('')
  expect(inclusion).toBe(`c2sp.org/tlog-proof@v1\nindex 13\n${lines}\n${included.checkpoint}`)
  expect(parseInclusionProof(inclusion)).toEqual(included)
  const withExtra = inclusion.replace('@v1\n', '@v1\nextra AAAA\n')
  expect(parseInclusionProof(withExtra)).toEqual(included)
  expect(verifyInclusion(inclusion, leaf, ours)).toMatchObject({ origin, size: 21 })
})

test('the text of c2sp.org/tlog-witness', () => {
  expect(consistency.startsWith('old 6\n')).toBe(true)
  expect(parseConsistencyProof(consistency)).toEqual(grown)
  expect(verifyConsistency(consistency, older, ours)).toMatchObject({ origin, size: 21 })
})

test('a proof without hashes: the only entry, and the first look', () => {
  const only = formatInclusionProof({ index: 0, hashes: [], checkpoint: checkpointOf(1) })
  expect(verifyInclusion(only, leaves[0] as Uint8Array, ours).size).toBe(1)
  const first = formatConsistencyProof({ oldSize: 0, hashes: [], checkpoint: checkpointOf(21) })
  expect(verifyConsistency(first, { size: 0, root: rootOf(nodes, 0) }, ours).size).toBe(21)
})

test('another entry, another place, an older tree of another root: not proven', () => {
  expect(codeOf(() => verifyInclusion(inclusion, leaves[12] as Uint8Array, ours))).toBe('proof_wrong')
  const moved = formatInclusionProof({ ...included, index: 12 })
  expect(codeOf(() => verifyInclusion(moved, leaf, ours))).toBe('proof_wrong')
  expect(codeOf(() => verifyInclusion(formatInclusionProof({ ...included, index: 21 }), leaf, ours))).toBe(
    'proof_wrong',
  )
  expect(codeOf(() => verifyConsistency(consistency, { ...older, root: leaf }, ours))).toBe('proof_wrong')
  expect(codeOf(() => verifyConsistency(consistency, { ...older, size: 7 }, ours))).toBe('proof_wrong')
  expect(
    codeOf(() => verifyInclusion(inclusion, leaf, [verifierOf(origin, signingKeyOf(Buffer.alloc(32)))])),
  ).toBe('checkpoint_unknown_key')
})

test('any bit of a proof that is flipped spoils it', () => {
  const flips = (text: string, check: (flipped: string) => unknown) => {
    const bytes = Buffer.from(text)
    fc.assert(
      fc.property(fc.nat(bytes.length * 8 - 1), (bit) => {
        const flipped = Buffer.from(bytes)
        flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
        expect(codeOf(() => check(flipped.toString('utf8')))).toMatch(/^(?:proof|note|checkpoint)_\w+$/)
      }),
      { numRuns: 300 },
    )
  }
  flips(inclusion, (text) => verifyInclusion(text, leaf, ours))
  flips(consistency, (text) => verifyConsistency(text, older, ours))
})

test.each([
  ...[
    '',
    'c2sp.org/tlog-proof@v1',
    'c2sp.org/tlog-proof@v2\nindex 0\n\n',
    inclusion.replace('index 13', 'index 013'),
  ],
  ...[inclusion.replace('index 13', 'index -1'), inclusion.replace('index 13', 'index 9007199254740993')],
  ...[
    inclusion.replace('index 13', 'extra !\nindex 13'),
    inclusion.replace('index 13\n', 'index 13\nAAAA\n'),
  ],
  ...[inclusion.replace('index 13\n', `index 13\n${`${'A'.repeat(43)}=\n`.repeat(64)}`), consistency],
])('is no inclusion proof: %#', (text) => {
  expect(codeOf(() => parseInclusionProof(text))).toBe('proof_malformed')
})

test.each(['', 'old 6', 'old 06\n\n', 'old\n\n', inclusion])('is no consistency proof: %#', (text) => {
  expect(codeOf(() => parseConsistencyProof(text))).toBe('proof_malformed')
})
