import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { freePort } from '@lunadefend/testing'
import type { TokenizerConfig } from '@lunadefend/tokenizer'
import { exportJWK, generateKeyPair } from 'jose'
import type { SigningKey } from './handshake.ts'
import { CREDENTIALS, type House } from './house.ts'
import { ORIGIN } from './installation.ts'

/** A Tokenizer among several, behind one public URL, over the stores of a house. */
export interface OneTokenizer extends AsyncDisposable {
  /** Where this one listens. */
  readonly url: string
  /** SIGKILL. */
  kill(): Promise<void>
}

type Settings = Partial<
  Pick<TokenizerConfig, 'alarms' | 'grants' | 'operators' | 'protection' | 'signals' | 'listen'>
>

/** The stores of a house, for Tokenizers. `apps` and the like come on top. */
export async function fleetOf(house: House, postgresUrl: string | null = null) {
  const publicPort = await freePort()
  const publicUrl = `http://localhost:${publicPort}`
  /** With these public keys of the app, listening where the public URL says. */
  const settings = (keys: readonly SigningKey[], more: Settings = {}): TokenizerConfig => ({
    publicUrl,
    listen: { host: '127.0.0.1', port: publicPort },
    rootKeys: [{ provider: 'file', path: join(house.directory, 'first.root-key') }],
    database:
      postgresUrl === null
        ? { engine: 'sqlite', file: house.databaseFile }
        : { engine: 'postgres', url: postgresUrl },
    objectStore: {
      endpoint: house.objectsUrl,
      region: 'us-east-1',
      bucket: 'values',
      addressing: 'path',
      credentials: CREDENTIALS,
      probe: 'off',
    },
    apps: [{ id: 'acme', origins: [ORIGIN], jwks: { keys: keys.map(publicPart) }, cookies: 'strict' }],
    logLevel: 'silent',
    ...more,
  })
  return {
    publicUrl,
    settings,
    /** The first one listens where the public URL says. */
    start(keys: readonly SigningKey[], port = publicPort, more: Settings = {}): Promise<OneTokenizer> {
      return startProcess(settings(keys, { ...more, listen: { host: '127.0.0.1', port } }))
    },
  }
}

async function startProcess(config: TokenizerConfig): Promise<OneTokenizer> {
  const child = fork(new URL('./tokenizer-process.ts', import.meta.url), [JSON.stringify(config)])
  const ready = once(child, 'message')
  const gone = once(child, 'exit').then(() => null)
  const first = await Promise.race([ready, gone])
  if (first === null) throw new Error('The Tokenizer did not start.')
  const [{ port }] = first as [{ port: number }]
  const kill = async () => {
    child.kill('SIGKILL')
    await gone
  }
  return { url: `http://localhost:${port}`, kill, [Symbol.asyncDispose]: kill }
}

type PublicKey = NonNullable<TokenizerConfig['apps'][number]['jwks']>['keys'][number]

export function publicPart({ d: _, ...rest }: SigningKey): PublicKey {
  return rest as unknown as PublicKey
}

export async function newSigningKey(kid: string): Promise<SigningKey> {
  const { privateKey } = await generateKeyPair('Ed25519', { extractable: true })
  return { ...(await exportJWK(privateKey)), kid, alg: 'EdDSA' }
}
