import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from 'node:crypto'
import { type Answered, type Asked, type StandIn, standIn } from './root-key-holder.ts'

export const REGION = 'eu-central-1'
export const CREDENTIALS = {
  accessKeyId: 'AKIDLUNADEFEND000001',
  secretAccessKey: 'a-secret-access-key-that-no-error-shows',
  sessionToken: 'a-session-token-that-no-error-shows',
} as const
const MAX_SKEW_MS = 5 * 60_000

/** A key of KMS. `material` is what an HMAC key signs with, and what a symmetric key encrypts with. */
export interface KmsKey {
  readonly arn: string
  readonly spec: 'HMAC_256' | 'SYMMETRIC_DEFAULT'
  material: Buffer
  state: 'Enabled' | 'Disabled' | 'PendingDeletion'
}

/**
 * KMS as its API reference describes it, as far as GenerateMac and Decrypt go: JSON 1.1 over POST /, signed with
 * Signature Version 4; what the real one refuses is refused.
 */
export interface KmsStandIn extends StandIn {
  createKey(spec: KmsKey['spec'], material?: Uint8Array): KmsKey
  /** Turns an alias to a key. */
  alias(name: string, key: KmsKey): void
  /** Takes away what the policy allows. */
  allowed: ReadonlySet<string>
  encrypt(key: KmsKey, plaintext: Uint8Array, context: Readonly<Record<string, string>>): string
}

export async function startKms(): Promise<KmsStandIn> {
  const keys: KmsKey[] = []
  const aliases = new Map<string, KmsKey>()
  const find = (name: string) =>
    aliases.get(name) ?? keys.find(({ arn }) => arn === name || arn.endsWith(`:key/${name}`))
  const server = await standIn((asked, fault) => {
    if (fault === 'throttling') return refusal('ThrottlingException', 400)
    if (fault === 'server error') return refusal('KMSInternalException', 500)
    const unsigned = signatureFlaw(asked)
    if (unsigned !== null) return refusal(unsigned, 400)
    const action = /^TrentService\.(GenerateMac|Decrypt)$/.exec(String(asked.headers['x-amz-target']))?.[1]
    if (action === undefined || asked.headers['content-type'] !== 'application/x-amz-json-1.1') {
      return refusal('UnknownOperationException', 404)
    }
    if (!kms.allowed.has(`kms:${action}`)) return refusal('AccessDeniedException', 400)
    const input = JSON.parse(asked.body)
    const key = find(input.KeyId)
    if (key === undefined) return refusal('NotFoundException', 400)
    if (key.state === 'Disabled') return refusal('DisabledException', 400)
    if (key.state === 'PendingDeletion') return refusal('KMSInvalidStateException', 400)
    return ACTIONS[action as keyof typeof ACTIONS](key, input, fault !== null)
  })
  const kms: KmsStandIn = Object.assign(server, {
    allowed: new Set(['kms:GenerateMac', 'kms:Decrypt']),
    createKey: (spec: KmsKey['spec'], material: Uint8Array = randomBytes(32)) => {
      const id = randomBytes(16)
        .toString('hex')
        .replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
      const arn = `arn:aws:kms:${REGION}:111122223333:key/${id}`
      const key: KmsKey = { arn, spec, material: Buffer.from(material), state: 'Enabled' }
      keys.push(key)
      return key
    },
    alias: (name: string, key: KmsKey) => void aliases.set(name, key),
    encrypt,
  })
  return kms
}

type Input = Readonly<Record<string, unknown>>

const ACTIONS = {
  GenerateMac(key: KmsKey, { Message, MacAlgorithm }: Input, truncated: boolean): Answered {
    const message = Buffer.from(String(Message), 'base64')
    if (message.length < 1 || message.length > 4096) return refusal('ValidationException', 400)
    if (key.spec !== 'HMAC_256' || MacAlgorithm !== 'HMAC_SHA_256') {
      return refusal('InvalidKeyUsageException', 400)
    }
    const mac = createHmac('sha256', key.material).update(message).digest()
    const Mac = mac.subarray(0, truncated ? 16 : 32).toString('base64')
    return { status: 200, body: { KeyId: key.arn, Mac, MacAlgorithm } }
  },
  Decrypt(key: KmsKey, { CiphertextBlob, EncryptionContext }: Input): Answered {
    if (key.spec !== 'SYMMETRIC_DEFAULT') return refusal('InvalidKeyUsageException', 400)
    const plaintext = decrypt(key, Buffer.from(String(CiphertextBlob), 'base64'), EncryptionContext ?? {})
    if (typeof plaintext === 'string') return refusal(plaintext, 400)
    const body = { KeyId: key.arn, Plaintext: plaintext.toString('base64') }
    return { status: 200, body: { ...body, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' } }
  },
} satisfies Record<string, (key: KmsKey, input: Input, truncated: boolean) => Answered>

function refusal(type: string, status: number): Answered {
  const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-errortype': type }
  return { status, body: { __type: type, message: 'said by the stand-in' }, headers }
}

const contextBytes = (context: object) => JSON.stringify(Object.entries(context).sort())

function encrypt(key: KmsKey, plaintext: Uint8Array, context: object): string {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key.material, nonce).setAAD(Buffer.from(contextBytes(context)))
  const sealed = Buffer.concat([cipher.update(plaintext), cipher.final()])
  const name = Buffer.from(key.arn.slice(-36))
  return Buffer.concat([name, nonce, sealed, cipher.getAuthTag()]).toString('base64')
}

function decrypt(key: KmsKey, blob: Buffer, context: object): Buffer | string {
  if (blob.length < 64 || !key.arn.endsWith(blob.toString('latin1', 0, 36))) return 'IncorrectKeyException'
  const decipher = createDecipheriv('aes-256-gcm', key.material, blob.subarray(36, 48))
  decipher.setAAD(Buffer.from(contextBytes(context))).setAuthTag(blob.subarray(-16))
  try {
    return Buffer.concat([decipher.update(blob.subarray(48, -16)), decipher.final()])
  } catch {
    return 'InvalidCiphertextException'
  }
}

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/kms\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/

/** Signature Version 4 over the headers and the hash of the body; `null` = signed as it has to be. */
function signatureFlaw({ method, path, headers, body }: Asked): string | null {
  const match = AUTHORIZATION.exec(String(headers['authorization']))
  if (match === null) return 'MissingAuthenticationTokenException'
  const [, id = '', day = '', region = '', names = '', signature = ''] = match
  if (id !== CREDENTIALS.accessKeyId) return 'UnrecognizedClientException'
  if (headers['x-amz-security-token'] !== CREDENTIALS.sessionToken) return 'UnrecognizedClientException'
  const date = String(headers['x-amz-date'])
  const at = date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z')
  if (!date.startsWith(day) || !(Math.abs(Date.now() - Date.parse(at)) < MAX_SKEW_MS)) {
    return 'InvalidSignatureException'
  }
  const signed = names.split(';')
  const needed = ['host', 'x-amz-date', 'x-amz-target', 'x-amz-security-token', 'content-type']
  if (region !== REGION || !needed.every((name) => signed.includes(name))) return 'InvalidSignatureException'
  const lines = signed.map((name) => `${name}:${String(headers[name]).trim()}\n`).join('')
  const request = [method, path, '', lines, names, sha256(body)].join('\n')
  const text = ['AWS4-HMAC-SHA256', date, `${day}/${region}/kms/aws4_request`, sha256(request)].join('\n')
  const key = [day, region, 'kms', 'aws4_request'].reduce(
    hmac,
    Buffer.from(`AWS4${CREDENTIALS.secretAccessKey}`),
  )
  return hmac(key, text).toString('hex') === signature ? null : 'InvalidSignatureException'
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
