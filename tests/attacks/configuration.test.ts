import { generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
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

  test('without a root key does not start, and makes none', async () => {
    using folder = scratch()
    await expect(startTokenizer(config(folder.path))).rejects.toMatchObject({ code: 'root_key_missing' })
  })
})
