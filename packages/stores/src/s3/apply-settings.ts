import { hash } from 'node:crypto'
import { PortFailure } from '@lunadefend/core'
import { isAws, ownPlace } from './address.ts'
import {
  type BucketUse,
  bucketPolicy,
  corsConfiguration,
  encryptionConfiguration,
  lifecycleConfiguration,
  publicAccessBlock,
} from './bucket-settings.ts'
import { keepCredentials } from './credentials.ts'
import type { S3Options } from './object-store.ts'
import { type Caller, openCaller, refusal } from './signed-calls.ts'
import { openTransport } from './transport.ts'
import { escaped } from './xml-answer.ts'

export type SettingName = keyof typeof SETTINGS

export interface AppliedSetting {
  readonly name: SettingName
  /** `unable`: this store has no such setting. `failed`: it was not allowed, or not understood. */
  readonly outcome: 'applied' | 'unable' | 'failed'
  /** `null` when it is applied. */
  readonly detail: string | null
}

/**
 * Puts all settings of the bucket, each in one call; a setting that is there is replaced. The credentials in `options`
 * are those of an administrator: the Tokenizer's own do not allow it, and should not.
 */
export async function applyBucketSettings(options: S3Options, use: BucketUse): Promise<AppliedSetting[]> {
  await using transport = openTransport(options)
  const place = ownPlace(options)
  const { region, clock, timeoutMs = 5_000 } = options
  const credentials = keepCredentials(options.credentials, clock)
  const call = openCaller({ place, region, clock, credentials, transport, timeoutMs })
  const known: BucketUse = { ...use, store: isAws(options) ? 'aws' : 'other' }
  const applied: AppliedSetting[] = []
  for (const name of namesFor(known)) applied.push({ name, ...(await apply(call, name, known)) })
  return applied
}

/** What only AWS has is left alone elsewhere: a default encryption can break a store that has no keys for it. */
function namesFor({ store, encryption }: BucketUse): SettingName[] {
  return NAMES.filter((name) => {
    if (SETTINGS[name].only !== 'aws') return true
    return store === 'aws' && (name !== 'encryption' || encryption !== 'end-to-end')
  })
}

async function apply(call: Caller, name: SettingName, use: BucketUse): Promise<Omit<AppliedSetting, 'name'>> {
  const { query, type, bodyOf } = SETTINGS[name]
  const body = bodyOf(use)
  const headers = { 'content-type': type, 'content-md5': hash('md5', body, 'base64') }
  try {
    const request = {
      method: 'PUT',
      objectKey: '',
      query: { [query]: '' },
      headers,
      body,
      repeatable: true,
    } as const
    const answer = await call(request)
    if (answer.status < 300) return { outcome: 'applied', detail: null }
    const unable = answer.status === 501 || answer.status === 405
    return { outcome: unable ? 'unable' : 'failed', detail: refusal(request, answer).message }
  } catch (error) {
    if (!(error instanceof PortFailure)) throw error
    return { outcome: 'failed', detail: error.message }
  }
}

interface SettingRow {
  /** The name of the setting in the query. */
  readonly query: string
  readonly type: 'application/json' | 'application/xml'
  readonly only?: 'aws'
  readonly bodyOf: (use: BucketUse) => string
}

const XML = 'application/xml'

/** In the order in which they are put: closed to the public first. */
const SETTINGS: Readonly<
  Record<'public-access' | 'encryption' | 'policy' | 'cors' | 'lifecycle', SettingRow>
> = {
  'public-access': {
    query: 'publicAccessBlock',
    type: XML,
    only: 'aws',
    bodyOf: () => document('PublicAccessBlockConfiguration', publicAccessBlock()),
  },
  encryption: { query: 'encryption', type: XML, only: 'aws', bodyOf: encryptionBody },
  policy: {
    query: 'policy',
    type: 'application/json',
    bodyOf: (use) => JSON.stringify(bucketPolicy(use)),
  },
  cors: { query: 'cors', type: XML, bodyOf: corsBody },
  lifecycle: { query: 'lifecycle', type: XML, bodyOf: lifecycleBody },
}
const NAMES = Object.keys(SETTINGS) as SettingName[]

function encryptionBody(): string {
  return document('ServerSideEncryptionConfiguration', { Rule: encryptionConfiguration().Rules })
}

// In XML the members of a list stand in the singular, one after the other.
function corsBody(use: BucketUse): string {
  const rules = corsConfiguration(use).CORSRules.map((rule) => ({
    ID: rule.ID,
    AllowedOrigin: rule.AllowedOrigins,
    AllowedMethod: rule.AllowedMethods,
    AllowedHeader: rule.AllowedHeaders,
    MaxAgeSeconds: rule.MaxAgeSeconds,
  }))
  return document('CORSConfiguration', { CORSRule: rules })
}

function lifecycleBody(use: BucketUse): string {
  return document('LifecycleConfiguration', { Rule: lifecycleConfiguration(use).Rules })
}

function document(root: string, content: object): string {
  return `<${root} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${elements(content)}</${root}>`
}

function elements(content: object): string {
  return Object.entries(content)
    .flatMap(([name, value]) => [value].flat().map((item) => `<${name}>${inner(item)}</${name}>`))
    .join('')
}

function inner(value: unknown): string {
  return typeof value === 'object' && value !== null ? elements(value) : escaped(String(value))
}
