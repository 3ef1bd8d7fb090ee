import { generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import { createFileRootKey } from '@lunadefend/stores/root-keys'
import { startTokenizer, type TokenizerConfig } from '@lunadefend/tokenizer'
import { describe, expect, test } from 'vitest'
import { type Flaws, startCarelessStore } from '../../packages/stores/test/s3-careless-store.ts'
import { scratch } from '../harness/directory.ts'

const publicKey = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }) as { x: string }
const app: TokenizerConfig['apps'][number] = {
  id: 'acme',
  origins: ['http://localhost:3'],
  jwks: { keys: [{ kid: 'k', alg: 'EdDSA', kty: 'OKP', crv: 'Ed25519', x: publicKey.x }] },
  cookies: 'strict',
}

/** Starts a Tokenizer over a store that takes SSE-C headers, and does with them what it likes; says how that ended. */
async function start(flaws: Flaws, changes: Partial<TokenizerConfig> = {}, probe?: 'off') {
  using folder = scratch()
  await using store = await startCarelessStore(flaws)
  const lines: string[] = []
  const rootKey = join(folder.path, 'root.key')
  await createFileRootKey(rootKey)
  const config: TokenizerConfig = {
    publicUrl: 'http://localhost:1',
    listen: { host: '127.0.0.1', port: 0 },
    rootKeys: [{ provider: 'file', path: rootKey }],
    database: { engine: 'sqlite', file: join(folder.path, 'tokenizer.sqlite') },
    objectStore: {
      endpoint: store.endpoint,
      region: 'us-east-1',
      bucket: 'values',
      addressing: 'path',
      credentials: { accessKeyId: 'AN-ACCESS-KEY', secretAccessKey: 'a secret of some length' },
      ...(probe === undefined ? {} : { probe }),
    },
    apps: [app],
    logLevel: 'warn',
    ...changes,
  }
  // The careless store lives at a time of its own, and so must whoever signs for it.
  const surroundings = {
    clock: { now: () => Date.UTC(2026, 0, 2, 3, 4, 5) },
    logTo: { write: (line: string) => void lines.push(line) },
  }
  const outcome = await startTokenizer(config, surroundings).then(
    async (tokenizer) => {
      await tokenizer.close()
      return 'started'
    },
    (error: { code?: unknown }) => error.code,
  )
  return { outcome, said: lines.join(''), asked: store.asked, kept: store.objects.size }
}

describe('a store that keeps values readable', () => {
  test.each([{ keepsReadable: true }, { takesAnyKey: true }])('gets none: %o', async (flaws) => {
    const { outcome, said, kept } = await start(flaws)
    expect(outcome).toBe('objects_readable')
    expect(said).toMatch(/"objectStore":"(no|other)-key"/)
    expect(said).not.toContain('a secret of some length')
    expect(kept).toBe(0)
  })

  test('will do where clients encrypt end to end, and nothing else is allowed', async () => {
    expect((await start({ keepsReadable: true }, { protection: 'require-end-to-end' })).outcome).toBe(
      'started',
    )
    const mixed = await start({ keepsReadable: true }, { protection: 'prefer-end-to-end' })
    expect(mixed.outcome).toBe('objects_readable')
  })

  test('is taken where the probe is switched off, which nobody should do', async () => {
    const { outcome, asked } = await start({ keepsReadable: true }, {}, 'off')
    expect(outcome).toBe('started')
    expect(asked).not.toContain('PUT')
  })
})

test('what is lacking is one line each in the log, and what is well is none', async () => {
  const good = await start({})
  expect([good.outcome, good.said]).toEqual(['started', ''])
  const { outcome, said } = await start({ overwrites: true, versions: true })
  expect(outcome).toBe('started')
  expect(
    said
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).objectStore),
  ).toEqual(['write-once', 'versions'])
})
