import { readSecret, sealedLength, sealWhole } from '@lunadefend/content-cipher'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Mounted, shareStage } from './stage.ts'

const shared = shareStage((world) => {
  world.protection = 'end-to-end'
})

const SEALED_SHORT = 56 + 1024 + 16
const LONG = 'a long value, '.repeat(5000)

let field: Mounted
let shown: Mounted
beforeAll(async () => {
  field = await shared().mount('textarea')
  shown = await shared().mount('paragraph')
})

/** Typed, or pasted, into a field that has just been emptied. */
async function tokenize(text: string): Promise<string> {
  await field.send({ type: 'clear' })
  await field.value.fill(text)
  const { tokenId = '' } = await field.ask({ type: 'tokenize' })
  return tokenId
}

/** What the frame answers, and what it shows then. */
async function show(tokenId: string) {
  const answer = await shown.ask({ type: 'load', tokenId })
  return { answer, text: await shown.value.textContent() }
}

const stored = (token: string): Buffer => shared().world.values.get(token) ?? Buffer.alloc(0)

describe('a value', () => {
  test.each([
    ['0', '0'],
    ['0.10', '0.10'],
    ['false', 'false'],
    ['with a mark', '\ufeffwith a mark'],
    ['of any script', '👩‍👩‍👧‍👦 e\u0301 שלום'],
    ['of 1016 bytes', 'x'.repeat(1016)],
    ['of several chunks', LONG],
  ])('%s is shown exactly, and the store has seen nothing of it', async (_, text) => {
    const token = await tokenize(text)
    if (text.length > 3) expect(stored(token).includes(text.slice(0, 100))).toBe(false)
    expect(stored(token).length).toBe(sealedLength(Buffer.byteLength(text)))
    expect(await show(token)).toEqual({ answer: { type: 'loaded' }, text })
  })

  test('goes without any key to the store, and its key goes nowhere', async () => {
    const { world } = shared()
    world.calls.length = 0
    const token = await tokenize('078-05-1120')
    await show(token)
    const key = world.contentKeys.get(token)?.toString('base64url') ?? 'none'
    const [put, get] = [...world.callsTo('PUT'), ...world.callsTo('GET')]
    for (const call of [put, get]) {
      expect(Object.keys(call?.headers ?? {}).filter((name) => name.startsWith('x-amz'))).toEqual([])
      expect(call?.headers.origin).toBe(world.tokenizer)
    }
    expect(put?.headers['content-length']).toBe(String(SEALED_SHORT))
    expect(JSON.stringify(world.calls)).not.toContain(key)
    expect(JSON.stringify(world.calls)).not.toContain('078-05-1120')
  })

  test('that was stored in the other way stays readable, and the other way round', async () => {
    const { world } = shared()
    const sealed = await tokenize('sealed')
    world.protection = 'store'
    const plain = await tokenize('plain')
    expect(stored(plain).toString()).toBe('plain')
    expect((await show(sealed)).text).toBe('sealed')
    world.protection = 'end-to-end'
    expect((await show(plain)).text).toBe('plain')
  })
})

describe('a store that gives out something else is found out, and nothing is shown:', () => {
  const another = () => tokenize('of somebody else')
  const flip = (bytes: Buffer, at: number): Buffer => {
    const copy = Buffer.from(bytes)
    copy[at] = (copy[at] ?? 0) ^ 1
    return copy
  }
  const CASES: [string, (object: Buffer) => Buffer | Promise<Buffer>][] = [
    ["another token's object", async () => stored(await another())],
    ['the same value under another token', async () => stored(await tokenize(LONG))],
    ['an object cut off within a chunk', (object) => object.subarray(0, -1)],
    ['an object cut off between chunks', (object) => object.subarray(0, 56 + 2 * (16_384 + 16))],
    ['the first half of the head', (object) => object.subarray(0, 30)],
    ['nothing', () => Buffer.alloc(0)],
    ['a longer object', (object) => Buffer.concat([object, Buffer.alloc(16)])],
    ['another salt', (object) => flip(object, 3)],
    ['another commitment', (object) => flip(object, 30)],
    ['another first byte', (object) => flip(object, 60)],
    ['another last byte', (object) => flip(object, object.length - 20)],
    [
      'chunks in another order',
      (object) => {
        const chunk = (index: number) => object.subarray(56 + index * 16_400, 56 + (index + 1) * 16_400)
        const rest = object.subarray(56 + 2 * 16_400)
        return Buffer.concat([object.subarray(0, 56), chunk(1), chunk(0), rest])
      },
    ],
    ['the value itself', () => Buffer.from(LONG)],
  ]

  let token: string
  beforeAll(async () => {
    token = await tokenize(LONG)
  })

  test.each(CASES)('%s', async (_, change) => {
    const object = stored(token)
    shared().world.values.set(token, await change(object))
    expect(await show(token)).toEqual({ answer: { type: 'failed', code: 'value-damaged' }, text: '' })
    shared().world.values.set(token, object)
    expect((await show(token)).text).toBe(LONG)
  })

  test('also in a field', async () => {
    const { world } = shared()
    const token = await tokenize('078-05-1120')
    world.values.set(token, stored(await another()))
    await field.send({ type: 'clear' })
    const answer = await field.ask({ type: 'load', tokenId: token })
    expect(answer).toEqual({ type: 'failed', code: 'value-damaged' })
    expect(await field.value.inputValue()).toBe('')
  })

  test('an object that never ends is left at the first byte that is wrong', async () => {
    const { world } = shared()
    let sent = 0
    world.faults.set('GET', (_, response) => {
      const object = stored(token)
      response.writeHead(200).write(object)
      const more = () => {
        if (response.destroyed) return
        sent += 1
        if (response.write(Buffer.alloc(65_536))) setImmediate(more)
        else response.once('drain', more)
      }
      more()
      return true
    })
    expect((await show(token)).answer).toEqual({ type: 'failed', code: 'value-damaged' })
    world.faults.clear()
    expect(sent).toBeLessThan(2000)
  })
})

test('bytes that are no text are refused, not shown as something else', async () => {
  const { world } = shared()
  const token = await tokenize('x')
  const e2e = { v: 1, alg: 'Cobblestone-256', key: world.contentKeys.get(token)?.toString('base64url') }
  world.values.set(token, Buffer.from(await sealWhole(readSecret(e2e, token), Uint8Array.of(0xff, 0xfe))))
  expect((await show(token)).answer).toEqual({ type: 'failed', code: 'not-text' })
})

describe('an answer of the Tokenizer that the frame does not understand is a failure, and nothing is uploaded:', () => {
  test.each([
    ['a later version', { v: 2 }],
    ['another algorithm', { alg: 'none' }],
    ['no key', { key: '' }],
    ['a key that is too short', { key: 'A'.repeat(42) }],
  ])('%s', async (_, other) => {
    const { world } = shared()
    world.calls.length = 0
    world.sayEndToEnd = (e2e) => ({ ...e2e, ...other })
    await field.send({ type: 'clear' })
    await field.value.fill('typed')
    expect(await field.ask({ type: 'tokenize' })).toEqual({ type: 'failed', code: 'failed' })
    expect(await field.value.inputValue()).toBe('typed')
    world.sayEndToEnd = (e2e) => e2e
    expect((await field.ask({ type: 'tokenize' })).type).toBe('tokenized')
    expect(world.callsTo('PUT')).toHaveLength(1)
  })
})
