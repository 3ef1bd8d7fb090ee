export { AUDIT_LOG_ERRORS, AuditLogError, type AuditLogErrorCode } from './audit-log-error.ts'
export { type Checkpoint, openCheckpoint, originOf, signCheckpoint } from './checkpoint.ts'
export { BLOCK_ROWS, type ExportHeader, type ExportWriter, exportWriter } from './export-format.ts'
export { type AuditLine, decodeLine, encodeLine } from './line.ts'
export { formatVkey, parseVkey, signingKeyOf, type Verifier, verifierOf } from './note.ts'
export { PROBLEMS, type Problem, type ProblemCode } from './problem.ts'
export {
  type ConsistencyProof,
  formatConsistencyProof,
  formatInclusionProof,
  type InclusionProof,
  parseConsistencyProof,
  parseInclusionProof,
  verifyConsistency,
  verifyInclusion,
} from './proof.ts'
export { decodeSelected, encodeSelected, type Selected } from './selection.ts'
export { fromTiles, hashesAt, parseTilePath, TILE_HEIGHT, TILE_WIDTH, type Tile, tilePath } from './tile.ts'
export {
  consistencyProof,
  type Edge,
  EMPTY_EDGE,
  edgeOf,
  grow,
  HASH_BYTES,
  inclusionProof,
  isConsistent,
  isEqual,
  leafHash,
  type Nodes,
  nodeHash,
  nodesOver,
  rootOf,
  rootOfEdge,
  rootOfInclusion,
  type TreeHead,
} from './tree.ts'
export { type ExportReport, type ExportVerifier, type VerifySettings, verifyExport } from './verify-export.ts'
export {
  type LogReport,
  type LogVerifier,
  type StoredLeaf,
  type StoredNode,
  verifyLog,
} from './verify-log.ts'
export { notesIn } from './witness.ts'
