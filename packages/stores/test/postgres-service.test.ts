import { join } from 'node:path'
import { LunaDefend } from '@lunadefend/node-sdk'
import { startObjectStore } from '@lunadefend/object-store'
import { readAudit } from '@lunadefend/stores/postgres'
import { createFileRootKey } from '@lunadefend/stores/root-keys'
import { freePort } from '@lunadefend/testing'
import { startTokenizer } from '@lunadefend/tokenizer'
import { exportJWK, generateKeyPair } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RunningPostgres, startPostgres } from '../../../tests/harness/postgres.ts'
import { scratch } from './scratch.ts'

let server: RunningPostgres
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server[Symbol.asyncDispose]())

test('two Tokenizers on one PostgreSQL are one: a value, a grant, a revocation, a deletion', async () => {
  using folder = scratch()
  const name = await server.createDatabase()
  const { privateKey } = await generateKeyPair('EdDSA', { extractable: true })
  const { d, ...publicKey } = { ...(await exportJWK(privateKey)), kid: 'k', alg: 'EdDSA' }
  const credentials = { accessKeyId: 'AN-ACCESS-KEY', secretAccessKey: 'a secret of some length' }
  const [a, b, objects] = [await freePort(), await freePort(), await freePort()]
  const urls = [a, b].map((port) => `http://localhost:${port}`)
  const store = { bucket: 'values', region: 'us-east-1', credentials }
  await using _store = await startObjectStore({
    ...{ ...store, directory: join(folder.path, 'objects'), port: objects, corsOrigins: urls },
    masterKey: new Uint8Array(32),
  })
  const path = join(folder.path, 'root.key')
  await createFileRootKey(path)
  const url = new URL(server.url(name, 'service'))
  const environment: Record<string, string | undefined> = { DATABASE_PASSWORD: url.password }
  url.password = ''
  const start = (port: number) =>
    startTokenizer(
      {
        publicUrl: `http://localhost:${port}`,
        listen: { host: '127.0.0.1', port },
        rootKeys: [{ provider: 'file', path }],
        database: { engine: 'postgres', url: url.href, passwordVariable: 'DATABASE_PASSWORD' },
        objectStore: { ...store, endpoint: `http://localhost:${objects}`, addressing: 'path' },
        apps: [
          {
            id: 'hello',
            origins: ['http://localhost:3'],
            jwks: { keys: [publicKey as never] },
            cookies: 'strict',
          },
        ],
        logLevel: 'silent',
      },
      { environment: { ...environment } },
    )
  await using _first = await start(a)
  await using _second = await start(b)
  const signingKey = JSON.stringify({ ...publicKey, d })
  const [here, there] = urls.map(
    (tokenizerUrl) => new LunaDefend({ tokenizerUrl, app: 'hello', signingKey }),
  ) as [LunaDefend, LunaDefend]
  const token = await here.tokenize('a-login', '078-05-1120')
  await there.grants.create('a-login', token)
  expect(await here.detokenizeText('a-login', token)).toBe('078-05-1120')
  expect(await there.detokenizeText('a-login', token)).toBe('078-05-1120')
  await here.grants.revoke({ sid: 'a-login', tokens: token })
  await expect(there.detokenizeText('a-login', token)).rejects.toMatchObject({ status: 403 })
  await there.grants.create('a-login', token)
  await there.tokens.delete(token)
  await expect(here.detokenizeText('a-login', token)).rejects.toMatchObject({ status: 403 })
  for (const each of urls) expect((await fetch(`${each}/ready`)).status).toBe(200)
  const rows = await readAudit({ url: server.url(name, 'auditor') })
  expect(new Set(rows.map(({ writer }) => writer)).size).toBe(2)
})
