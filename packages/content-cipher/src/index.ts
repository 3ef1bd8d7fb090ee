export type { ObjectKeys } from './cobblestone.ts'
export { ContentError, type ContentErrorCode } from './content-error.ts'
export { encryptedLength, paddedLength, sealedLength } from './lengths.ts'
export type { ByteTransform } from './pieces.ts'
export {
  keysForParts,
  type ReadValue,
  type SeekableValue,
  sealedPiece,
  valueRangeOf,
} from './sealed-parts.ts'
export { type ContentSecret, readSecret } from './secret.ts'
export { opening, openWhole, sealing, sealWhole } from './value.ts'
