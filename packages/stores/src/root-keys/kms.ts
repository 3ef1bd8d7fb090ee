import type { KMSClient } from '@aws-sdk/client-kms'
import { PortFailure, type PortFailureCode } from '@lunadefend/core'
import type { KmsDataKeyEntry, KmsMacEntry } from './entry.ts'
import { openBytes } from './key-line.ts'
import { askOnce, type Holder, openRemote } from './remote.ts'
import type { RootKey, RootKeySurroundings } from './root-key.ts'

type Sdk = typeof import('@aws-sdk/client-kms')
type Kms = KmsMacEntry | KmsDataKeyEntry

/**
 * AWS KMS. Credentials come through the AWS default chain and are refreshed by it.
 *
 * @throws {PortFailure} a code of `root_key_*`; no message holds a credential, an input or an output
 */
export async function openKms(entry: Kms, surroundings: RootKeySurroundings): Promise<RootKey> {
  // Loaded here, so that who keeps the key elsewhere does not load the SDK.
  const sdk = await import('@aws-sdk/client-kms')
  const client = new sdk.KMSClient({
    ...(entry.region === undefined ? {} : { region: entry.region }),
    ...(entry.endpoint === undefined ? {} : { endpoint: entry.endpoint }),
    maxAttempts: 1,
  })
  const close = async () => client.destroy()
  await using stack = new AsyncDisposableStack()
  stack.defer(close)
  await client.config.region().catch(() => {
    throw new PortFailure('root_key_refused', `KMS key ${entry.keyId}: no region is set.`)
  })
  if (entry.mode === 'decrypt-at-boot') return await decryptKey(sdk, client, entry, surroundings)
  const where = `KMS key ${entry.keyId}`
  const ask = macAsker(sdk, client, entry, where)
  const key = await openRemote({ where, ask, [Symbol.asyncDispose]: close }, entry, surroundings)
  stack.move()
  return key
}

/** An alias can be turned to another key, so the ARN that answered first has to answer ever after. */
function macAsker({ GenerateMacCommand }: Sdk, client: KMSClient, entry: Kms, where: string): Holder['ask'] {
  let arn: string | undefined
  return async (input, abortSignal) => {
    const command = new GenerateMacCommand({
      KeyId: entry.keyId,
      MacAlgorithm: 'HMAC_SHA_256',
      Message: input,
    })
    const { Mac, KeyId } = await sent(where, client.send(command, { abortSignal }))
    if (Mac === undefined || KeyId === undefined) {
      throw new PortFailure('root_key_garbled', `${where}: no output.`)
    }
    refuseOther(entry.keyId, KeyId, where)
    arn ??= KeyId
    if (KeyId !== arn) throw new PortFailure('root_key_wrong', `${where}: ${KeyId} answered, not ${arn}.`)
    return Mac
  }
}

async function decryptKey(
  { DecryptCommand }: Sdk,
  client: KMSClient,
  entry: KmsDataKeyEntry,
  surroundings: RootKeySurroundings,
): Promise<RootKey> {
  const where = `KMS key ${entry.keyId}, data key`
  const input = {
    KeyId: entry.keyId,
    CiphertextBlob: Buffer.from(entry.ciphertext, 'base64'),
    EncryptionContext: { ...entry.encryptionContext },
    EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
  } as const
  const decrypt = async (abortSignal: AbortSignal) => {
    const { Plaintext, KeyId } = await sent(where, client.send(new DecryptCommand(input), { abortSignal }))
    if (KeyId !== undefined) refuseOther(entry.keyId, KeyId, where)
    return Plaintext ?? new Uint8Array()
  }
  const bytes = await askOnce(where, decrypt, surroundings)
  if (bytes.length === 32) return openBytes(Buffer.from(bytes.buffer, bytes.byteOffset, 32), where, entry.kid)
  throw new PortFailure('root_key_damaged', `${where}: ${bytes.length} bytes instead of 32.`)
}

/** An ARN or an id in the settings has to be that of the key that answers. */
function refuseOther(configured: string, answered: string, where: string): void {
  if (/^(?:arn:[^:]+:kms:[^:]*:[^:]*:)?alias\//.test(configured)) return
  if (configured === answered || answered.endsWith(`:key/${configured}`)) return
  throw new PortFailure('root_key_wrong', `${where}: ${answered} answered.`)
}

async function sent<T>(where: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    const name = error instanceof Error && /^\w{1,64}$/.test(error.name) ? error.name : 'unknown'
    throw new PortFailure(codeOf(name, statusOf(error)), `${where} (${name}).`)
  }
}

/** Names from the API references of KMS (GenerateMac, Decrypt) and of AWS ("Common Errors"). */
const CODES: Readonly<Record<string, PortFailureCode>> = {
  DisabledException: 'root_key_disabled',
  KMSInvalidStateException: 'root_key_disabled',
  NotFoundException: 'root_key_missing',
  InvalidCiphertextException: 'root_key_damaged',
  IncorrectKeyException: 'root_key_wrong',
  ThrottlingException: 'root_key_throttled',
  Throttling: 'root_key_throttled',
  RequestLimitExceeded: 'root_key_throttled',
  TooManyRequestsException: 'root_key_throttled',
  LimitExceededException: 'root_key_throttled',
  KeyUnavailableException: 'root_key_unreachable',
  KMSInternalException: 'root_key_unreachable',
  DependencyTimeoutException: 'root_key_unreachable',
  CredentialsProviderError: 'root_key_refused',
  SyntaxError: 'root_key_garbled',
}

function codeOf(name: string, status: number | undefined): PortFailureCode {
  const code = Object.hasOwn(CODES, name) ? CODES[name] : undefined
  if (code !== undefined) return code
  if (status === 429) return 'root_key_throttled'
  if (status !== undefined && status >= 400 && status < 500) return 'root_key_refused'
  return 'root_key_unreachable'
}

function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('$metadata' in error)) return undefined
  return (error.$metadata as { httpStatusCode?: number }).httpStatusCode
}
