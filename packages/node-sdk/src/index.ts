export type {
  Block,
  BlockOptions,
  Blocks,
  BlockTarget,
  OperatorBlock,
  OperatorBlocks,
  OperatorBlockTarget,
} from './blocks.ts'
export { CLIENT_ERRORS, type ClientErrorCode, LunaDefendClientError } from './client-error.ts'
export type { DeletionReceipt } from './deletion.ts'
export type { FetchHandler } from './fetch-router.ts'
export type {
  CreateOptions,
  Grants,
  ListedGrant,
  ListOptions,
  RevokeOptions,
  Tokens,
  VerifyOptions,
} from './grants.ts'
export type { Honeytokens, PlantOptions } from './honeytokens.ts'
export { LunaDefend } from './lunadefend.ts'
export type { NodeHandler } from './node-router.ts'
export { LunaDefendOperator } from './operator.ts'
export { type KeptSession, type Pinning, pinToSession } from './pinning.ts'
export type { RekeyOptions } from './rekey.ts'
export type { RouterOptions } from './router-options.ts'
export type { LunaDefendOptions, OperatorOptions } from './settings.ts'
export type { AppSession } from './site-routes.ts'
export type { Progress, UploadOptions } from './upload-in-parts.ts'
export type { Upload } from './upload-plan.ts'
export type { TokenizeOptions } from './uploads.ts'
export type { Value } from './value-source.ts'
export type { DetokenizeOptions, Mask, MaskedOptions, Seen } from './values.ts'
export type { AlarmEvent, WebhookHeaders, Webhooks } from './webhooks.ts'
export type { Audit, Witnessed, WitnessOptions } from './witness.ts'
