import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type OwnBrowser, startChromium } from './chromium.ts'
import { expectOneSession, PREFERENCES } from './cookie-modes.ts'
import { closeBrowser, eventually, startStage } from './stage.ts'
import type { StandIn } from './stand-in.ts'

afterAll(closeBrowser)

const OTHER_SITE = '127.0.0.1'
const partitioned = (world: StandIn): void => {
  world.cookies = 'partitioned'
}

describe('in a browser that keeps third-party cookies apart, one handshake serves all frames', () => {
  test('on the site of the app, with a strict cookie', () => expectOneSession({ keep: 'cookie' }))

  test('on another site, with a partitioned cookie', () =>
    expectOneSession({ keep: 'cookie', appHost: OTHER_SITE, change: partitioned }))

  test('on another site, where a strict cookie does not stay: in memory', () =>
    expectOneSession({ keep: 'memory', appHost: OTHER_SITE }))

  test('where something between takes the cookie away: in memory, as soon as a call was refused', () =>
    expectOneSession({
      keep: 'memory',
      handshakes: 3,
      change: (world) => {
        world.passesCookies = false
      },
    }))
})

describe('in a browser that keeps nothing for the Tokenizer: no cookie, no storage, no locks', () => {
  let own: OwnBrowser
  beforeAll(async () => {
    own = await startChromium([], PREFERENCES.none)
  })
  afterAll(() => own[Symbol.asyncDispose]())

  // A frame that does not hear from its siblings in time, on a very busy machine, makes a handshake of its own.
  test('one handshake serves 20 frames of a page, in memory', { retry: 2 }, () =>
    expectOneSession({ keep: 'memory', appHost: OTHER_SITE, change: partitioned, own }, 20),
  )

  test('also on its own site', () => expectOneSession({ keep: 'memory', own }, 2))

  test('each page has a session of its own, and a logout ends all of them', async () => {
    await using stage = await startStage(undefined, { own })
    const { world } = stage
    const token = world.put('shown')
    const pages = [stage.page, await stage.open(world.app)]
    const frames = await Promise.all(pages.map((page) => stage.mount('paragraph', { page })))
    for (const frame of frames) await frame.ask({ type: 'load', tokenId: token })
    expect(world.callsTo('/session')).toHaveLength(2)
    expect(await frames[0]?.ask({ type: 'logout' })).toEqual({ type: 'ended' })
    await eventually(async () => frames[1]?.said()).toContainEqual({ type: 'logged-out' })
    await eventually(() => world.callsTo('DELETE /session').length).toBe(2)
    const ended = world.callsTo('DELETE /session').map(({ headers }) => headers.authorization)
    expect(new Set(ended).size).toBe(2)
    expect(await frames[1]?.value.textContent()).toBe('')
  })

  test('another login on another page wipes what is shown, and the frame goes on as the other', async () => {
    await using stage = await startStage(undefined, { own })
    const { world } = stage
    const token = world.put('of alice')
    const shown = await stage.mount('paragraph')
    await shown.ask({ type: 'load', tokenId: token })
    world.sid = 'bob'
    const other = await stage.mount('paragraph', { page: await stage.open(world.app) })
    await other.ask({ type: 'load', tokenId: token })
    await eventually(() => shown.said()).toContainEqual({ type: 'session-changed' })
    expect(await shown.value.textContent()).toBe('')
  })

  test('where frames cannot even talk to each other, each has a session of its own', async () => {
    await using stage = await startStage(undefined, { own })
    await using _ = await stage.context.addInitScript(() => {
      Object.assign(window, {
        BroadcastChannel: function Refused() {
          throw new DOMException('no', 'SecurityError')
        },
      })
    })
    await stage.page.reload()
    const frames = await Promise.all([1, 2].map(() => stage.mount('paragraph')))
    const token = stage.world.put('shown')
    for (const frame of frames)
      expect(await frame.ask({ type: 'load', tokenId: token })).toEqual({ type: 'loaded' })
    expect(stage.world.callsTo('/session')).toHaveLength(2)
  })
})
