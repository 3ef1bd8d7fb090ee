import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { rootKeysContract } from '@lunadefend/core/port-contracts'
import { openRootKeys, type RootKeyEntry, type RootKeySurroundings } from '@lunadefend/stores/root-keys'
import { describe, expect, test } from 'vitest'
import { selfSigned } from './certificate.ts'
import { scratch } from './scratch.ts'
import { startVault, type VaultSetting, type VaultStandIn } from './vault-stand-in.ts'

const TOKEN = 'hvs.a-token-that-no-error-shows'
const LIMITS = { firstWaitMs: 2, openMs: 50 }
const here = (limits: RootKeySurroundings['limits'] = {}) => ({
  ...{ environment: {}, production: true },
  limits: { ...LIMITS, ...limits },
})

const NOTHING = { method: '', path: '', headers: {}, body: '' }

interface Given extends AsyncDisposable {
  readonly vault: VaultStandIn
  readonly tokenFile: string
  readonly entry: Extract<RootKeyEntry, { provider: 'vault-transit' }>
  open(
    changes?: Partial<RootKeyEntry>,
    limits?: RootKeySurroundings['limits'],
  ): ReturnType<typeof openRootKeys>
}

async function given(setting: Partial<VaultSetting> = {}, material = randomBytes(32)): Promise<Given> {
  const stack = new AsyncDisposableStack()
  const folder = stack.use(scratch())
  const vault = stack.use(await startVault({ mount: 'transit', ...setting }))
  vault.tokens.add(TOKEN)
  vault.createKey('root-key', material)
  const tokenFile = folder.file('token')
  writeFileSync(tokenFile, `${TOKEN}\n`)
  const entry = {
    provider: 'vault-transit',
    address: vault.url,
    key: 'root-key',
    version: 1,
    tokenFile,
  } as const
  const open: Given['open'] = async (changes = {}, limits = {}) => {
    const entries = [{ ...entry, ...changes } as RootKeyEntry]
    return stack.use(await openRootKeys(entries, here(limits)))
  }
  return { vault, tokenFile, entry, open, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

rootKeysContract('Vault transit', {
  faults: [
    'silence',
    'throttling',
    'server error',
    'half an answer',
    'a malformed answer',
    'a truncated output',
  ],
  whileDisabled: 'root_key_disabled',
  open: async (bytes, attemptMs) => {
    const material = Buffer.from(bytes ?? randomBytes(32))
    const on = await given({}, material)
    const limits = attemptMs === undefined ? {} : { attemptMs }
    const key = on.vault.keys.get('root-key') ?? { versions: [], minEncryptionVersion: 0 }
    return {
      rootKeys: await on.open({}, limits),
      reopen: (kid) => on.open(kid === undefined ? {} : { kid }, limits),
      secrets: [TOKEN, material.toString('base64')],
      holder: {
        spoil: on.vault.spoil,
        disable: async () => {
          key.versions.push(randomBytes(32))
          key.minEncryptionVersion = 2
        },
        enable: async () => {
          key.minEncryptionVersion = 1
        },
        // Deleted and made again: name and version are the same.
        replaceKey: async () => void on.vault.createKey('root-key'),
        restoreKey: async () => void on.vault.createKey('root-key', material),
      },
      [Symbol.asyncDispose]: () => on[Symbol.asyncDispose](),
    }
  },
})

describe('Vault transit', () => {
  test('each output is asked for: nothing is kept', async () => {
    await using on = await given()
    const keys = await on.open()
    const before = on.vault.asked.length
    for (let round = 0; round < 5; round++) await keys.prf(keys.activeKid, Buffer.from('the same'))
    expect(on.vault.asked.length - before).toBe(5)
  })

  test('the token is in its header alone, and the version is pinned', async () => {
    await using on = await given()
    await on.open()
    const { method, path, headers, body } = on.vault.asked[0] ?? NOTHING
    expect([method, path]).toEqual(['POST', '/v1/transit/hmac/root-key/sha2-256'])
    expect(headers).toMatchObject({ 'x-vault-token': TOKEN, 'x-vault-request': 'true' })
    expect(`${path}${body}`).not.toContain(TOKEN)
    expect(JSON.parse(body)).toMatchObject({ key_version: 1 })
  })

  test('a mount and a namespace of its own', async () => {
    await using on = await given({ mount: 'teams/secrets', namespace: 'lunadefend/prod' })
    await expect(on.open()).rejects.toMatchObject({ code: 'root_key_missing' })
    const keys = await on.open({ mount: 'teams/secrets', namespace: 'lunadefend/prod' })
    expect(keys.kids).toHaveLength(1)
  })

  test('another version is another key: the old one goes on to answer after a rotation', async () => {
    await using on = await given()
    const first = await on.open()
    on.vault.keys.get('root-key')?.versions.push(randomBytes(32))
    const second = await on.open({ version: 2 })
    expect(second.activeKid).not.toBe(first.activeKid)
    const again = await on.open()
    expect(again.activeKid).toBe(first.activeKid)
  })

  test('an answer of another version than the pinned one is refused, at start as well', async () => {
    await using on = await given()
    on.vault.keys.get('root-key')?.versions.push(randomBytes(32))
    const keys = await on.open()
    on.vault.answeringVersion = 2
    await expect(on.open()).rejects.toMatchObject({ code: 'root_key_wrong' })
    await expect(keys.prf(keys.activeKid, randomBytes(32))).rejects.toMatchObject({ code: 'root_key_wrong' })
  })

  test('a token that an agent has renewed is used at once', async () => {
    await using on = await given()
    const keys = await on.open()
    on.vault.tokens.clear()
    on.vault.tokens.add('hvs.the-next-token')
    await expect(keys.prf(keys.activeKid, randomBytes(32))).rejects.toMatchObject({
      code: 'root_key_refused',
    })
    writeFileSync(on.tokenFile, 'hvs.the-next-token')
    expect(await keys.prf(keys.activeKid, randomBytes(32))).toHaveLength(32)
  })

  test('a sealed Vault is unreachable, and an unsealed one is taken again', async () => {
    await using on = await given()
    const keys = await on.open()
    on.vault.sealed = true
    await expect(keys.prf(keys.activeKid, randomBytes(32))).rejects.toMatchObject({
      code: 'root_key_unreachable',
    })
    on.vault.sealed = false
    await expect.poll(() => keys.prf(keys.activeKid, randomBytes(32)).catch(() => null)).toHaveLength(32)
  })

  const REFUSALS: [what: string, code: string, changes: Record<string, unknown>][] = [
    ['a key that is not there', 'root_key_missing', { key: 'another' }],
    ['a version that is not there', 'root_key_missing', { version: 7 }],
    ['a mount that is not there', 'root_key_missing', { mount: 'elsewhere' }],
    ['a token file that is not there', 'root_key_refused', { tokenFile: '/nowhere/token' }],
    ['a certificate file that is not there', 'root_key_unreachable', { caFile: '/nowhere/ca.pem' }],
  ]
  test.each(REFUSALS)('%s is refused at start', async (_what, code, changes) => {
    await using on = await given()
    await expect(on.open(changes)).rejects.toMatchObject({ code })
  })

  test('TLS: an authority of its own is trusted where the settings say so, and nowhere else', async () => {
    using folder = scratch()
    const { key, cert } = selfSigned()
    writeFileSync(folder.file('ca.pem'), cert)
    await using on = await given({ tls: { key, cert } })
    const limits = { attempts: 1 }
    await expect(on.open({}, limits)).rejects.toMatchObject({ code: 'root_key_unreachable' })
    expect(on.vault.asked).toHaveLength(0)
    const other = selfSigned()
    writeFileSync(folder.file('other.pem'), other.cert)
    await expect(on.open({ caFile: folder.file('other.pem') }, limits)).rejects.toMatchObject({
      code: 'root_key_unreachable',
    })
    expect(on.vault.asked).toHaveLength(0)
    const keys = await on.open({ caFile: folder.file('ca.pem') })
    expect(keys.kids).toHaveLength(1)
  })
})

describe('what is asked elsewhere', () => {
  test('is left alone for a while when it fails in a row, and asked again later', async () => {
    await using on = await given()
    const limits = { failuresToOpen: 4, openMs: 400, attempts: 2 }
    const keys = await on.open({}, limits)
    const ask = () => keys.prf(keys.activeKid, randomBytes(32))
    on.vault.spoil('server error', Number.POSITIVE_INFINITY)
    const before = on.vault.asked.length
    for (let round = 0; round < 10; round++) {
      await expect(ask()).rejects.toMatchObject({ code: 'root_key_unreachable' })
    }
    expect(on.vault.asked.length - before).toBe(4)
    on.vault.spoil('server error', 0)
    await expect.poll(() => ask().catch(() => null)).toHaveLength(32)
  })

  test('is asked so many times at once and no more; the others wait, and too many are refused', async () => {
    await using on = await given()
    const keys = await on.open({}, { concurrency: 3, waiting: 20 })
    const letGo = on.vault.hold()
    const before = on.vault.asked.length
    const asked = Array.from({ length: 40 }, () => keys.prf(keys.activeKid, randomBytes(32)))
    const settling = Promise.allSettled(asked)
    await expect.poll(() => on.vault.asked.length - before).toBe(3)
    letGo()
    const settled = await settling
    expect(on.vault.mostAtOnce()).toBe(3)
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(23)
    const refused = settled.filter((one) => one.status === 'rejected')
    expect(new Set(refused.map(({ reason }) => reason.code))).toEqual(new Set(['root_key_unreachable']))
  })

  test('a refusal is asked once: it does not pass', async () => {
    await using on = await given()
    const keys = await on.open()
    on.vault.tokens.clear()
    const before = on.vault.asked.length
    await expect(keys.prf(keys.activeKid, randomBytes(32))).rejects.toMatchObject({
      code: 'root_key_refused',
    })
    expect(on.vault.asked.length - before).toBe(1)
  })
})
