import { sealedLength } from '@lunadefend/content-cipher'
import fc from 'fast-check'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { LunaDefend } from '../src/index.ts'
import { makeKey } from './keys.ts'
import { send, standIn, tokenNumber } from './stand-in.ts'

const key = await makeKey('ES256')
const paper = await standIn(key)
afterAll(() => paper[Symbol.asyncDispose]())

const client = new LunaDefend({ tokenizerUrl: paper.url, app: 'shop', signingKey: key.privateJwk })
const sid = client.sid('app-session')
const code = (code: string) => expect.objectContaining({ name: 'LunaDefendClientError', code })

beforeEach(() => {
  paper.protection = 'end-to-end'
  paper.intercept = () => false
  paper.storeRequests.length = 0
})

/** A token that may be read, and where its object lies. */
async function keep(value: string | Uint8Array): Promise<{ token: string; path: string }> {
  const token = await client.tokenize(sid, value)
  await client.grants.create(sid, token)
  return { token, path: [...paper.objects.keys()].at(-1) ?? '' }
}
const objectAt = (path: string): Buffer => paper.objects.get(path) ?? Buffer.alloc(0)

describe('a value', () => {
  test.each(['0', 'false', '0.10', '9007199254740993', '😀 שלום', '\ufeffbom', ''])(
    '%j comes back as it went in',
    async (value) => {
      const { token } = await keep(value)
      expect(await client.detokenizeText(sid, token)).toBe(value)
    },
  )

  test('law: bytes come back as they went in, and the object is as long as was said', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.nat(2100), fc.integer({ min: 16_300, max: 40_000 })), async (length) => {
        const value = Buffer.alloc(length, 'value')
        const { token, path } = await keep(value)
        expect(objectAt(path).length).toBe(sealedLength(length))
        expect(objectAt(path).includes('valueval')).toBe(false)
        expect(Buffer.compare(await client.detokenize(sid, token), value)).toBe(0)
      }),
      { numRuns: 30 },
    )
  })

  test('goes to the store without a key, in a size that says nothing', async () => {
    await client.detokenize(sid, (await keep('078-05-1120')).token)
    const [put, get] = paper.storeRequests
    expect(put).toMatchObject({ method: 'PUT', headers: { 'content-length': '1096', 'if-none-match': '*' } })
    for (const request of [put, get])
      expect(Object.keys(request?.headers ?? {}).filter((name) => name.startsWith('x-amz'))).toEqual([])
  })

  test('that was stored in the other way stays readable, and the other way round', async () => {
    const sealed = await keep('sealed')
    paper.protection = 'store'
    const plain = await keep('plain')
    expect(objectAt(plain.path).toString()).toBe('plain')
    expect(await client.detokenizeText(sid, sealed.token)).toBe('sealed')
    paper.protection = 'end-to-end'
    expect(await client.detokenizeText(sid, plain.token)).toBe('plain')
  })

  test('stops at maxBytes, although larger values look the same', async () => {
    const { token } = await keep(new Uint8Array(100))
    expect(await client.detokenize(sid, token, { maxBytes: 100 })).toHaveLength(100)
    await expect(client.detokenize(sid, token, { maxBytes: 99 })).rejects.toEqual(code('value_too_large'))
    const large = await keep(new Uint8Array(100_000))
    await expect(client.detokenize(sid, large.token, { maxBytes: 1000 })).rejects.toEqual(
      code('value_too_large'),
    )
  })
})

describe('a store that gives out something else is found out:', () => {
  const LONG = Buffer.alloc(40_000, 'a long value')
  const flip = (bytes: Buffer, at: number): Buffer => {
    const copy = Buffer.from(bytes)
    copy[at] = (copy[at] ?? 0) ^ 1
    return copy
  }
  test.each<[string, (object: Buffer) => Buffer | Promise<Buffer>]>([
    ["another token's object", async () => objectAt((await keep('x')).path)],
    ['the same value under another token', async () => objectAt((await keep(LONG)).path)],
    ['an object cut off within a chunk', (object) => object.subarray(0, -1)],
    ['an object cut off between chunks', (object) => object.subarray(0, 56 + 16_400)],
    ['nothing', () => Buffer.alloc(0)],
    ['a longer object', (object) => Buffer.concat([object, Buffer.alloc(1)])],
    ['another commitment', (object) => flip(object, 30)],
    ['another last byte', (object) => flip(object, object.length - 1)],
    ['the value itself', () => LONG],
  ])('%s', async (_, change) => {
    const { token, path } = await keep(LONG)
    paper.objects.set(path, await change(objectAt(path)))
    const refused = client.detokenize(sid, token)
    await expect(refused).rejects.toEqual(code('value_damaged'))
    await expect(refused).rejects.toSatisfy((error: Error) => !/lunasec-|long value/.test(error.message))
  })
})

test.each([
  ['a later version', { v: 2 }],
  ['another algorithm', { alg: 'none' }],
  ['no key', { key: '' }],
])('%s is an unexpected answer, and nothing is uploaded', async (_, other) => {
  paper.intercept = (_name, res) => {
    const e2e = { v: 1, alg: 'Cobblestone-256', key: 'A'.repeat(43), ...other }
    const data = { tokenId: tokenNumber(1), uploadUrl: `${paper.storeUrl}/x`, headers: {}, e2e }
    send(res, 200, { success: true, error: {}, data })
    return true
  }
  await expect(client.tokenize(sid, 'x')).rejects.toEqual(code('unexpected_answer'))
  expect(paper.storeRequests).toEqual([])
})

test('an installation that requires more than a client can do says so', async () => {
  paper.intercept = (_name, res) => {
    const error = { name: 'EndToEndRequired', message: '', code: 'end_to_end_required', requestId: 'req-1' }
    send(res, 406, { success: false, error })
    return true
  }
  await expect(client.tokenize(sid, 'x')).rejects.toMatchObject({ code: 'end_to_end_required', status: 406 })
})
