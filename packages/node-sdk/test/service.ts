import { join } from 'node:path'
import { freePort } from '@lunadefend/testing'
import { startTokenizer, type TokenizerConfig } from '@lunadefend/tokenizer'
import { type Answer, type Detour, type Question, startDetour } from '../../../tests/harness/detour.ts'
import { APP, CREDENTIALS, type House, openHouse } from '../../../tests/harness/house.ts'
import { LunaDefend, type LunaDefendOptions } from '../src/index.ts'
import { makeKey } from './keys.ts'

/** Two Tokenizers over the same stores: one asks for end-to-end encryption. All that the object store sees goes by a detour. */
export interface Service extends AsyncDisposable {
  readonly house: House
  readonly detour: Detour
  /** Another instance of the SDK, as another process has it. */
  newClient(protection?: Protection, more?: Partial<LunaDefendOptions>): LunaDefend
}
export type Protection = 'store' | 'end-to-end'

export async function openService(): Promise<Service> {
  const detours: Detour[] = []
  const house = await openHouse({
    async viaPort(port) {
      const detour = await startDetour(port)
      detours.push(detour)
      return detour.port
    },
  })
  const [detour] = detours
  if (detour === undefined) throw new Error('There is no detour.')
  const key = await makeKey('EdDSA')
  const urls = new Map<Protection, string>()
  const open: AsyncDisposable[] = []
  for (const protection of ['store', 'end-to-end'] as const) {
    const port = await freePort()
    const publicUrl = `http://localhost:${port}`
    urls.set(protection, publicUrl)
    const config = configOf(house, publicUrl, port, protection, key.publicJwk as PublicKey)
    const tokenizer = await startTokenizer(config, { clock: house.clock })
    open.push({ [Symbol.asyncDispose]: () => tokenizer.close() })
  }
  return {
    house,
    detour,
    newClient: (protection = 'store', more = {}) =>
      new LunaDefend({
        tokenizerUrl: urls.get(protection) ?? '',
        app: APP,
        signingKey: key.privateJwk,
        ...more,
      }),
    async [Symbol.asyncDispose]() {
      for (const each of [...open, house, detour]) await each[Symbol.asyncDispose]()
    },
  }
}

type PublicKey = NonNullable<TokenizerConfig['apps'][number]['jwks']>['keys'][number]

function configOf(
  house: House,
  publicUrl: string,
  port: number,
  protection: Protection,
  publicKey: PublicKey,
): TokenizerConfig {
  return {
    publicUrl,
    listen: { host: '127.0.0.1', port },
    rootKeys: [{ provider: 'file', path: join(house.directory, 'first.root-key') }],
    database: { engine: 'sqlite', file: house.databaseFile },
    objectStore: {
      endpoint: house.objectsUrl,
      region: 'us-east-1',
      bucket: 'values',
      addressing: 'path',
      credentials: CREDENTIALS,
      probe: 'off',
    },
    apps: [{ id: APP, origins: ['http://localhost:3999'], jwks: { keys: [publicKey] }, cookies: 'strict' }],
    protection: protection === 'store' ? 'store' : 'require-end-to-end',
    logLevel: 'silent',
  }
}

/** An object store that says so of some requests: the first `times` of those that fit. */
export function saying(
  { status, code }: { readonly status: number; readonly code: string },
  fits: (question: Question) => boolean,
  times = Number.POSITIVE_INFINITY,
): (question: Question) => Answer | null {
  let left = times
  return (question) => {
    if (left <= 0 || !fits(question)) return null
    left -= 1
    return {
      status,
      headers: { 'content-type': 'application/xml' },
      body: `<Error><Code>${code}</Code></Error>`,
    }
  }
}

/** Of the exchange that is going on: which part of an upload it carries. */
export function partNumberOf(path: string): number {
  return Number(new URL(path, 'http://objects').searchParams.get('partNumber'))
}
