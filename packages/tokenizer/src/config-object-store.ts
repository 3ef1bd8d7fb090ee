import Type from 'typebox'
import { closed, Origin, Text } from './config-texts.ts'

const Keys = Type.Object(
  { accessKeyId: Text, secretAccessKey: Text, sessionToken: Type.Optional(Text) },
  closed,
)
/** Wherever AWS tools look: environment, SSO, shared files, web identity, container, instance. They are refreshed. */
const DefaultChain = Type.Object(
  { source: Type.Literal('aws-default-chain'), profile: Type.Optional(Text) },
  closed,
)

/** Any S3-compatible store. */
export const ObjectStore = Type.Object(
  {
    /** As this machine reaches it. @default AWS S3 in that region */
    endpoint: Type.Optional(Origin),
    /** As browsers reach it. @default endpoint */
    publicEndpoint: Type.Optional(Origin),
    region: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9-]*$' }),
    bucket: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]$' }),
    addressing: Type.Union([Type.Literal('path'), Type.Literal('virtual-host')]),
    credentials: Type.Union([Keys, DefaultChain]),
    /** A proxy, or `environment`: what HTTP_PROXY, HTTPS_PROXY and NO_PROXY say. @default none */
    proxy: Type.Optional(Type.String({ pattern: '^(?:environment|https?://[^/?#\\s]+)$' })),
    /** Certificates that are trusted for the store, and no others. @default what Node trusts */
    caFile: Type.Optional(Text),
    /** Milliseconds for one call with all its tries. @default 5000 */
    timeoutMs: Type.Optional(Type.Integer({ minimum: 100, maximum: 60_000 })),
    /** Whether the store is tried with a canary when the Tokenizer starts. @default 'on-start' */
    probe: Type.Optional(Type.Union([Type.Literal('on-start'), Type.Literal('off')])),
  },
  closed,
)

/** Who encrypts new values, by the setting `protection`, and so what the object store must be able to do. */
export const ENCRYPTION = {
  store: 'store',
  'prefer-end-to-end': 'both',
  'require-end-to-end': 'end-to-end',
} as const
