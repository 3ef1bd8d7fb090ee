export { type BucketAddress, isAws, publicPlace } from './address.ts'
export { type AppliedSetting, applyBucketSettings, type SettingName } from './apply-settings.ts'
export {
  type BucketPolicy,
  type BucketUse,
  bucketPolicy,
  type CorsConfiguration,
  corsConfiguration,
  type EncryptionConfiguration,
  encryptionConfiguration,
  type LifecycleConfiguration,
  lifecycleConfiguration,
  type PublicAccessBlock,
  publicAccessBlock,
} from './bucket-settings.ts'
export type { CredentialSource, DefaultChain, LoadedCredentials } from './credentials.ts'
export { openS3, type S3ObjectStore, type S3Options } from './object-store.ts'
export { DOWNLOAD_SECONDS, UPLOAD_SECONDS } from './presigned.ts'
export {
  type Check,
  type CheckName,
  type ProbeNeeds,
  type ProbeReport,
  probeObjectStore,
} from './probe.ts'
export { openProvenS3, type ProofOptions } from './proven-store.ts'
