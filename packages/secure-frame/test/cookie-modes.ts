import { expect } from 'vitest'
import { eventually, type Mounted, type Stage, type Surroundings, startStage } from './stage.ts'
import type { StandIn } from './stand-in.ts'

/** What a user, or an administrator, has set in Chromium, as it stands in the profile. */
export const PREFERENCES = {
  /** Third-party cookies only where they are partitioned; what Debian's Chromium does by itself. */
  blocked: { profile: { cookie_controls_mode: 1, block_third_party_cookies: true } },
  allowed: { profile: { cookie_controls_mode: 0, block_third_party_cookies: false } },
  /** No cookie and no storage for the host of the Tokenizer: partitioned or not. */
  none: { profile: { content_settings: { exceptions: { cookies: { 'localhost,*': { setting: 2 } } } } } },
}

export interface Mode extends Surroundings {
  readonly change?: (world: StandIn) => void
  /** Where the credential is in the end. */
  readonly keep: 'cookie' | 'memory'
  /** @default 1 */
  readonly handshakes?: number
}

/** How many frames begin together. */
const FRAMES = 6

/** So many frames of one page, at once and later, share one session, which serves, is renewed and is ended. */
export async function expectOneSession(mode: Mode, frames = FRAMES): Promise<void> {
  await using stage = await startStage(mode.change, mode)
  const { world } = stage
  const token = world.put('shown')
  const mounted = await Promise.all(Array.from({ length: frames }, () => stage.mount('paragraph')))
  await showAll(mounted, token)
  const late = await stage.mount('input')
  expect(await late.ask({ type: 'load', tokenId: token })).toEqual({ type: 'loaded' })
  const handshakes = mode.handshakes ?? 1
  for (const path of HANDSHAKE) expect([path, world.callsTo(path).length]).toEqual([path, handshakes])
  expectKept(stage, mode.keep)
  world.forgetSessions()
  expect(await late.ask({ type: 'load', tokenId: world.put('again') })).toEqual({ type: 'loaded' })
  // The way that works is known: nothing is tried again.
  for (const path of HANDSHAKE) expect([path, world.callsTo(path).length]).toEqual([path, handshakes + 1])
  // A login may be pinned to the key, so a frame that renews takes that of the frame before it.
  const asked = world
    .callsTo('/.lunadefend/session')
    .map(({ body }) => Reflect.get(body as object, 'thumbprint'))
  expect(new Set(asked).size).toBe(1)
  await expectWithoutTrace(mounted)
  expect(await late.ask({ type: 'logout' })).toEqual({ type: 'ended' })
  for (const { said } of mounted) await eventually(said).toContainEqual({ type: 'logged-out' })
  expect(await Promise.all(mounted.map(({ value }) => value.textContent()))).toEqual(mounted.map(() => ''))
  expect(await late.value.inputValue()).toBe('')
}

const HANDSHAKE = ['/session/challenge', '/.lunadefend/session', '/session']

async function showAll(mounted: readonly Mounted[], token: string): Promise<void> {
  const answers = await Promise.all(mounted.map((frame) => frame.ask({ type: 'load', tokenId: token })))
  expect(answers).toEqual(mounted.map(() => ({ type: 'loaded' })))
}

function expectKept({ world }: Stage, keep: Mode['keep']): void {
  const headers = world.callsTo('/detokenize').at(-1)?.headers
  const cookie = headers?.cookie ?? ''
  expect([headers?.authorization !== undefined, cookie.includes('access_token')]).toEqual([
    keep === 'memory',
    keep === 'cookie',
  ])
}

/** What is held in memory lies nowhere else: not in a store of the browser, and not where script could find it. */
async function expectWithoutTrace([first]: readonly Mounted[]): Promise<void> {
  const found = await first?.frame.evaluate(async () => {
    const look = <T>(work: () => T): T | string => {
      try {
        return work()
      } catch (error) {
        return (error as Error).name
      }
    }
    const databases = await indexedDB.databases().catch(() => [])
    return JSON.stringify([
      look(() => document.cookie),
      look(() => Object.entries(localStorage)),
      look(() => Object.entries(sessionStorage)),
      databases.map(({ name }) => name),
      window.name,
      history.state,
      location.href,
    ])
  })
  expect(found).not.toMatch(/[\w-]{43}|probe/)
}
