import { generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import { createFileRootKey } from '@lunadefend/stores/root-keys'
import { startTokenizer } from '@lunadefend/tokenizer'
import { describe, expect, test } from 'vitest'
import { parseConfig } from '../../packages/tokenizer/src/config.ts'
import { scratch } from '../harness/directory.ts'

const SECRET = 'secret-078051120'
const jwkOf = (key: 'publicKey' | 'privateKey', type: 'ed25519' | 'ec') => {
  const pair =
    type === 'ec' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519')
  return pair[key].export({ format: 'jwk' }) as Record<string, unknown>
}
const publicKey = { ...jwkOf('publicKey', 'ed25519'), kid: 'k', alg: 'EdDSA' }

const operator = () => ({
  id: 'ops',
  jwks: { keys: [{ ...jwkOf('publicKey', 'ed25519'), kid: 'k', alg: 'EdDSA' }] },
})

// biome-ignore lint/suspicious/noExplicitAny: every test bends another part of it
function config(directory = '/nowhere'): any {
  return {
    publicUrl: 'http://localhost:1',
    listen: { host: '127.0.0.1', port: 0 },
    rootKeys: [{ provider: 'file', path: join(directory, 'root.key') }],
    database: { engine: 'sqlite', file: join(directory, 'tokenizer.sqlite') },
    objectStore: {
      endpoint: 'http://localhost:2',
      region: 'us-east-1',
      bucket: 'lunadefend',
      addressing: 'path',
      credentials: { accessKeyId: SECRET, secretAccessKey: SECRET },
    },
    apps: [
      { id: 'acme', origins: ['http://localhost:3'], jwks: { keys: [{ ...publicKey }] }, cookies: 'strict' },
    ],
    logLevel: 'silent',
  }
}

// biome-ignore lint/suspicious/noExplicitAny: as above
type Bend = (config: any) => void

describe('a configuration', () => {
  test('that is right is taken, and cannot be changed any more', () => {
    const parsed = parseConfig(config())
    expect(parsed.apps[0]?.id).toBe('acme')
    expect(() => Object.assign(parsed.apps[0] as object, { id: 'other' })).toThrow(TypeError)
  })

  const wrong: [string, Bend][] = [
    ['a private key of an app', (c) => Object.assign(c.apps[0].jwks.keys[0], jwkOf('privateKey', 'ed25519'))],
    ['a shared secret as a key', (c) => (c.apps[0].jwks.keys[0] = { kty: 'oct', k: SECRET, kid: 'k', alg: 'HS256' })],
    ['a key of another algorithm', (c) => (c.apps[0].jwks.keys[0].alg = 'RS256')],
    ['a key for encryption', (c) => (c.apps[0].jwks.keys[0].use = 'enc')],
    ['a key without a name', (c) => delete c.apps[0].jwks.keys[0].kid],
    ['an operator with the id of an app', (c) => (c.operators = [{ ...operator(), id: 'acme' }])],
    ['two operators with one id', (c) => (c.operators = [operator(), operator()])],
    ['an operator with the key of an app', (c) => (c.operators = [{ ...operator(), jwks: c.apps[0].jwks }])],
    ['an operator with the key of an app, in another spelling', (c) => (c.operators = [{ id: 'ops', jwks: { keys: [{ ...publicKey, x: `${(publicKey as { x?: string }).x}=` }] } }])],
    ['two keys of an app with one name', (c) => c.apps[0].jwks.keys.push({ ...jwkOf('publicKey', 'ed25519'), kid: 'k', alg: 'EdDSA' })],
    ['an operator without keys', (c) => (c.operators = [{ ...operator(), jwks: { keys: [] } }])],
    ['an operator with a private key', (c) => (c.operators = [{ id: 'ops', jwks: { keys: [{ ...jwkOf('privateKey', 'ed25519'), kid: 'k', alg: 'EdDSA' }] } }])],
    ['an app that has keys here and elsewhere', (c) => (c.apps[0].jwksUrl = 'https://app.test/jwks.json')],
    ['an app that has keys nowhere', (c) => delete c.apps[0].jwks],
    ...['http://app.test/jwks.json', `https://u:${SECRET}@app.test/`, 'ftp://app.test/', 'http://localhost.app.test/', 'file:///etc/passwd'].map(
      (url): [string, Bend] => [`keys at ${new URL(url).protocol}//${new URL(url).hostname}`, (c) => { delete c.apps[0].jwks; c.apps[0].jwksUrl = url }]),
    ['certificates for nothing', (c) => (c.apps[0].caFile = 'ca.pem')],
    ['an app without keys', (c) => (c.apps[0].jwks.keys = [])],
    ['an app without origins', (c) => (c.apps[0].origins = [])],
    ["the origin '*'", (c) => (c.apps[0].origins = ['*'])],
    ['an origin with a path', (c) => (c.apps[0].origins = ['http://localhost:3/'])],
    ['an origin that goes on', (c) => (c.apps[0].origins = ['http://localhost:3;x'])],
    ['an origin with a user', (c) => (c.apps[0].origins = ['http://a@localhost:3'])],
    ['an upper-case origin', (c) => (c.apps[0].origins = ['http://LOCALHOST:3'])],
    ["a public URL with its scheme's own port", (c) => (c.publicUrl = 'https://t.test:443')],
    ['an origin with words of a policy', (c) => (c.apps[0].origins = ['http://localhost:3; script-src *'])],
    ['an upper-case app', (c) => (c.apps[0].id = 'Acme')],
    ['two apps of one name', (c) => c.apps.push(c.apps[0])],
    ['no app', (c) => (c.apps = [])],
    ['a public URL with a slash', (c) => (c.publicUrl = 'http://localhost:1/')],
    ['an unknown setting', (c) => (c.extra = SECRET)],
    ['an unknown setting of the store', (c) => (c.objectStore.credentials.anything = SECRET)],
    ['a port that is text', (c) => (c.listen.port = '80')],
    ['no root keys', (c) => delete c.rootKeys],
    ['an empty list of root keys', (c) => (c.rootKeys = [])],
    ['a level that tells more', (c) => (c.logLevel = 'trace')],
    ...['../good.woff2', 'more/good.woff2', '/etc/good.woff2', '..\\good.woff2', 'good.ttf', '.woff2', 'https://fonts.test/a.woff2', 'a.woff2/', 'a.woff2\n', ''].map(
      (file): [string, Bend] => [`${JSON.stringify(file)} as the file of a font`, (c) => (c.frame = { fontFolder: '/nowhere', fonts: [{ family: SECRET, files: [{ file }] }] })]),
    ['a font with an unknown setting', (c) => (c.frame = { fontFolder: '/nowhere', fonts: [{ family: 'A', files: [{ file: 'a.woff2', src: SECRET }] }] })],
    ['a font without files', (c) => (c.frame = { fontFolder: '/nowhere', fonts: [{ family: 'A', files: [] }] })],
    ['no fonts in a folder', (c) => (c.frame = { fontFolder: '/nowhere', fonts: [] })],
    ['fonts without a folder', (c) => (c.frame = { fonts: [{ family: 'A', files: [{ file: 'a.woff2' }] }] })],
    ['grants of more than 30 days', (c) => (c.grants = { maxTtl: '721h' })],
    ['grants of no time', (c) => (c.grants = { maxTtl: 0 })],
    ['a default beyond the maximum', (c) => (c.grants = { maxTtl: '5m', defaultTtl: '6m' })],
    ['a default that is no time', (c) => (c.grants = { defaultTtl: SECRET })],
    ['no grant for any session', (c) => (c.grants = { maxPerSession: 0 })],
  ] // biome-ignore format: a table
  test.each(wrong)('with %s is refused, and nothing of it is repeated', (_what, bend) => {
    const bent = config()
    bend(bent)
    let refusal: unknown
    try {
      parseConfig(bent)
    } catch (error) {
      refusal = error
    }
    expect(refusal).toMatchObject({ code: 'config_invalid' })
    expect(String(refusal)).not.toContain(SECRET)
  })

  test('whose keys do not fit their algorithm does not start', async () => {
    const bent = config()
    bent.apps[0].jwks.keys[0] = { ...jwkOf('publicKey', 'ec'), kid: 'k', alg: 'EdDSA' }
    await expect(startTokenizer(bent)).rejects.toThrow()
  })

  const wrongKeys: [string, object][] = [
    ['an unknown provider', { provider: 'memory' }],
    ['a key in clear', { provider: 'file', path: 'root.key', key: SECRET }],
    ['another sentence', { provider: 'file', path: 'root.key', allowKeyOnThisHost: SECRET }],
    ['a kid that is none', { provider: 'file', path: 'root.key', kid: SECRET }],
    ['a PIN in clear', { provider: 'pkcs11', library: 'x', token: 't', key: 'k', pin: SECRET }],
    ['no mode of KMS', { provider: 'aws-kms', keyId: 'k' }],
    ['KMS without an encryption context', { provider: 'aws-kms', mode: 'decrypt-at-boot', keyId: 'k', ciphertext: 'AAAA', encryptionContext: {} }],
    ['Vault over plain HTTP', { provider: 'vault-transit', address: 'http://vault.test', key: 'k', version: 1, tokenFile: 't' }],
    ['Vault with the latest version', { provider: 'vault-transit', address: 'https://vault.test', key: 'k', version: 0, tokenFile: 't' }],
    ['Vault with a path in the key', { provider: 'vault-transit', address: 'https://vault.test', key: '../k', version: 1, tokenFile: 't' }],
    ['Vault with a token in clear', { provider: 'vault-transit', address: 'https://vault.test', key: 'k', version: 1, token: SECRET }],
  ] // biome-ignore format: a table
  test.each(wrongKeys)(
    'with a root key that has %s is refused, and nothing of it is repeated',
    (_what, entry) => {
      let refusal: unknown
      try {
        parseConfig({ ...config(), rootKeys: [entry] })
      } catch (error) {
        refusal = error
      }
      expect(refusal).toMatchObject({ code: 'config_invalid' })
      expect(String(refusal)).not.toContain(SECRET)
    },
  )

  test.each([
    'https://tokenizer.example.com',
    'http://192.168.1.5:8080',
    'https://localhost.example.com',
    'http://127.0.0.1.example.com',
    'http://127.example.com',
  ])('for %s, where others are served, takes no root key from a disk', async (publicUrl) => {
    using folder = scratch()
    await createFileRootKey(join(folder.path, 'root.key'))
    await expect(startTokenizer({ ...config(folder.path), publicUrl })).rejects.toMatchObject({
      code: 'root_key_on_disk',
    })
  })

  test.each(['http://localhost:1', 'https://app.localhost:1', 'http://127.0.0.1:1', 'http://[::1]:1'])(
    'for %s, where the developer sits, looks for the file',
    async (publicUrl) => {
      using folder = scratch()
      await expect(startTokenizer({ ...config(folder.path), publicUrl })).rejects.toMatchObject({
        code: 'root_key_missing',
      })
    },
  )

  test('reads a root key from the environment once, and removes it there', async () => {
    const environment = { ROOT_KEY: SECRET }
    const rootKeys = [{ provider: 'env', variable: 'ROOT_KEY' }]
    const start = startTokenizer({ ...config(), rootKeys }, { environment })
    await expect(start).rejects.toMatchObject({ code: 'root_key_damaged' })
    expect(environment).toEqual({})
  })

  test('without a root key does not start, and makes none', async () => {
    using folder = scratch()
    await expect(startTokenizer(config(folder.path))).rejects.toMatchObject({ code: 'root_key_missing' })
  })
})
