import { createHmac, randomBytes } from 'node:crypto'
import { deriveKid } from '@lunadefend/core'
import { rootKeysContract } from '@lunadefend/core/port-contracts'
import { type OpenRootKeys, openRootKeys, type RootKeyEntry } from '@lunadefend/stores/root-keys'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CREDENTIALS, type KmsStandIn, REGION, startKms } from './kms-stand-in.ts'

const LIMITS = { firstWaitMs: 2, openMs: 50 }
const here = (limits = {}) => ({ environment: {}, production: true, limits: { ...LIMITS, ...limits } })
const CONTEXT = { purpose: 'lunadefend-root-key' }

// The AWS default chain reads the environment first.
const VARIABLES = {
  AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
  AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
  AWS_SESSION_TOKEN: CREDENTIALS.sessionToken,
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_CONFIG_FILE: '/nowhere/config',
}
beforeAll(() => {
  Object.assign(process.env, VARIABLES)
  for (const name of ['AWS_REGION', 'AWS_DEFAULT_REGION', 'AWS_PROFILE']) delete process.env[name]
})
afterAll(() => {
  for (const name of Object.keys(VARIABLES)) delete process.env[name]
})

function macEntry(url: string, keyId: string, kid?: string): RootKeyEntry {
  const entry = { provider: 'aws-kms', mode: 'generate-mac', keyId, region: REGION, endpoint: url } as const
  return kid === undefined ? entry : { ...entry, kid }
}

rootKeysContract('AWS KMS, GenerateMac,', {
  faults: [
    'silence',
    'throttling',
    'server error',
    'half an answer',
    'a malformed answer',
    'a truncated output',
  ],
  whileDisabled: 'root_key_disabled',
  open: async (material, attemptMs) => {
    const stack = new AsyncDisposableStack()
    const kms = stack.use(await startKms())
    const key = kms.createKey('HMAC_256', material ?? randomBytes(32))
    const other = kms.createKey('HMAC_256')
    kms.alias('alias/root-key', key)
    const limits = attemptMs === undefined ? {} : { attemptMs }
    const open = async (kid?: string): Promise<OpenRootKeys> =>
      stack.use(await openRootKeys([macEntry(kms.url, 'alias/root-key', kid)], here(limits)))
    return {
      rootKeys: await open(),
      reopen: open,
      secrets: [CREDENTIALS.secretAccessKey, CREDENTIALS.sessionToken, key.material.toString('base64')],
      holder: {
        spoil: kms.spoil,
        disable: async () => {
          key.state = 'Disabled'
        },
        enable: async () => {
          key.state = 'Enabled'
        },
        replaceKey: async () => kms.alias('alias/root-key', other),
        restoreKey: async () => kms.alias('alias/root-key', key),
      },
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    }
  },
})

rootKeysContract('AWS KMS, decrypted at start,', {
  faults: [],
  whileDisabled: null,
  open: async (material) => {
    const kms = await startKms()
    const key = kms.createKey('SYMMETRIC_DEFAULT')
    const ciphertext = kms.encrypt(key, material ?? randomBytes(32), CONTEXT)
    const open = (kid?: string) =>
      openRootKeys([dataKeyEntry(kms.url, key.arn, ciphertext, CONTEXT, kid)], here())
    const secrets = [CREDENTIALS.secretAccessKey, ciphertext]
    return {
      rootKeys: await open(),
      reopen: open,
      secrets,
      holder: null,
      [Symbol.asyncDispose]: () => kms[Symbol.asyncDispose](),
    }
  },
})

function dataKeyEntry(
  endpoint: string,
  keyId: string,
  ciphertext: string,
  encryptionContext: Record<string, string>,
  kid?: string,
): RootKeyEntry {
  const entry = {
    ...({ provider: 'aws-kms', mode: 'decrypt-at-boot', keyId, region: REGION, endpoint } as const),
    ...{ ciphertext, encryptionContext },
  }
  return kid === undefined ? entry : { ...entry, kid }
}

describe('AWS KMS, GenerateMac', () => {
  async function given() {
    const kms = await startKms()
    const key = kms.createKey('HMAC_256')
    return { kms, key, open: (keyId = key.arn) => openRootKeys([macEntry(kms.url, keyId)], here()) }
  }

  test('each output is asked for: nothing is kept', async () => {
    const { kms, open } = await given()
    await using _ = kms
    await using keys = await open()
    const before = kms.asked.length
    for (let round = 0; round < 5; round++) await keys.prf(keys.activeKid, Buffer.from('the same'))
    expect(kms.asked.length - before).toBe(5)
  })

  test('the request names the action, the algorithm and the key, and holds no more than that', async () => {
    const { kms, key, open } = await given()
    await using _ = kms
    await using _keys = await open()
    const [asked] = kms.asked
    expect(asked?.headers['x-amz-target']).toBe('TrentService.GenerateMac')
    const message = JSON.parse(asked?.body ?? '')
    expect(Object.keys(message).sort()).toEqual(['KeyId', 'MacAlgorithm', 'Message'])
    expect(message).toMatchObject({ KeyId: key.arn, MacAlgorithm: 'HMAC_SHA_256' })
  })

  test('an id and an ARN name a key, too', async () => {
    const { kms, key, open } = await given()
    await using _ = kms
    await using byArn = await open(key.arn)
    await using byId = await open(key.arn.slice(-36))
    expect(byId.activeKid).toBe(byArn.activeKid)
  })

  type Does = (kms: KmsStandIn) => string | undefined
  const forbid: Does = (kms) => {
    kms.allowed = new Set(['kms:Decrypt'])
    return undefined
  }
  const pendingDeletion: Does = (kms) => {
    const key = kms.createKey('HMAC_256')
    key.state = 'PendingDeletion'
    return key.arn
  }
  const REFUSALS: [what: string, code: string, does: Does][] = [
    ['a policy that does not allow it', 'root_key_refused', forbid],
    ['a key that is not there', 'root_key_missing', () => '00000000-0000-0000-0000-000000000000'],
    ['a key for encryption', 'root_key_refused', (kms) => kms.createKey('SYMMETRIC_DEFAULT').arn],
    ['a key that is to be deleted', 'root_key_disabled', pendingDeletion],
  ]
  test.each(REFUSALS)('%s is refused at start, at once', async (_what, code, does) => {
    const { kms, open } = await given()
    await using _ = kms
    const keyId = does(kms)
    await expect(open(keyId)).rejects.toMatchObject({ code })
    expect(kms.asked).toHaveLength(1)
  })

  test('credentials that are wrong are refused, and not shown', async () => {
    const { kms, open } = await given()
    await using _ = kms
    process.env['AWS_SECRET_ACCESS_KEY'] = 'another-secret-access-key'
    try {
      const failure = await open().catch((error: Error) => error)
      expect(failure).toMatchObject({ code: 'root_key_refused' })
      expect(String(failure)).not.toContain('another-secret')
    } finally {
      Object.assign(process.env, VARIABLES)
    }
  })

  test('no region is said, not guessed', async () => {
    const { kms, key } = await given()
    await using _ = kms
    const { region: _region, ...entry } = macEntry(kms.url, key.arn) as RootKeyEntry & { region?: string }
    const failure = openRootKeys([entry], here())
    await expect(failure).rejects.toMatchObject({ code: 'root_key_refused' })
    expect(kms.asked).toHaveLength(0)
  })

  test('while it is down, another root key answers as ever', async () => {
    const { kms, key } = await given()
    await using _ = kms
    const material = randomBytes(32)
    const kid = await deriveKid(async (input) => createHmac('sha256', material).update(input).digest())
    const line = `lunadefend-root-key-v1 ${material.toString('base64')} ${kid}`
    const entries: RootKeyEntry[] = [macEntry(kms.url, key.arn), { provider: 'env', variable: 'OLD' }]
    await using keys = await openRootKeys(entries, { ...here(), environment: { OLD: line } })
    expect(keys.kids).toEqual([keys.activeKid, kid])
    kms.spoil('server error', Number.POSITIVE_INFINITY)
    await expect(keys.prf(keys.activeKid, randomBytes(32))).rejects.toMatchObject({
      code: 'root_key_unreachable',
    })
    expect(await keys.prf(kid, Buffer.from('x'))).toEqual(createHmac('sha256', material).update('x').digest())
  })

  test('nobody there is unreachable', async () => {
    const { kms, key } = await given()
    await kms[Symbol.asyncDispose]()
    const entry = macEntry(kms.url, key.arn)
    await expect(openRootKeys([entry], here())).rejects.toMatchObject({ code: 'root_key_unreachable' })
  })
})

describe('AWS KMS, decrypted at start', () => {
  async function given(plaintext: Uint8Array = randomBytes(32)) {
    const kms = await startKms()
    const key = kms.createKey('SYMMETRIC_DEFAULT')
    const ciphertext = kms.encrypt(key, plaintext, CONTEXT)
    const open = (text = ciphertext, context: Record<string, string> = CONTEXT, keyId = key.arn) =>
      openRootKeys([dataKeyEntry(kms.url, keyId, text, context)], here())
    return { kms, key, ciphertext, open }
  }

  test('KMS is asked once, and a key that is disabled later goes on to work here', async () => {
    const { kms, key, open } = await given()
    await using _ = kms
    await using keys = await open()
    key.state = 'Disabled'
    await keys.prf(keys.activeKid, Buffer.from('later'))
    expect(kms.asked).toHaveLength(1)
    await expect(open()).rejects.toMatchObject({ code: 'root_key_disabled' })
  })

  test('another encryption context, a changed ciphertext and another key are refused', async () => {
    const { kms, ciphertext, open } = await given()
    await using _ = kms
    const blob = Buffer.from(ciphertext, 'base64')
    blob[60] = (blob[60] ?? 0) ^ 1
    await expect(open(ciphertext, { purpose: 'else' })).rejects.toMatchObject({ code: 'root_key_damaged' })
    await expect(open(blob.toString('base64'))).rejects.toMatchObject({ code: 'root_key_damaged' })
    const other = kms.createKey('SYMMETRIC_DEFAULT').arn
    await expect(open(ciphertext, CONTEXT, other)).rejects.toMatchObject({ code: 'root_key_wrong' })
  })

  test('a data key of another length is damage', async () => {
    const { kms, open } = await given(randomBytes(16))
    await using _ = kms
    await expect(open()).rejects.toMatchObject({ code: 'root_key_damaged' })
  })

  test.each(['throttling', 'server error', 'half an answer'] as const)(
    '%s at start passes',
    async (fault) => {
      const { kms, open } = await given()
      await using _ = kms
      kms.spoil(fault, 1)
      await using keys = await open()
      expect(keys.kids).toHaveLength(1)
    },
  )
})
