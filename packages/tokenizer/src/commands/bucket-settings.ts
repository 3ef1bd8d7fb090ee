import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { PortFailure } from '@lunadefend/core'
import {
  applyBucketSettings,
  type BucketUse,
  bucketPolicy,
  corsConfiguration,
  encryptionConfiguration,
  isAws,
  lifecycleConfiguration,
  probeObjectStore,
  publicAccessBlock,
} from '@lunadefend/stores/s3'
import { ConfigError, parseConfig, type TokenizerConfig } from '../config.ts'
import { ENCRYPTION } from '../config-object-store.ts'

const USAGE = `Usage: npm run bucket-settings -- <command> <settings.json> [options]

  print   what the bucket is to be set to, as JSON
  apply   sets it; as whoever the AWS default chain says (AWS_PROFILE, AWS_ACCESS_KEY_ID, …), not as the Tokenizer
  check   tries the store as the Tokenizer, with a canary, and says what is lacking

  --principal <arn>   print, apply: whose credentials the Tokenizer has
  --versions          print, apply: the bucket keeps versions, or once did
  --only <name>       print: one of policy, cors, lifecycle, encryption, public-access
`

/** What was asked cannot be understood. */
class UsageError extends Error {}

const clock = { now: () => Date.now() }

/** Answers the exit code: 0 all is well, 1 something is not. */
async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parsed(args)
  const [command, file, ...more] = positionals
  if (command === undefined || file === undefined || more.length > 0) throw new UsageError()
  const config = parseConfig(JSON.parse(readFileSync(file, 'utf8')))
  switch (command) {
    case 'print':
      return print(useOf(config, values), values.only)
    case 'apply':
      return await apply(config, useOf(config, values))
    case 'check':
      return await check(config)
    default:
      throw new UsageError()
  }
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        principal: { type: 'string' },
        versions: { type: 'boolean', default: false },
        only: { type: 'string' },
      },
    })
  } catch {
    throw new UsageError()
  }
}

function useOf(
  { objectStore, publicUrl, protection = 'store' }: TokenizerConfig,
  { principal, versions }: { readonly principal?: string | undefined; readonly versions: boolean },
): BucketUse {
  if (principal === undefined) throw new UsageError()
  return {
    bucket: objectStore.bucket,
    principal,
    origin: publicUrl,
    encryption: ENCRYPTION[protection],
    keepsVersions: versions,
    store: isAws(objectStore) ? 'aws' : 'other',
    partition: partitionOf(objectStore.region),
  }
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html */
function partitionOf(region: string): 'aws' | 'aws-cn' | 'aws-us-gov' {
  if (region.startsWith('cn-')) return 'aws-cn'
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws'
}

function print(use: BucketUse, only: string | undefined): number {
  const settings: Record<string, object> = {
    policy: bucketPolicy(use),
    cors: corsConfiguration(use),
    lifecycle: lifecycleConfiguration(use),
    encryption: encryptionConfiguration(),
    'public-access': publicAccessBlock(),
  }
  if (only !== undefined && !Object.hasOwn(settings, only)) throw new UsageError()
  write(JSON.stringify(only === undefined ? settings : settings[only], null, 2))
  return 0
}

async function apply({ objectStore }: TokenizerConfig, use: BucketUse): Promise<number> {
  const credentials = { source: 'aws-default-chain' } as const
  const applied = await applyBucketSettings({ ...objectStore, credentials, clock }, use)
  for (const { name, outcome, detail } of applied) write(line(outcome, name, detail))
  return applied.some(({ outcome }) => outcome === 'failed') ? 1 : 0
}

async function check({ objectStore, publicUrl, protection = 'store' }: TokenizerConfig): Promise<number> {
  const needs = { origin: publicUrl, encryption: ENCRYPTION[protection] }
  const { checks } = await probeObjectStore({ ...objectStore, clock }, needs, 'full')
  for (const { name, verdict, detail } of checks) write(line(verdict, name, detail))
  return checks.some(({ verdict }) => verdict === 'failed') ? 1 : 0
}

function line(word: string, name: string, detail: string | null): string {
  return `${word.padEnd(8)}${name}${detail === null ? '' : `: ${detail}`}`
}

function write(text: string): void {
  process.stdout.write(`${text}\n`)
}

try {
  process.exitCode = await run(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`${explained(error)}\n`)
  process.exitCode = 2
}

// A file of settings holds secrets, and an error about its text may quote them.
function explained(error: unknown): string {
  if (error instanceof UsageError) return USAGE
  if (error instanceof ConfigError || error instanceof PortFailure) return error.message
  if (error instanceof SyntaxError) return 'The file of settings is no JSON.'
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
  return `The settings cannot be read: ${code}.`
}
