import { afterAll, describe, expect, test } from 'vitest'
import { closeBrowser, eventually, expectState, type Mounted, settle, startStage } from './stage.ts'
import { refuse } from './stand-in.ts'

afterAll(closeBrowser)

const CHALLENGE = '/session/challenge'
const OPEN = '/session'
const ASSERT = '/.lunadefend/session'

/** Waits until a frame has a session: it is listed, and nobody is opening one. */
async function opened({ frame }: Mounted): Promise<void> {
  const look = (): Promise<string[]> =>
    frame.evaluate(async () => ((await navigator.locks.query()).held ?? []).map(({ name = '' }) => name))
  await eventually(look).toEqual([expect.stringMatching(/^lunadefend\/test\/[0-9a-f]{32}$/)])
}

describe('one page load', () => {
  test('has one handshake for five frames that start together, and for one that comes later', async () => {
    await using stage = await startStage()
    const { world } = stage
    const token = world.put('shown')
    const frames = await Promise.all([1, 2, 3, 4, 5].map(() => stage.mount('paragraph')))
    await Promise.all(frames.map((frame) => frame.ask({ type: 'load', tokenId: token })))
    const late = await stage.mount('input')
    await late.ask({ type: 'load', tokenId: token })
    expect(await late.value.inputValue()).toBe('shown')
    for (const path of [CHALLENGE, ASSERT, OPEN]) expect(world.callsTo(path)).toHaveLength(1)
  })

  test('goes on with its session when the frame that opened it is gone', async () => {
    await using stage = await startStage()
    const token = stage.world.put('shown')
    const first = await stage.mount('paragraph')
    const second = await stage.mount('paragraph')
    for (const frame of [first, second]) await frame.ask({ type: 'load', tokenId: token })
    await first.remove()
    const third = await stage.mount('paragraph')
    expect(await third.ask({ type: 'load', tokenId: token })).toEqual({ type: 'loaded' })
    expect(stage.world.callsTo(OPEN)).toHaveLength(1)
  })

  test('is asked for by a frame that comes later, and one frame alone hears the question', async () => {
    await using stage = await startStage()
    await using _ = await stage.context.addInitScript(() => {
      const heard: string[] = []
      Object.assign(window, { heard })
      window.BroadcastChannel = class extends BroadcastChannel {
        constructor(name: string) {
          super(name)
          this.addEventListener('message', ({ data }) => heard.push(data.type ?? Object.keys(data).join()))
        }
      }
    })
    await stage.page.reload()
    const { world } = stage
    const token = world.put('shown')
    const frames = await Promise.all([1, 2, 3, 4].map(() => stage.mount('paragraph')))
    await Promise.all(frames.map((frame) => frame.ask({ type: 'load', tokenId: token })))
    const heard = (): Promise<string[][]> =>
      Promise.all(
        frames.map(({ frame }) => frame.evaluate(() => (Reflect.get(window, 'heard') as string[]).splice(0))),
      )
    await heard()
    const late = await stage.mount('paragraph')
    expect(await late.ask({ type: 'load', tokenId: token })).toEqual({ type: 'loaded' })
    expect((await heard()).flat()).toEqual(['answer'])
    expect(world.callsTo(OPEN)).toHaveLength(1)
  })

  test('never uses the session of another, though its cookie is there', async () => {
    await using stage = await startStage()
    const { world } = stage
    const token = world.put('shown')
    await (await stage.mount('paragraph')).ask({ type: 'load', tokenId: token })
    world.sid = null
    const page = await stage.open(world.app)
    const other = await stage.mount('paragraph', { page })
    expect(await other.ask({ type: 'load', tokenId: token })).toEqual({ type: 'failed', code: 'no-session' })
    expect(world.callsTo('/detokenize')).toHaveLength(1)
  })

  test('keeps the same key as the one before, and script cannot take it out', async () => {
    await using stage = await startStage()
    const token = stage.world.put('shown')
    for (const page of [stage.page, await stage.open(stage.world.app)]) {
      const frame = await stage.mount('paragraph', { page })
      await frame.ask({ type: 'load', tokenId: token })
      const isLocked = await frame.frame.evaluate(
        () =>
          new Promise((resolve) => {
            const request = indexedDB.open('lunadefend/test')
            request.onsuccess = () => {
              const found = request.result.transaction('keys').objectStore('keys').get('session')
              found.onsuccess = () => {
                const { privateKey } = found.result as CryptoKeyPair
                crypto.subtle.exportKey('jwk', privateKey).then(
                  () => resolve(false),
                  () => resolve(!privateKey.extractable),
                )
              }
            }
          }),
      )
      expect(isLocked).toBe(true)
    }
    const thumbprints = stage.world
      .callsTo(ASSERT)
      .map(({ body }) => (body as { thumbprint: string }).thumbprint)
    expect(new Set(thumbprints).size).toBe(1)
    expect(thumbprints).toHaveLength(2)
  })

  test('works without a place to keep the key', async () => {
    await using stage = await startStage()
    await using _ = await stage.context.addInitScript(() => {
      IDBFactory.prototype.open = () => {
        throw new DOMException('no', 'SecurityError')
      }
    })
    await stage.page.reload()
    const frame = await stage.mount('paragraph')
    expect(await frame.ask({ type: 'load', tokenId: stage.world.put('x') })).toEqual({ type: 'loaded' })
  })

  test('works where the clock of this machine is ten minutes wrong', async () => {
    for (const clockAhead of [600, -600]) {
      await using stage = await startStage((world) => {
        world.clockAhead = clockAhead
      })
      const token = stage.world.put('x')
      const frame = await stage.mount('paragraph')
      for (let times = 0; times < 2; times++)
        expect(await frame.ask({ type: 'load', tokenId: token })).toEqual({ type: 'loaded' })
      expect(stage.world.callsTo(OPEN)).toHaveLength(1)
    }
  })
})

describe('the first handshake', () => {
  test('begins before anybody asks for anything', async () => {
    await using stage = await startStage()
    await stage.mount('input')
    await eventually(() => stage.world.callsTo(OPEN).length).toBe(1)
  })

  test('is tried again until it succeeds, also when the user has typed by then', async () => {
    await using stage = await startStage((world) => {
      world.sid = null
      world.waits = { retry: 50 }
    })
    const { world } = stage
    const field = await stage.mount('input')
    await field.value.pressSequentially('typed early')
    expect(await field.ask({ type: 'tokenize' })).toEqual({ type: 'failed', code: 'no-session' })
    await eventually(() => world.callsTo(ASSERT).length).toBeGreaterThan(3)
    world.sid = 'alice'
    await eventually(() => world.callsTo(OPEN).length).toBe(1)
    expect(await field.ask({ type: 'tokenize' })).toMatchObject({ type: 'tokenized' })
    expect(await field.value.inputValue()).toBe('typed early')
  })

  test('that failed is not repeated by every frame of the page', async () => {
    await using stage = await startStage((world) => {
      world.sid = null
      world.waits = { retry: 60_000 }
    })
    const gate = Promise.withResolvers<void>()
    stage.world.faults.set(ASSERT, async () => {
      await gate.promise
      return false
    })
    const frames = await Promise.all([1, 2, 3, 4, 5, 6].map(() => stage.mount('paragraph')))
    const token = stage.world.put('x')
    const asked = await Promise.all(frames.map((frame) => frame.begin({ type: 'load', tokenId: token })))
    await settle(stage.page)
    gate.resolve()
    const answers = await Promise.all(asked.map((answer) => answer()))
    expect(answers).toEqual(frames.map(() => ({ type: 'failed', code: 'no-session' })))
    expect(stage.world.callsTo(ASSERT).length).toBeLessThanOrEqual(3)
  })

  test.each([
    ['a page that never answers', 'silent', 'timed-out'],
    ['a page without a session', 'honest', 'no-session'],
  ] as const)('with %s ends in %s: %s', async (_, assert, code) => {
    await using stage = await startStage((world) => {
      world.sid = null
      world.waits = { assertion: 300, request: 120_000 }
    })
    const field = await stage.mount('input', { assert })
    await field.value.pressSequentially('x')
    expect(await field.ask({ type: 'tokenize' })).toEqual({ type: 'failed', code })
    expect(await field.value.inputValue()).toBe('x')
  })
})

describe('renewal', () => {
  test('happens before a call when less than two minutes are left, and not before', async () => {
    await using stage = await startStage((world) => {
      world.lifetime = 119
    })
    const { world } = stage
    const token = world.put('shown')
    const frame = await stage.mount('paragraph')
    await opened(frame)
    await settle(stage.page)
    expect(world.callsTo(OPEN)).toHaveLength(1)
    world.lifetime = 600
    for (let times = 0; times < 3; times++)
      expect(await frame.ask({ type: 'load', tokenId: token })).toEqual({ type: 'loaded' })
    expect(world.callsTo(OPEN)).toHaveLength(2)
  })

  test('that fails leaves what is left of the session, and is tried again with the next call', async () => {
    await using stage = await startStage((world) => {
      world.lifetime = 119
    })
    const { world } = stage
    const token = world.put('shown')
    const frame = await stage.mount('paragraph')
    await opened(frame)
    world.sid = null
    for (let times = 0; times < 2; times++)
      expect(await frame.ask({ type: 'load', tokenId: token })).toEqual({ type: 'loaded' })
    expect(world.callsTo(ASSERT)).toHaveLength(3)
    world.sid = 'alice'
    expect(await frame.ask({ type: 'load', tokenId: token })).toEqual({ type: 'loaded' })
    expect(world.callsTo(OPEN)).toHaveLength(2)
  })

  // A frame that does not hear from its siblings in time, on a very busy machine, makes a handshake of its own.
  test('survives a Tokenizer that is down for a while; then one handshake serves all frames', {
    retry: 2,
  }, async () => {
    await using stage = await startStage((world) => {
      world.lifetime = 119
    })
    const { world } = stage
    const token = world.put('shown')
    const frames = await Promise.all([1, 2, 3].map(() => stage.mount('paragraph')))
    const load = () => Promise.all(frames.map((frame) => frame.ask({ type: 'load', tokenId: token })))
    await load()
    world.lifetime = 600
    const before = world.callsTo(OPEN).length
    const paths = [CHALLENGE, OPEN, '/detokenize']
    for (const path of paths) {
      world.faults.set(path, (request) => {
        request.socket.destroy()
        return true
      })
    }
    for (let times = 0; times < 2; times++)
      expect(await load()).toEqual(frames.map(() => ({ type: 'failed', code: 'tokenizer-unreachable' })))
    for (const path of paths) world.faults.delete(path)
    expect(await load()).toEqual(frames.map(() => ({ type: 'loaded' })))
    expect(world.callsTo(OPEN)).toHaveLength(before + 1)
  })

  // A frame that does not hear from its siblings in time, on a very busy machine, makes a handshake of its own.
  test('after a 401 is one new handshake and one more try, for all calls of the page that were refused', {
    retry: 2,
  }, async () => {
    await using stage = await startStage()
    const { world } = stage
    const token = world.put('shown')
    const frames = await Promise.all([1, 2, 3].map(() => stage.mount('paragraph')))
    await Promise.all(frames.map((frame) => frame.ask({ type: 'load', tokenId: token })))
    world.forgetSessions()
    const answers = await Promise.all(frames.map((frame) => frame.ask({ type: 'load', tokenId: token })))
    expect(answers).toEqual(frames.map(() => ({ type: 'loaded' })))
    expect(world.callsTo(OPEN)).toHaveLength(2)
    expect(await Promise.all(frames.map((frame) => frame.value.textContent()))).toEqual([
      'shown',
      'shown',
      'shown',
    ])
  })

  test('that must log in again goes on by a new handshake after it has, and says so until then', async () => {
    await using stage = await startStage()
    const { world } = stage
    const token = world.put('shown')
    const frame = await stage.mount('paragraph')
    await frame.ask({ type: 'load', tokenId: token })
    let isAsked = true
    world.faults.set('/detokenize', (_, response) => {
      if (isAsked) refuse(response, 401, 'step_up_required')
      return isAsked
    })
    const load = () => frame.ask({ type: 'load', tokenId: token })
    expect(await load()).toEqual({ type: 'failed', code: 'step-up-required' })
    expect(await frame.value.textContent()).toBe('')
    // One to see whether the user has logged in meanwhile.
    expect(world.callsTo(OPEN)).toHaveLength(2)
    world.faults.set(OPEN, () => {
      isAsked = false
      return false
    })
    expect(await load()).toEqual({ type: 'loaded' })
    expect(world.callsTo(OPEN)).toHaveLength(3)
  })

  test('after a 401 that does not help ends in no-session, and works later', async () => {
    await using stage = await startStage()
    const { world } = stage
    const token = world.put('shown')
    const frame = await stage.mount('paragraph')
    await frame.ask({ type: 'load', tokenId: token })
    world.forgetSessions()
    world.sid = null
    expect(await frame.ask({ type: 'load', tokenId: token })).toEqual({ type: 'failed', code: 'no-session' })
    expect(await frame.value.textContent()).toBe('')
    world.sid = 'alice'
    expect(await frame.ask({ type: 'load', tokenId: token })).toEqual({ type: 'loaded' })
  })
})

describe('another session', () => {
  test('wipes what was shown in every frame, says so, and is used from then on', async () => {
    await using stage = await startStage()
    const { world } = stage
    const token = world.put('of alice')
    const shown = await stage.mount('paragraph')
    const filled = await stage.mount('input')
    for (const frame of [shown, filled]) await frame.ask({ type: 'load', tokenId: token })
    world.sid = 'bob'
    world.forgetSessions()
    const other = world.put('another')
    expect(await shown.ask({ type: 'load', tokenId: other })).toEqual({
      type: 'failed',
      code: 'session-changed',
    })
    await expectState(filled, 'empty')
    expect(await shown.value.textContent()).toBe('')
    expect(await filled.value.inputValue()).toBe('')
    for (const frame of [shown, filled])
      expect((await frame.said()).filter(({ type }) => type === 'session-changed')).toHaveLength(1)
    // An empty answer would delete what the field stood for.
    expect(await filled.ask({ type: 'tokenize' })).toEqual({ type: 'failed', code: 'session-changed' })
    expect(await shown.ask({ type: 'load', tokenId: other })).toEqual({ type: 'loaded' })
    expect(await filled.ask({ type: 'load', tokenId: other })).toEqual({ type: 'loaded' })
    expect(await filled.ask({ type: 'tokenize' })).toEqual({ type: 'tokenized', tokenId: other })
  })

  test('that is opened on another page wipes what is shown here at once; one of the same user does not', async () => {
    await using stage = await startStage()
    const { world } = stage
    const token = world.put('of alice')
    const shown = await stage.mount('paragraph')
    await shown.ask({ type: 'load', tokenId: token })
    const open = async () => {
      const frame = await stage.mount('paragraph', { page: await stage.open(world.app) })
      await frame.ask({ type: 'load', tokenId: token })
    }
    await open()
    await settle(stage.page)
    expect(await shown.value.textContent()).toBe('of alice')
    world.sid = 'bob'
    await open()
    await eventually(() => shown.said()).toContainEqual({ type: 'session-changed' })
    expect(await shown.value.textContent()).toBe('')
    expect((await shown.said()).filter(({ type }) => type === 'session-changed')).toHaveLength(1)
    expect(await shown.ask({ type: 'load', tokenId: token })).toEqual({ type: 'loaded' })
  })

  test('is refused by a frame that has seen a keystroke: wiped, deaf, and undo finds nothing', async () => {
    await using stage = await startStage()
    const { world } = stage
    const field = await stage.mount('input')
    await opened(field)
    await field.value.pressSequentially('078-05-1120')
    world.sid = 'mallory'
    world.forgetSessions()
    expect(await field.ask({ type: 'tokenize' })).toEqual({ type: 'failed', code: 'session-changed' })
    expect(await field.said()).toContainEqual({ type: 'session-changed' })
    expect(await field.value.inputValue()).toBe('')
    expect(await field.value.isDisabled()).toBe(true)
    await field.send({ type: 'update', disabled: false })
    expect(await field.value.isDisabled()).toBe(true)
    await stage.page.keyboard.press('Control+z')
    expect(await field.value.inputValue()).toBe('')
    expect(await field.ask({ type: 'tokenize' })).toEqual({ type: 'failed', code: 'session-changed' })
    expect(await field.ask({ type: 'load', tokenId: world.put('x') })).toEqual({
      type: 'failed',
      code: 'session-changed',
    })
    world.sid = 'alice'
    expect(await field.ask({ type: 'tokenize' })).toEqual({ type: 'failed', code: 'session-changed' })
    expect(world.values.size).toBe(1)
  })

  test('finds nothing in the undo of a field that its user had emptied', async () => {
    await using stage = await startStage()
    const { world } = stage
    const token = world.put('of alice')
    const field = await stage.mount('input')
    const shown = await stage.mount('paragraph')
    for (const frame of [field, shown]) await frame.ask({ type: 'load', tokenId: token })
    await field.value.press('Control+a')
    await field.value.press('Delete')
    await expectState(field, 'empty!')
    world.sid = 'bob'
    world.forgetSessions()
    await shown.ask({ type: 'load', tokenId: token })
    await eventually(() => field.value.isDisabled()).toBe(true)
    await stage.page.keyboard.press('Control+z')
    await field.value.evaluate((element) => (element as HTMLInputElement).focus())
    await stage.page.keyboard.press('Control+z')
    expect(await field.value.inputValue()).toBe('')
  })

  test('does not get what was typed in the one before, not even when it comes in the middle of a submit', async () => {
    await using stage = await startStage()
    const { world } = stage
    const reached = Promise.withResolvers<void>()
    const opened = Promise.withResolvers<void>()
    world.faults.set('PUT', async () => {
      reached.resolve()
      await opened.promise
      return false
    })
    const token = world.put('shown')
    const shown = await stage.mount('paragraph')
    await shown.ask({ type: 'load', tokenId: token })
    const field = await stage.mount('input')
    await field.value.pressSequentially('of alice')
    const answer = await field.begin({ type: 'tokenize' })
    await reached.promise
    world.sid = 'bob'
    world.forgetSessions()
    await shown.ask({ type: 'load', tokenId: token })
    opened.resolve()
    expect(await answer()).toEqual({ type: 'failed', code: 'session-changed' })
    expect(await field.value.inputValue()).toBe('')
  })

  test('shows nothing that was asked for in the one before', async () => {
    await using stage = await startStage()
    const { world } = stage
    const reached = Promise.withResolvers<void>()
    const opened = Promise.withResolvers<void>()
    const slow = await stage.mount('paragraph')
    const other = await stage.mount('paragraph')
    const token = world.put('of alice')
    for (const frame of [slow, other]) await frame.ask({ type: 'load', tokenId: token })
    world.faults.set('GET', async () => {
      reached.resolve()
      await opened.promise
      return false
    })
    const answer = await slow.begin({ type: 'load', tokenId: token })
    await reached.promise
    world.sid = 'bob'
    world.forgetSessions()
    expect(await other.ask({ type: 'load', tokenId: token })).toEqual({
      type: 'failed',
      code: 'session-changed',
    })
    await eventually(() => slow.said()).toContainEqual({ type: 'session-changed' })
    opened.resolve()
    expect(await answer()).toEqual({ type: 'failed', code: 'session-changed' })
    expect(await slow.value.textContent()).toBe('')
  })

  test('is seen in an answer that carries another hash, and the answer is not used', async () => {
    await using stage = await startStage()
    const { world } = stage
    const { answer } = await import('./stand-in.ts')
    const token = world.put('shown')
    const frame = await stage.mount('paragraph')
    await frame.ask({ type: 'load', tokenId: token })
    for (const hash of ['0'.repeat(40), null]) {
      world.faults.set('/detokenize', (request, response) => {
        request.resume()
        if (hash !== null) response.setHeader('lunasec-session-hash', hash)
        answer(response, { downloadUrl: `${world.store}/x`, headers: {} })
        return true
      })
      expect(await frame.ask({ type: 'load', tokenId: token })).toEqual({
        type: 'failed',
        code: 'no-session',
      })
    }
    expect(world.callsTo('GET')).toHaveLength(1)
  })
})

describe('a logout', () => {
  test('in one frame wipes all frames of all pages, shown or typed; none opens a session before it is asked', async () => {
    await using stage = await startStage()
    const { world } = stage
    const token = world.put('of alice')
    const shown = await stage.mount('paragraph')
    const elsewhere = await stage.mount('paragraph', { page: await stage.open(world.app) })
    for (const frame of [shown, elsewhere]) await frame.ask({ type: 'load', tokenId: token })
    const typed = await stage.mount('input')
    await typed.value.pressSequentially('078-05-1120')
    const before = world.callsTo(OPEN).length
    expect(await shown.ask({ type: 'logout' })).toEqual({ type: 'ended' })
    for (const frame of [shown, elsewhere, typed])
      await eventually(() => frame.said()).toContainEqual({ type: 'logged-out' })
    for (const frame of [shown, elsewhere]) expect(await frame.value.textContent()).toBe('')
    expect(await typed.value.inputValue()).toBe('')
    const [ended, ...more] = world.callsTo('DELETE /session')
    expect(more).toEqual([])
    expect(ended?.headers.cookie).toContain('access_token')
    await settle(stage.page)
    expect(world.callsTo(OPEN)).toHaveLength(before)
    // What was typed does not come back for the next one, neither by undo nor by a request.
    await stage.page.keyboard.press('Control+z')
    expect(await typed.value.inputValue()).toBe('')
    expect(await typed.ask({ type: 'tokenize' })).toEqual({ type: 'failed', code: 'logged-out' })
    world.sid = 'bob'
    expect(await elsewhere.ask({ type: 'load', tokenId: token })).toEqual({ type: 'loaded' })
    expect(world.callsTo(OPEN)).toHaveLength(before + 1)
  })

  test('by a frame that has no session, and never will: the cookie’s is ended, and no other is opened', async () => {
    await using stage = await startStage()
    const { world } = stage
    const token = world.put('x')
    await (await stage.mount('paragraph')).ask({ type: 'load', tokenId: token })
    const other = await stage.mount('paragraph', { configure: null, page: await stage.open(world.app) })
    expect(await other.ask({ type: 'logout' })).toEqual({ type: 'ended' })
    expect(world.callsTo('DELETE /session')[0]?.headers.cookie).toContain('access_token')
    expect(world.callsTo(OPEN)).toHaveLength(1)
  })

  test('ends a session, too, that is just being opened', async () => {
    await using stage = await startStage()
    const { world } = stage
    const reached = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    world.faults.set(OPEN, async ({ method }) => {
      if (method === 'DELETE') return false
      reached.resolve()
      await gate.promise
      return false
    })
    const opening = await stage.mount('paragraph')
    await reached.promise
    const other = await stage.mount('paragraph', { configure: null, page: await stage.open(world.app) })
    expect(await other.ask({ type: 'logout' })).toEqual({ type: 'ended' })
    await eventually(() => opening.said()).toContainEqual({ type: 'logged-out' })
    gate.resolve()
    await eventually(() => world.callsTo('DELETE /session').length).toBe(2)
    await settle(stage.page)
    expect(world.callsTo(OPEN)).toHaveLength(1)
    expect(world.callsTo('DELETE /session')[1]?.headers.cookie).toContain('access_token')
  })

  test('that the Tokenizer does not hear of empties the frames all the same, and says so', async () => {
    await using stage = await startStage()
    const { world } = stage
    const shown = await stage.mount('paragraph')
    await shown.ask({ type: 'load', tokenId: world.put('x') })
    world.faults.set(OPEN, (request) => {
      request.socket.destroy()
      return true
    })
    expect(await shown.ask({ type: 'logout' })).toEqual({ type: 'failed', code: 'tokenizer-unreachable' })
    expect(await shown.value.textContent()).toBe('')
    expect((await shown.said()).at(-1)).toEqual({ type: 'logged-out' })
  })
})

test('calls carry the hash of the session that was opened, and only these', async () => {
  await using stage = await startStage()
  const { world } = stage
  await (await stage.mount('paragraph')).ask({ type: 'load', tokenId: world.put('x') })
  const hashes = world.calls.map(({ path, headers }) => [path, headers['lunasec-session-hash'] !== undefined])
  expect(hashes).toEqual([
    [CHALLENGE, false],
    [ASSERT, false],
    [OPEN, false],
    ['/detokenize', true],
    ['GET', false],
  ])
})
