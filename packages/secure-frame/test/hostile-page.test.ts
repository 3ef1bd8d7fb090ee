import { afterAll, describe, expect, test } from 'vitest'
import { mayStart } from '../src/frame/connection.ts'
import { closeBrowser, expectState, settle, startStage } from './stage.ts'

afterAll(closeBrowser)

const CONNECT = { type: 'lunadefend.connect' }

describe('the connection', () => {
  test('is taken from the parent only: not from a sibling frame, not from another window', async () => {
    await using stage = await startStage()
    const { page, world } = stage
    const field = await stage.mount('input', { wait: false, configure: null, connect: false })
    const popup = page.waitForEvent('popup')
    const heard = page.evaluate(forge, { tokenizer: world.tokenizer, name: field.name })
    await popup
    expect(await heard).toEqual([])
    await field.connect()
    expect(await field.said()).toEqual([{ type: 'ready' }])
  })

  test('is refused to an origin that is not the application, even where the browser would show the frame', async () => {
    await using stage = await startStage((world) => {
      world.without = ['content-security-policy']
    })
    const evil = await stage.open(stage.world.elsewhere)
    const query = `&origin=${encodeURIComponent(stage.world.elsewhere)}`
    const refused = await stage.mount('input', { page: evil, query, wait: false })
    await settle(evil)
    expect(await refused.said()).toEqual([])
    expect(stage.world.calls).toEqual([])
    const taken = await stage.mount('input')
    expect((await taken.said())[0]).toEqual({ type: 'ready' })
  })

  test('is not even possible there: the browser does not show the frame', async () => {
    await using stage = await startStage()
    const evil = await stage.open(stage.world.elsewhere)
    const refused = await stage.mount('input', { page: evil, wait: false })
    expect(refused.frame.url()).toMatch(/^chrome-error:/)
    expect(await refused.said()).toEqual([])
  })

  test('must have exactly one port, the right words and nothing else', async () => {
    await using stage = await startStage()
    const field = await stage.mount('input', { wait: false, configure: null, connect: false })
    const { page: id } = await stage.page.evaluate(() => window.host)
    const attempts: [object, number][] = [
      [{ ...CONNECT, page: id }, 0],
      [{ ...CONNECT, page: id }, 2],
      [{ ...CONNECT, page: 'short' }, 1],
      [{ ...CONNECT, page: id, origin: stage.world.app }, 1],
      [{ type: 'connect', page: id }, 1],
      [{ type: 'tokenize', id: 1 }, 1],
    ]
    const heard = await stage.page.evaluate(
      async ({ attempts, name, tokenizer }) => {
        const heard: unknown[] = []
        const target = (document.getElementsByName(name)[0] as HTMLIFrameElement).contentWindow
        for (const [message, count] of attempts) {
          const channels = Array.from({ length: count }, () => new MessageChannel())
          for (const { port1 } of channels) port1.onmessage = ({ data }) => heard.push(data)
          target?.postMessage(
            message,
            tokenizer,
            channels.map(({ port2 }) => port2),
          )
        }
        await new Promise((resolve) => setTimeout(resolve, 300))
        return heard
      },
      { attempts, name: field.name, tokenizer: stage.world.tokenizer },
    )
    expect(heard).toEqual([])
    await field.connect()
    expect((await field.said())[0]).toEqual({ type: 'ready' })
  })

  test('is taken once: after it the window is deaf', async () => {
    await using stage = await startStage()
    const field = await stage.mount('input')
    const first = await stage.page.evaluate((name) => window.host.ports[name] !== undefined, field.name)
    expect(first).toBe(true)
    const heard = await stage.page.evaluate(
      async ({ name, tokenizer }) => {
        const heard: unknown[] = []
        const { port1, port2 } = new MessageChannel()
        port1.onmessage = ({ data }) => heard.push(data)
        const target = (document.getElementsByName(name)[0] as HTMLIFrameElement).contentWindow
        target?.postMessage({ type: 'lunadefend.connect', page: window.host.page }, tokenizer, [port2])
        port1.postMessage({ type: 'tokenize', id: 1 })
        await new Promise((resolve) => setTimeout(resolve, 300))
        return heard
      },
      { name: field.name, tokenizer: stage.world.tokenizer },
    )
    expect(heard).toEqual([])
    expect(await field.ask({ type: 'tokenize' })).toEqual({ type: 'tokenized', tokenId: '' })
  })

  test('is not taken by a frame without an origin', async () => {
    await using stage = await startStage((world) => {
      // Integrity and same-origin scripts would stop it before our own check could.
      world.rewrite = (html) => html.replaceAll(/ integrity="[^"]*"/g, '')
      world.without = ['content-security-policy', 'cross-origin-embedder-policy']
    })
    const boxed = await stage.mount('input', { sandbox: 'allow-scripts', wait: false })
    await settle(stage.page)
    expect(
      await boxed.frame.evaluate(() => [window.origin, document.querySelectorAll('script').length]),
    ).toEqual(['null', 1])
    expect(await boxed.said()).toEqual([])
    const free = await stage.mount('input')
    expect((await free.said())[0]).toEqual({ type: 'ready' })
  })

  test('is not taken by a frame at the top of a window', async () => {
    await using stage = await startStage((world) => {
      world.without = ['cross-origin-opener-policy', 'content-security-policy']
    })
    const { page, world } = stage
    const heard = await page.evaluate(async (tokenizer) => {
      const heard: unknown[] = []
      const { port1, port2 } = new MessageChannel()
      port1.onmessage = ({ data }) => heard.push(data)
      const opened = window.open(`${tokenizer}/frame?app=test&component=input`)
      await new Promise((resolve) => setTimeout(resolve, 1000))
      opened?.postMessage({ type: 'lunadefend.connect', page: window.host.page }, tokenizer, [port2])
      await new Promise((resolve) => setTimeout(resolve, 300))
      return heard
    }, world.tokenizer)
    expect(heard).toEqual([])
    expect(world.callsTo('/session/challenge')).toEqual([])
  })
})

test('nothing starts without an origin, or without a page around it', () => {
  const page = {} as Window
  const at = (origin: string, parent: Window | null): boolean => {
    const frame = { origin } as Record<string, unknown>
    frame['parent'] = parent ?? frame
    return mayStart(frame as unknown as Window)
  }
  expect(at('https://tokenizer.example', page)).toBe(true)
  expect(at('null', page)).toBe(false)
  expect(at('https://tokenizer.example', null)).toBe(false)
})

describe('the port', () => {
  const noise: [string, object][] = [
    ['an unknown type', { type: 'reveal' }],
    ['an unknown key', { type: 'clear', force: true }],
    ['an own __proto__', JSON.parse('{"type":"clear","__proto__":{"force":true}}')],
    ['an own constructor', { type: 'clear', constructor: { prototype: {} } }],
    ['a type of Object.prototype', { type: 'hasOwnProperty' }],
    ['a wrong type of value', { type: 'update', disabled: 'yes' }],
    ['rules in an update', { type: 'update', maxLength: 1 }],
    ['a list', [{ type: 'clear' }]],
    ['an assertion that nobody asked for', { type: 'assertion', id: 99, assertion: 'x' }],
  ]
  test.each(noise)('%s changes nothing, says nothing, breaks nothing', async (_, message) => {
    await using stage = await startStage()
    const field = await stage.mount('input')
    await field.value.pressSequentially('abc')
    await expectState(field, 'complete!')
    // What was said before an answer has come when the answer has: of a value that stays the same the second is the first.
    const first = await field.ask({ type: 'tokenize' })
    const before = await field.said()
    await field.send(message)
    await settle(stage.page)
    const second = await field.ask({ type: 'tokenize' })
    expect(second).toEqual(first)
    expect(second).toMatchObject({ type: 'tokenized' })
    expect((await field.said()).slice(before.length)).toMatchObject([{ type: 'tokenized' }])
    expect(await field.value.inputValue()).toBe('abc')
    expect(await field.value.isDisabled()).toBe(false)
    expect(stage.console).toEqual([])
  })

  test('takes rules and type once', async () => {
    await using stage = await startStage()
    const field = await stage.mount('input', { configure: { inputType: 'password', pattern: '\\d+' } })
    await field.send({ type: 'configure', inputType: 'text', pattern: '[a-z]+', label: 'x' })
    await field.value.pressSequentially('abc')
    expect(await field.ask({ type: 'tokenize' })).toEqual({ type: 'failed', code: 'invalid' })
    expect(await field.value.getAttribute('type')).toBe('password')
    expect(await field.value.getAttribute('aria-label')).toBeNull()
  })

  test('has no answer to requests before rules and type are known', async () => {
    await using stage = await startStage()
    const token = stage.world.put('secret')
    const field = await stage.mount('input', { configure: null })
    expect(await field.ask({ type: 'load', tokenId: token })).toEqual({ type: 'failed', code: 'failed' })
    expect(await field.ask({ type: 'tokenize' })).toEqual({ type: 'failed', code: 'failed' })
    expect(stage.world.callsTo('/detokenize')).toEqual([])
  })

  test('never carries the value, its length or its keys, and the page has them nowhere', async () => {
    await using stage = await startStage()
    const field = await stage.mount('input')
    const token = stage.world.put('swordfish')
    await field.value.pressSequentially('123456789')
    await field.ask({ type: 'tokenize' })
    const shown = await stage.mount('paragraph')
    await shown.ask({ type: 'load', tokenId: token })
    const all = JSON.stringify([await field.said(), await shown.said()])
    expect(all).not.toMatch(/swordfish|123456789/)
    const keys = new Set((await field.said()).flatMap((message) => Object.keys(message)))
    expect([...keys].sort()).toEqual(['challenge', 'fill', 'focused', 'id', 'thumbprint', 'tokenId', 'type'])
    expect(await stage.page.content()).not.toMatch(/swordfish|123456789/)
    const states = (await field.said()).filter(({ type }) => type === 'state')
    expect(states.length).toBeLessThanOrEqual(3)
  })
})

/** Runs in the page: connects that come from other windows than the frame's parent. */
async function forge({ tokenizer, name }: { tokenizer: string; name: string }): Promise<unknown[]> {
  const heard: unknown[] = []
  const frames = window.frames as unknown as Record<string, Window>
  const attack = (from: Window & typeof globalThis): void => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = ({ data }) => heard.push(data)
    const message = { type: 'lunadefend.connect', page: window.host.page }
    // The sender of a message is the window whose function calls it.
    const send = from.Function(
      'target',
      'message',
      'origin',
      'port',
      'target.postMessage(message, origin, [port])',
    )
    send(frames[name], message, tokenizer, port2)
  }
  const sibling = document.createElement('iframe')
  document.body.append(sibling)
  attack(sibling.contentWindow as Window & typeof globalThis)
  attack(window.open('about:blank') as Window & typeof globalThis)
  await new Promise((resolve) => setTimeout(resolve, 500))
  return heard
}
