export { ContentError, type ContentErrorCode } from './content-error.ts'
export { encryptedLength, paddedLength, sealedLength } from './lengths.ts'
export { type ContentSecret, readSecret } from './secret.ts'
export { type ByteTransform, opening, openWhole, sealing, sealWhole } from './value.ts'
