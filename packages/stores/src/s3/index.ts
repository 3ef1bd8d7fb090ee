export { type BucketAddress, publicPlace } from './address.ts'
export type { CredentialSource, DefaultChain, LoadedCredentials } from './credentials.ts'
export { openS3, type S3ObjectStore, type S3Options } from './object-store.ts'
export { DOWNLOAD_SECONDS, UPLOAD_SECONDS } from './presigned.ts'
