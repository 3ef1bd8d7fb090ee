import { startTokenizer } from '@lunadefend/tokenizer'
import { type Answer, type Detour, type Question, startDetour } from '../../../tests/harness/detour.ts'
import type { SigningKey } from '../../../tests/harness/handshake.ts'
import { APP, type House, openHouse } from '../../../tests/harness/house.ts'
import { fleetOf } from '../../../tests/harness/tokenizers.ts'
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
    const { publicUrl, settings } = await fleetOf(house)
    urls.set(protection, publicUrl)
    const asked = protection === 'store' ? 'store' : 'require-end-to-end'
    const config = settings([key.publicJwk as SigningKey], { protection: asked })
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
