import {
  AuditLogError,
  decodeLine,
  encodeLine,
  formatConsistencyProof,
  formatInclusionProof,
  formatVkey,
  inclusionProof,
  leafHash,
  nodesOver,
  notesIn,
  openCheckpoint,
  parseConsistencyProof,
  parseInclusionProof,
  parseTilePath,
  parseVkey,
  tilePath,
  verifyExport,
  verifyInclusion,
} from '@lunadefend/audit-log'
import fc from 'fast-check'
import { expect } from 'vitest'
import { decodeControl, decodeHeader } from '../../packages/audit-log/src/export-format.ts'
import { decodeSelected, encodeSelected } from '../../packages/audit-log/src/selection.ts'
import { sampleExport, sampleLine, sampleRows, VERIFIER } from '../../packages/audit-log/test/sample-log.ts'
import { type Target, target } from './guard.ts'
import { hostileBytes, hostileText } from './hostile.ts'

const sample = sampleExport(sampleRows(30))
const lines = sample.text.split('\n').slice(0, -1)
const [size, checkpoint] = [...sample.checkpoints].at(-1) ?? [0, '']
const leaves = sample.rows.map((row) => leafHash(encodeLine(row)))
const nodes = nodesOver(leaves)
const proof = formatInclusionProof({ index: 7, hashes: inclusionProof(nodes, 7, size), checkpoint })
const grown = formatConsistencyProof({ oldSize: 7, hashes: leaves.slice(0, 5), checkpoint })
const selected = encodeSelected({ leaf: 7, proof, row: encodeLine(sampleLine()) })
const isAuditError = (error: unknown) => error instanceof AuditLogError
const LONG = 70_000

/** Checkpoints, proofs, tiles, exports. */
export const AUDIT: readonly Target[] = [
  target({
    reads: 'checkpoints',
    file: 'audit-log/checkpoint.ts',
    cases: hostileText(fc.constantFrom(...sample.checkpoints.values()), LONG),
    // Two names can stand in one note: what is signed is what is read.
    check: (note) => expect([...sample.checkpoints.keys()]).toContain(openCheckpoint(note, [VERIFIER]).size),
    refuses: isAuditError,
  }),
  target({
    reads: 'public keys of the log',
    file: 'audit-log/note.ts',
    cases: hostileText(fc.constant(formatVkey(VERIFIER)), LONG),
    check: (text) => expect(formatVkey(parseVkey(text))).toBe(text),
    refuses: isAuditError,
  }),
  target({
    reads: 'checkpoints that a witness has kept',
    file: 'audit-log/witness.ts',
    cases: hostileText(fc.constantFrom([...sample.checkpoints.values()].join('\n'), sample.text), LONG),
    check: (text) => expect(Array.isArray(notesIn(text))).toBe(true),
  }),
  target({
    reads: 'proofs of inclusion',
    file: 'audit-log/proof.ts',
    cases: hostileText(fc.constant(proof), LONG),
    check: (text) => {
      parseInclusionProof(text)
      expect(verifyInclusion(text, leaves[7] ?? new Uint8Array(), [VERIFIER]).size).toBe(size)
    },
    refuses: isAuditError,
  }),
  target({
    reads: 'proofs of consistency',
    file: 'audit-log/proof.ts',
    cases: hostileText(fc.constant(grown), LONG),
    check: (text) => expect(formatConsistencyProof(parseConsistencyProof(text))).toBe(text),
    refuses: isAuditError,
  }),
  target({
    reads: 'paths of tiles, in a URL',
    file: 'audit-log/tile.ts',
    cases: hostileText(
      fc
        .record({
          level: fc.nat(63),
          index: fc.maxSafeInteger().map(Math.abs),
          width: fc.integer({ min: 1, max: 256 }),
        })
        .map(tilePath),
    ),
    check: (path) => {
      const tile = parseTilePath(path)
      if (tile !== null) expect(tilePath(tile)).toBe(path)
    },
  }),
  target({
    reads: 'rows of an export',
    file: 'audit-log/line.ts',
    cases: hostileText(fc.constantFrom(...sample.rows.map(encodeLine)), LONG),
    check: (text) => expect(encodeLine(decodeLine(text))).toBe(text),
    refuses: isAuditError,
  }),
  target({
    reads: 'what stands between rows of an export',
    file: 'audit-log/export-format.ts',
    cases: hostileText(fc.constantFrom(...lines), LONG),
    check: (text) => [decodeHeader(text), decodeControl(text)],
  }),
  target({
    reads: 'rows that were picked out of an export',
    file: 'audit-log/selection.ts',
    cases: hostileText(fc.constant(selected), LONG),
    check: (text) => {
      const found = decodeSelected(text)
      if (found !== null) expect(encodeSelected(found)).toBe(text)
    },
  }),
  target({
    reads: 'a whole export',
    file: 'audit-log/verify-export.ts',
    cases: hostileBytes(fc.constantFrom(Buffer.from(sample.text), Buffer.from(`${selected}\n`)), LONG),
    check: (bytes) => {
      const verifier = verifyExport({ verifiers: [VERIFIER] })
      verifier.write(bytes)
      const isSame = Buffer.from(bytes).toString() === sample.text
      const { isGood, kind } = verifier.end()
      if (kind === 'export') expect(isGood).toBe(isSame)
    },
    runs: 2_000,
  }),
]
