import { generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LunaDefend } from '@lunadefend/node-sdk'
import { startObjectStore } from '@lunadefend/object-store'
import { createFileRootKey } from '@lunadefend/stores/root-keys'
import { freePort } from '@lunadefend/testing'
import { startTokenizer, type TokenizerConfig } from '@lunadefend/tokenizer'
import { expect, test } from 'vitest'
import { startVault } from '../packages/stores/test/vault-stand-in.ts'
import { scratch } from './harness/directory.ts'

const TOKEN = 'hvs.a-token-of-the-tokenizer'
const VALUE = '078-05-1120'
const SESSION = 'a-login'

/** A Tokenizer whose root key is in Vault, the store behind it, and an app's server before it. */
async function installation() {
  const stack = new AsyncDisposableStack()
  const folder = stack.use(scratch())
  const file = (name: string) => join(folder.path, name)
  const vault = stack.use(await startVault({ mount: 'transit' }))
  vault.tokens.add(TOKEN)
  vault.createKey('root-key')
  writeFileSync(file('token'), TOKEN)
  const [port, objects] = [await freePort(), await freePort()]
  const url = `http://localhost:${port}`
  const credentials = { accessKeyId: 'AN-ACCESS-KEY', secretAccessKey: 'a secret of some length' }
  const bucket = { bucket: 'values', region: 'us-east-1', credentials }
  const masterKey = new Uint8Array(32)
  const store = { directory: file('objects'), port: objects, ...bucket, masterKey, corsOrigins: [url] }
  stack.use(await startObjectStore(store))
  const keyOf = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' }) as JsonWebKey
  const signingKey = { ...keyOf, kid: 'k', alg: 'EdDSA' }
  const { d: _, ...publicKey } = signingKey
  const config = (rootKeys: TokenizerConfig['rootKeys']) =>
    ({
      publicUrl: url,
      listen: { host: '127.0.0.1', port },
      rootKeys,
      database: { engine: 'sqlite', file: file('tokenizer.sqlite') },
      objectStore: { endpoint: `http://localhost:${objects}`, addressing: 'path', ...bucket },
      apps: [{ id: 'acme', origins: ['http://localhost:3'], jwks: { keys: [publicKey] }, cookies: 'strict' }],
      logLevel: 'silent',
    }) as TokenizerConfig
  const inVault = { provider: 'vault-transit', address: vault.url, key: 'root-key', version: 1 } as const
  return {
    ...{ vault, file, url },
    inVault: { ...inVault, tokenFile: file('token') },
    start: (rootKeys: TokenizerConfig['rootKeys']) => startTokenizer(config(rootKeys)),
    server: new LunaDefend({ tokenizerUrl: url, app: 'acme', signingKey: JSON.stringify(signingKey) }),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

test('while what holds the root key is away nothing is revealed, and it goes on when that is back', async () => {
  await using on = await installation()
  await using _ = await on.start([on.inVault])
  const token = await on.server.tokenize(SESSION, VALUE)
  await on.server.grants.create(SESSION, token)
  expect(await on.server.detokenizeText(SESSION, token)).toBe(VALUE)

  on.vault.sealed = true
  await expect(on.server.detokenizeText(SESSION, token)).rejects.toMatchObject({ code: 'unavailable' })
  await expect(on.server.tokenize(SESSION, VALUE)).rejects.toMatchObject({ code: 'unavailable' })
  const ready = await fetch(`${on.url}/ready`)
  expect(ready.status).toBe(503)
  expect((await ready.json()).data.checks).toMatchObject({ rootKey: 'failing', database: 'ok' })

  on.vault.sealed = false
  await expect.poll(() => on.server.detokenizeText(SESSION, token).catch(() => null)).toBe(VALUE)
})

test('a new root key before the old one: old values stay readable, new ones do without the old one', async () => {
  await using on = await installation()
  const before = await on.start([on.inVault])
  const old = await on.server.tokenize(SESSION, VALUE)
  await before.close()

  await createFileRootKey(on.file('root.key'))
  await using _ = await on.start([{ provider: 'file', path: on.file('root.key') }, on.inVault])
  const fresh = await on.server.tokenize(SESSION, VALUE)
  await on.server.grants.create(SESSION, [old, fresh])
  expect(await on.server.detokenizeText(SESSION, old)).toBe(VALUE)
  on.vault.sealed = true
  expect(await on.server.detokenizeText(SESSION, fresh)).toBe(VALUE)
  await expect(on.server.detokenizeText(SESSION, old)).rejects.toMatchObject({ code: 'unavailable' })
})
