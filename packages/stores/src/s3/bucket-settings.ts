/**
 * What a bucket must be set to, as the AWS command line takes it and as S3 takes it over HTTP.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html
 */
import { ENCRYPTION_HEADERS } from './encryption-headers.ts'

export interface BucketUse {
  readonly bucket: string
  /** Whose credentials the Tokenizer has: the ARN of a role or a user. */
  readonly principal: string
  /** The Tokenizer's origin as browsers see it. */
  readonly origin: string
  /** Who encrypts: the store with a key that comes along (SSE-C), the client, or either. */
  readonly encryption: 'store' | 'end-to-end' | 'both'
  /** Whether versioning is, or ever was, on. Deleting then takes two rights more. @default false */
  readonly keepsVersions?: boolean
  /** Other stores do not know all conditions of AWS; one that is not known can refuse everything. @default 'aws' */
  readonly store?: 'aws' | 'other'
  /** @default 'aws' */
  readonly partition?: 'aws' | 'aws-cn' | 'aws-us-gov'
}

export interface PolicyStatement {
  readonly Sid: string
  readonly Effect: 'Allow' | 'Deny'
  readonly Principal: '*' | { readonly AWS: string }
  readonly Action: string | readonly string[]
  readonly Resource: string | readonly string[]
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string>>>>
}

export interface BucketPolicy {
  readonly Version: '2012-10-17'
  readonly Statement: readonly PolicyStatement[]
}

/** Exactly what the adapter does, over TLS, to objects of the Tokenizer; nothing is replaced, and nothing is stored in clear. */
export function bucketPolicy(use: BucketUse): BucketPolicy {
  const { bucket, principal, encryption, keepsVersions = false, store = 'aws', partition = 'aws' } = use
  const whole = `arn:${partition}:s3:::${bucket}`
  const objects = `${whole}/v1/*`
  const tokenizer = { AWS: principal }
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'TokenizerObjects',
        Effect: 'Allow',
        Principal: tokenizer,
        Action: [...OBJECT_ACTIONS, ...(keepsVersions ? ['s3:DeleteObjectVersion'] : [])],
        Resource: objects,
      },
      {
        // Without ListBucket a missing object is a 403, and looks like a refusal.
        Sid: 'TokenizerLists',
        Effect: 'Allow',
        Principal: tokenizer,
        Action: [...LIST_ACTIONS, ...(keepsVersions ? ['s3:ListBucketVersions'] : [])],
        Resource: whole,
      },
      {
        Sid: 'NothingWithoutTls',
        Effect: 'Deny',
        Principal: '*',
        Action: 's3:*',
        Resource: [whole, `${whole}/*`],
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      },
      {
        // https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
        Sid: 'NothingIsReplaced',
        Effect: 'Deny',
        Principal: '*',
        Action: 's3:PutObject',
        Resource: objects,
        Condition: { Null: { 's3:if-none-match': 'true' }, Bool: { 's3:ObjectCreationOperation': 'true' } },
      },
      ...(encryption === 'store' && store === 'aws' ? [nothingInClear(objects)] : []),
    ],
  }
}

const OBJECT_ACTIONS = [
  's3:GetObject',
  's3:PutObject',
  's3:DeleteObject',
  's3:AbortMultipartUpload',
  's3:ListMultipartUploadParts',
]
const LIST_ACTIONS = ['s3:ListBucket', 's3:ListBucketMultipartUploads']

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html
function nothingInClear(objects: string): PolicyStatement {
  return {
    Sid: 'NothingInClear',
    Effect: 'Deny',
    Principal: '*',
    Action: 's3:PutObject',
    Resource: objects,
    Condition: { Null: { 's3:x-amz-server-side-encryption-customer-algorithm': 'true' } },
  }
}

export interface CorsConfiguration {
  readonly CORSRules: readonly {
    readonly ID: string
    readonly AllowedOrigins: readonly string[]
    readonly AllowedMethods: readonly string[]
    readonly AllowedHeaders: readonly string[]
    readonly MaxAgeSeconds: number
  }[]
}

/** The Tokenizer's origin, where the secure frame lives, and no other; what the frame sends, and nothing else. */
export function corsConfiguration({
  origin,
  encryption,
}: Pick<BucketUse, 'origin' | 'encryption'>): CorsConfiguration {
  return {
    CORSRules: [
      {
        ID: 'secure-frame',
        AllowedOrigins: [origin],
        AllowedMethods: ['GET', 'PUT'],
        AllowedHeaders: ['if-none-match', ...(encryption === 'end-to-end' ? [] : FOR_STORED_VALUES)],
        MaxAgeSeconds: 300,
      },
    ],
  }
}

/** What the store has encrypted can be read in part. */
const FOR_STORED_VALUES = ['range', 'if-range', ...ENCRYPTION_HEADERS]

export interface LifecycleConfiguration {
  readonly Rules: readonly {
    readonly ID: string
    readonly Status: 'Enabled'
    readonly Filter: { readonly Prefix: string }
    readonly AbortIncompleteMultipartUpload?: { readonly DaysAfterInitiation: number }
    readonly NoncurrentVersionExpiration?: { readonly NoncurrentDays: number }
    readonly Expiration?: { readonly ExpiredObjectDeleteMarker: true }
  }[]
}

/**
 * Parts of uploads that nobody finished go after a week, should the Tokenizer not have come to it; what versioning kept of
 * deleted objects goes after a day.
 */
export function lifecycleConfiguration({
  keepsVersions = false,
}: Pick<BucketUse, 'keepsVersions'>): LifecycleConfiguration {
  const rule = { Status: 'Enabled', Filter: { Prefix: 'v1/' } } as const
  const uploads = {
    ID: 'unfinished-uploads',
    ...rule,
    AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 },
  }
  const versions = {
    ID: 'deleted-versions',
    ...rule,
    NoncurrentVersionExpiration: { NoncurrentDays: 1 },
    Expiration: { ExpiredObjectDeleteMarker: true },
  } as const
  return { Rules: keepsVersions ? [uploads, versions] : [uploads] }
}

export interface EncryptionConfiguration {
  readonly Rules: readonly [
    {
      readonly ApplyServerSideEncryptionByDefault: { readonly SSEAlgorithm: 'AES256' }
      readonly BlockedEncryptionTypes: { readonly EncryptionType: readonly ['NONE'] }
    },
  ]
}

/** Of AWS: nothing is blocked, so that SSE-C works, which is off for new buckets since April 2026. */
export function encryptionConfiguration(): EncryptionConfiguration {
  const BlockedEncryptionTypes = { EncryptionType: ['NONE'] } as const
  return {
    Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' }, BlockedEncryptionTypes }],
  }
}

export interface PublicAccessBlock {
  readonly BlockPublicAcls: true
  readonly IgnorePublicAcls: true
  readonly BlockPublicPolicy: true
  readonly RestrictPublicBuckets: true
}

/** Nothing in the bucket is ever public, whatever a policy or an ACL says. */
export function publicAccessBlock(): PublicAccessBlock {
  return {
    BlockPublicAcls: true,
    IgnorePublicAcls: true,
    BlockPublicPolicy: true,
    RestrictPublicBuckets: true,
  }
}
