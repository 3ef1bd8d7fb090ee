import type { FrameMessage } from '@lunadefend/contract/frame-messages'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually, hostScript } from '../../packages/secure-frame/test/stage.ts'
import { type StandIn, startStandIn } from '../../packages/secure-frame/test/stand-in.ts'
import { planHere } from '../../tools/install-firefox.ts'
import { type Firefox, type Frame, type Preferences, startFirefox } from './firefox.ts'

const OTHER_SITE = '127.0.0.1'
const todo = await planHere()

test('the browser is here, or it was said why not', () => {
  expect(['present', 'skip']).toContain(todo.kind)
})

/** One page of the application in Firefox, against a fresh stand-in for all servers. */
interface Stage extends AsyncDisposable {
  readonly world: StandIn
  readonly page: Frame
  open(url: string): Promise<Frame>
}

/** One secure frame of a page. */
interface Mounted {
  readonly name: string
  readonly frame: Frame
  ask(request: object): Promise<object>
  said(): Promise<FrameMessage[]>
  /** What is shown, or typed. */
  value(): Promise<string>
}

async function startStage(
  firefox: Firefox,
  appHost = 'localhost',
  change = (_world: StandIn): void => {},
): Promise<Stage> {
  const world = await startStandIn(appHost)
  change(world)
  const { tokenizer } = world
  await firefox.before(`(${hostScript})(${JSON.stringify({ tokenizer })})`)
  const page = await firefox.open(world.app)
  return {
    world,
    page,
    open: (url) => firefox.open(url),
    async [Symbol.asyncDispose]() {
      await page.close()
      await world[Symbol.asyncDispose]()
    },
  }
}

let names = 0

async function mount(page: Frame, component: string, options: object = {}): Promise<Mounted> {
  const name = `frame${++names}`
  const sandbox = 'allow-scripts allow-same-origin'
  const usual = { configure: {}, query: '', sandbox, assert: 'honest', connect: true, wait: true }
  await page.run((about) => window.host.mount(about as never), { ...usual, name, component, ...options })
  const frame = await frameCalled(page, name)
  return {
    name,
    frame,
    said: () => page.run((given) => window.host.said(given), name),
    async ask(request) {
      const answer = await page.run(
        (given) => window.host.answer(given.name, window.host.begin(given.name, given.request)),
        { name, request },
      )
      return { ...answer, id: undefined }
    },
    value: () =>
      frame.run(() => {
        const element = document.querySelector('.value')
        return element instanceof HTMLInputElement ? element.value : (element?.textContent ?? '')
      }),
  }
}

async function frameCalled(page: Frame, name: string): Promise<Frame> {
  for (const frame of await page.frames()) if ((await frame.run(() => window.name)) === name) return frame
  throw new Error('The frame is not there.')
}

const HANDSHAKE = ['/session/challenge', '/.lunadefend/session', '/session']

async function expectShared({ world, page }: Stage, keep: 'cookie' | 'memory', handshakes: number) {
  const token = world.put('shown')
  const frames = await Promise.all([1, 2, 3].map(() => mount(page, 'paragraph')))
  for (const frame of frames) {
    expect(await frame.ask({ type: 'load', tokenId: token })).toEqual({ type: 'loaded' })
    expect(await frame.value()).toBe('shown')
  }
  for (const path of HANDSHAKE) expect([path, world.callsTo(path).length]).toEqual([path, handshakes])
  const headers = world.callsTo('/detokenize').at(-1)?.headers
  expect(headers?.authorization !== undefined).toBe(keep === 'memory')
  expect(headers?.cookie?.includes('access_token') ?? false).toBe(keep === 'cookie')
}

/** `network.cookie.cookieBehavior`: what is kept of third parties. */
const APART: Preferences = { 'network.cookie.cookieBehavior': 5 }
const NONE: Preferences = { 'network.cookie.cookieBehavior': 1 }

describe.skipIf(todo.kind !== 'present')('in Firefox as it comes', () => {
  let firefox: Firefox
  beforeAll(async () => {
    firefox = await startFirefox(todo.kind === 'present' ? todo.program : '', APART)
  })
  afterAll(() => firefox?.[Symbol.asyncDispose]())

  test('one handshake serves all frames, on the site of the app', async () => {
    await using stage = await startStage(firefox)
    await expectShared(stage, 'cookie', 1)
  })

  test('on another site, with a partitioned cookie', async () => {
    await using stage = await startStage(firefox, OTHER_SITE, (world) => {
      world.cookies = 'partitioned'
    })
    await expectShared(stage, 'cookie', 1)
  })

  test('on another site, where a strict cookie does not stay: in memory', async () => {
    await using stage = await startStage(firefox, OTHER_SITE)
    await expectShared(stage, 'memory', 1)
  })

  test('a logout empties the frames of all pages', async () => {
    await using stage = await startStage(firefox)
    const { world } = stage
    const token = world.put('shown')
    const other = await stage.open(world.app)
    const [here, there] = [await mount(stage.page, 'paragraph'), await mount(other, 'paragraph')]
    for (const frame of [here, there]) await frame.ask({ type: 'load', tokenId: token })
    expect(await here.ask({ type: 'logout' })).toEqual({ type: 'ended' })
    await eventually(() => there.said()).toContainEqual({ type: 'logged-out' })
    expect([await here.value(), await there.value()]).toEqual(['', ''])
    await other.close()
  })

  test('what is typed is a token for the page, and nowhere on it', async () => {
    await using stage = await startStage(firefox)
    const { world, page } = stage
    await page.run(() => {
      const heard: string[] = []
      Object.assign(window, { heard })
      for (const type of ['keydown', 'keypress', 'keyup', 'beforeinput', 'input', 'paste', 'message'])
        window.addEventListener(type, (event) => heard.push(JSON.stringify([type, Reflect.get(event, 'key'), Reflect.get(event, 'data')])), true) // biome-ignore format: one line
    })
    const field = await mount(page, 'input')
    await field.frame.run(() => document.querySelector('input')?.focus())
    await field.frame.type('078-05-1120')
    await eventually(() => field.value()).toBe('078-05-1120')
    const answer = await field.ask({ type: 'tokenize' })
    expect(answer).toMatchObject({ type: 'tokenized', tokenId: expect.stringMatching(/^lunasec-/) })
    expect([...world.values.values()].map(String)).toEqual(['078-05-1120'])
    const seen = await page.run(() => [
      document.documentElement.outerHTML,
      ...Reflect.get(window, 'heard'),
      JSON.stringify(performance.getEntries()),
      JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, String(getSelection())]),
    ])
    expect(seen.join('\n')).not.toMatch(/078-05|\["(?:key|input|before|paste)/)
    expect(JSON.stringify(await field.said())).not.toContain('078')
  })

  test('a card number is written in groups, with the caret kept, and can be taken back', async () => {
    await using stage = await startStage(firefox)
    const { world, page } = stage
    const configure = { inputType: 'card-number' }
    const field = await mount(page, 'masked-input', { configure })
    const shown = () =>
      field.frame.run(() => {
        const { value, selectionStart: at } = document.querySelector('input') as HTMLInputElement
        return `${value.slice(0, at ?? 0)}|${value.slice(at ?? 0)}`
      })
    // The page gives the focus to the frame, and the frame to its field.
    await page.run((name) => document.getElementsByName(name)[0]?.focus(), field.name)
    await field.frame.run(() => document.querySelector('input')?.focus())
    await field.frame.type('378282246310005')
    await eventually(shown).toBe('3782 822463 10005|')
    await field.frame.run(() => document.querySelector('input')?.setSelectionRange(5, 5))
    await field.frame.type('\uE003')
    await eventually(shown).toBe('378|8 224631 0005')
    await field.frame.run(() => {
      const keys = { key: 'z', ctrlKey: true, cancelable: true }
      document.querySelector('input')?.dispatchEvent(new KeyboardEvent('keydown', keys))
    })
    await eventually(shown).toBe('3782 822463 10005|')
    expect(await field.ask({ type: 'tokenize' })).toMatchObject({ type: 'tokenized' })
    expect([...world.values.values()].map(String)).toEqual(['378282246310005'])
    // States are told a moment later, together.
    const complete = { type: 'state', fill: 'complete', focused: true, brand: 'amex' }
    await eventually(() => field.said()).toContainEqual(complete)
    expect(JSON.stringify(await field.said())).not.toContain('3782')
  })

  test('half a date is neither nothing nor a value', async () => {
    await using stage = await startStage(firefox)
    const field = await mount(stage.page, 'input', { configure: { inputType: 'date' } })
    await field.frame.run(() => document.querySelector('input')?.focus())
    await field.frame.type('05')
    expect(await field.ask({ type: 'tokenize' })).toMatchObject({ type: 'failed', code: 'invalid' })
    expect(stage.world.values.size).toBe(0)
  })

  test('two fields are the same, or not', async () => {
    await using stage = await startStage(firefox)
    const { page } = stage
    const one = await mount(page, 'input', { configure: { fieldId: 'one' } })
    const two = await mount(page, 'input', {
      configure: { inputType: 'password', reveal: true, sameAs: 'one' },
    })
    for (const field of [one, two]) {
      await field.frame.run(() => document.querySelector('input')?.focus())
      await field.frame.type('hunter2')
    }
    expect(await two.ask({ type: 'tokenize' })).toMatchObject({ type: 'tokenized' })
    await one.frame.run(() => document.querySelector('input')?.focus())
    await one.frame.type('3')
    expect(await two.ask({ type: 'tokenize' })).toMatchObject({ type: 'tokenized' })
    await two.frame.run(() => document.querySelector('input')?.focus())
    await two.frame.type('4')
    expect(await two.ask({ type: 'tokenize' })).toMatchObject({ type: 'failed', code: 'invalid' })
  })

  test('the frame is shown on no other page, and answers none', async () => {
    await using stage = await startStage(firefox)
    for (const without of [[], ['content-security-policy']]) {
      stage.world.without = without
      const evil = await stage.open(stage.world.elsewhere)
      const refused = await mount(evil, 'input', { wait: false, query: '' })
      await evil.run(() => new Promise((resolve) => setTimeout(resolve, 500)))
      expect(await refused.said()).toEqual([])
      const has = await refused.frame.run(() => document.querySelector('meta[name=lunadefend]') !== null)
      // Without its policy it is there, and silent all the same.
      expect(has).toBe(without.length > 0)
      await evil.close()
    }
    stage.world.without = []
    expect(stage.world.calls).toEqual([])
    expect((await (await mount(stage.page, 'input')).said())[0]).toEqual({ type: 'ready' })
  })

  test('a frame without an origin of its own does nothing', async () => {
    await using stage = await startStage(firefox)
    const boxed = await mount(stage.page, 'input', { sandbox: 'allow-scripts', wait: false })
    await stage.page.run(() => new Promise((resolve) => setTimeout(resolve, 500)))
    expect(await boxed.said()).toEqual([])
    expect(stage.world.calls).toEqual([])
  })

  test('a second connect is not taken', async () => {
    await using stage = await startStage(firefox)
    const field = await mount(stage.page, 'input')
    const heard = await stage.page.run(async (tokenizer) => {
      const heard: unknown[] = []
      const { port1, port2 } = new MessageChannel()
      port1.onmessage = ({ data }) => heard.push(data)
      const target = document.querySelector('iframe')?.contentWindow
      target?.postMessage({ type: 'lunadefend.connect', page: window.host.page }, tokenizer, [port2])
      port1.postMessage({ type: 'tokenize', id: 1 })
      await new Promise((resolve) => setTimeout(resolve, 500))
      return heard
    }, stage.world.tokenizer)
    expect(heard).toEqual([])
    expect(await field.ask({ type: 'tokenize' })).toEqual({ type: 'tokenized', tokenId: '' })
  })

  test('its policy holds: no other script, no other place, no way out', async () => {
    await using stage = await startStage(firefox)
    const { frame } = await mount(stage.page, 'input')
    const done = await frame.run(async (elsewhere) => {
      const told: string[] = []
      document.addEventListener('securitypolicyviolation', (event) => told.push(event.effectiveDirective))
      const attempt = async (work: () => unknown): Promise<string> => {
        try {
          await work()
          return 'done'
        } catch {
          return 'refused'
        }
      }
      const results = {
        elsewhere: await attempt(() => fetch(elsewhere, { mode: 'no-cors' })),
        cookie: await attempt(() => top?.document.cookie),
        top: await attempt(() => {
          if (top !== null) top.location.href = elsewhere
        }),
        popup: await attempt(() => {
          if (open(elsewhere) === null) throw new Error('none')
        }),
      }
      const script = Object.assign(document.createElement('script'), {})
      const markup = await attempt(() => {
        document.body.append(script)
        Reflect.set(script, 'text', 'window.ran = true')
      })
      document.body.append(Object.assign(document.createElement('img'), { src: `${elsewhere}/image` }))
      document.body.append(Object.assign(document.createElement('iframe'), { src: elsewhere }))
      await new Promise((resolve) => setTimeout(resolve, 500))
      return { results, markup, ran: 'ran' in window, told: [...new Set(told)].sort() }
    }, stage.world.elsewhere)
    expect(done.results).toEqual({
      elsewhere: 'refused',
      cookie: 'refused',
      top: 'refused',
      popup: 'refused',
    })
    expect(done.ran).toBe(false)
    expect(done.told).toEqual(expect.arrayContaining(['connect-src', 'frame-src', 'img-src']))
    expect(await stage.page.run(() => location.href)).toContain(stage.world.app)
  })
})

describe.skipIf(todo.kind !== 'present')('in Firefox that keeps nothing of third parties', () => {
  let firefox: Firefox
  beforeAll(async () => {
    firefox = await startFirefox(todo.kind === 'present' ? todo.program : '', NONE)
  })
  afterAll(() => firefox?.[Symbol.asyncDispose]())

  test('on another site frames have no cookie and no way to talk: each has a session in its memory', async () => {
    await using stage = await startStage(firefox, OTHER_SITE, (world) => {
      world.cookies = 'partitioned'
    })
    await expectShared(stage, 'memory', 3)
  })

  test('on the site of the app nothing is different', async () => {
    await using stage = await startStage(firefox)
    await expectShared(stage, 'cookie', 1)
  })
})
