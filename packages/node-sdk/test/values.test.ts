import fc from 'fast-check'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { LunaDefend } from '../src/index.ts'
import { readSettings } from '../src/settings.ts'
import type { TokenizerCalls } from '../src/tokenizer-call.ts'
import { tokenizeValue } from '../src/uploads.ts'
import { detokenizeValue } from '../src/values.ts'
import { makeKey } from './keys.ts'
import { send, standIn, tokenNumber } from './stand-in.ts'

const key = await makeKey('ES256')
const paper = await standIn(key)
afterAll(() => paper[Symbol.asyncDispose]())

const client = new LunaDefend({ tokenizerUrl: paper.url, app: 'shop', signingKey: key.privateJwk })
const sid = client.sid('app-session')
const code = (code: string) => expect.objectContaining({ name: 'LunaDefendClientError', code })
const there = `${paper.url}/objects`

beforeEach(() => {
  paper.intercept = () => false
  paper.interceptStore = () => false
  paper.storeUrl = there
  paper.seen.length = 0
  paper.storeRequests.length = 0
})

/** In and out again. */
async function roundTrip(value: string | Uint8Array): Promise<Uint8Array> {
  const token = await client.tokenize(sid, value)
  await client.grants.create(sid, token)
  return client.detokenize(sid, token)
}

describe('tokenize and detokenize', () => {
  test('act for the session, and send the Tokenizer no value', async () => {
    const token = await client.tokenize(sid, '078-05-1120', { metadata: { kind: 'ssn' } })
    await client.grants.create(sid, token)
    expect(await client.detokenizeText(sid, token)).toBe('078-05-1120')
    const [tokenize, , detokenize] = paper.seen
    expect(tokenize).toMatchObject({ name: 'tokenize', claims: { sub: 'application', sid } })
    expect(tokenize?.body).toEqual({ contentLength: 11, accept: ['e2e', 'parts'], metadata: { kind: 'ssn' } })
    expect(detokenize).toMatchObject({
      name: 'detokenize',
      body: { tokenId: token, accept: ['e2e'] },
      claims: { sid },
    })
    expect(JSON.stringify(paper.seen)).not.toContain('078-05-1120')
  })

  test('send the object store the headers of the answer, but its own host, and no credential', async () => {
    await roundTrip('x')
    const [put, get] = paper.storeRequests
    expect(put).toMatchObject({ method: 'PUT', headers: { 'if-none-match': '*', 'content-length': '1' } })
    expect(get).toMatchObject({ method: 'GET' })
    for (const { headers } of paper.storeRequests) {
      expect(headers['x-amz-server-side-encryption-customer-key']).toBe('a2V5')
      expect(headers.host).toBe(new URL(paper.url).host)
      expect(headers.authorization).toBeUndefined()
    }
  })

  test.each([
    '0',
    'false',
    'null',
    '0.10',
    '9007199254740993',
    '"quoted"',
    '{"a":1}',
    '😀',
    'שלום',
    '\ufeffbom',
    'é',
    '',
  ])('brings back %j as it went in', async (value) => {
    expect(Buffer.from(await roundTrip(value)).toString()).toBe(value)
  })

  test('law: bytes come back as they went in', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), async (bytes) => {
        expect(Buffer.compare(await roundTrip(bytes), bytes)).toBe(0)
      }),
      { numRuns: 40 },
    )
  })

  test('a part of a larger buffer is that part', async () => {
    expect(await roundTrip(new Uint8Array([1, 2, 3, 4]).subarray(1, 3))).toEqual(new Uint8Array([2, 3]))
  })

  test('text with a byte order mark keeps it; bytes that are no text are an error', async () => {
    const bom = await client.tokenize(sid, '\ufeffx')
    const bytes = await client.tokenize(sid, new Uint8Array([0xff, 0xfe]))
    await client.grants.create(sid, [bom, bytes])
    expect(await client.detokenizeText(sid, bom)).toBe('\ufeffx')
    await expect(client.detokenizeText(sid, bytes)).rejects.toEqual(code('not_text'))
  })

  test.each([[5], [null], [undefined], [{}], ['\ud800'], [[1, 2]]])('tokenize refuses %j', async (value) => {
    await expect(client.tokenize(sid, value as string)).rejects.toEqual(code('invalid_argument'))
    expect(paper.seen).toEqual([])
  })

  test('needs a read grant', async () => {
    const token = await client.tokenize(sid, 'x')
    await expect(client.detokenize(sid, token)).rejects.toMatchObject({
      code: 'access_denied',
      status: 403,
      requestId: 'req-1',
    })
    expect(paper.storeRequests).toHaveLength(1)
  })

  test.each([
    ['', 'missing_token'],
    ['x', 'invalid_token'],
  ])('detokenize refuses the token %j', async (token, expected) => {
    await expect(client.detokenize(sid, token)).rejects.toEqual(code(expected))
    await expect(client.detokenize('', tokenNumber(1))).rejects.toEqual(code('invalid_session_id'))
    expect(paper.seen).toEqual([])
  })

  test('stops at maxBytes', async () => {
    const token = await client.tokenize(sid, new Uint8Array(100))
    await client.grants.create(sid, token)
    await expect(client.detokenize(sid, token, { maxBytes: 99 })).rejects.toEqual(code('value_too_large'))
    expect(await client.detokenize(sid, token, { maxBytes: 100 })).toHaveLength(100)
  })
})

describe('an object store that does not do as it should', () => {
  test('a 412 is never success', async () => {
    paper.interceptStore = (res) => {
      res.writeHead(412).end('<Error><Code>PreconditionFailed</Code></Error>')
      return true
    }
    const refused = client.tokenize(sid, 'x')
    await expect(refused).rejects.toMatchObject({ code: 'store_refused', status: 412 })
    await expect(refused).rejects.toThrow('PreconditionFailed')
  })

  test.each([[201], [204], [206], [301], [500]])('only 200 is success, not %i', async (status) => {
    paper.interceptStore = (res) => {
      res.writeHead(status, { location: `${paper.url}/objects/elsewhere` }).end()
      return true
    }
    await expect(client.tokenize(sid, 'x')).rejects.toMatchObject({ code: 'store_refused', status })
    expect(paper.storeRequests).toHaveLength(1)
  })

  test('a refusal that quotes what it was sent does not get into the error', async () => {
    paper.interceptStore = (res) => {
      res.writeHead(403).end('<Error><Code>a2V5 secret</Code><Key>a2V5</Key></Error>')
      return true
    }
    await expect(client.tokenize(sid, 'x')).rejects.toSatisfy(
      (error: Error) => !error.message.includes('a2V5'),
    )
  })

  test('one that cannot be reached is an error of its own', async () => {
    paper.storeUrl = 'http://127.0.0.1:1'
    await expect(client.tokenize(sid, 'x')).rejects.toEqual(code('store_unreachable'))
  })

  test('one that hangs up in the middle is an error, not a shorter value', async () => {
    const token = await client.tokenize(sid, 'a value')
    await client.grants.create(sid, token)
    paper.interceptStore = (res) => {
      res.writeHead(200, { 'content-length': '7' }).write('a v')
      setTimeout(() => res.destroy(), 20)
      return true
    }
    await expect(client.detokenize(sid, token)).rejects.toEqual(code('store_unreachable'))
  })

  test.each<['hangs up' | 'falls silent', string]>([
    ['hangs up', 'store_unreachable'],
    ['falls silent', 'timed_out'],
  ])('one that %s in the middle of a stream is an error, not a shorter value', async (how, expected) => {
    const settings = { tokenizerUrl: paper.url, app: 'shop', signingKey: key.privateJwk, timeoutMs: 1500 }
    const impatient = new LunaDefend(settings)
    const token = await client.tokenize(sid, 'a value')
    await client.grants.create(sid, token)
    paper.interceptStore = (res) => {
      res.writeHead(200, { 'content-length': '7' }).write('a v')
      if (how === 'hangs up') setTimeout(() => res.destroy(), 20)
      return true
    }
    const reader = (await impatient.detokenizeStream(sid, token)).getReader()
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe('a v')
    await expect(reader.read()).rejects.toEqual(code(expected))
  })

  test.each(['ftp://127.0.0.1/x', 'file:///etc/passwd', 'data:,x', 'no url', ''])(
    'a URL such as %j is never used',
    async (uploadUrl) => {
      paper.intercept = (_name, res) => {
        send(res, 200, {
          success: true,
          error: {},
          data: { tokenId: tokenNumber(1), uploadUrl, headers: {} },
        })
        return true
      }
      await expect(client.tokenize(sid, 'x')).rejects.toEqual(code('unexpected_answer'))
    },
  )
})

test('what is not encrypted here goes only where the store is told to encrypt it', async () => {
  paper.intercept = (_name, res) => {
    const data = { tokenId: tokenNumber(1), uploadUrl: `${there}/1`, headers: { 'if-none-match': '*' } }
    send(res, 200, { success: true, error: {}, data })
    return true
  }
  await expect(client.tokenize(sid, 'x')).rejects.toEqual(code('unexpected_answer'))
  expect(paper.storeRequests).toEqual([])
})

test('where the Tokenizer is https, the key and the value never go to the store in clear', async () => {
  const settings = readSettings({
    tokenizerUrl: 'https://tokenizer.example.com',
    app: 'shop',
    signingKey: key.privateJwk,
  })
  const calls: TokenizerCalls = {
    one: async (_name, _body, reader) => {
      const target = { uploadUrl: `${there}/1`, downloadUrl: `${there}/1` }
      const headers = { 'x-amz-server-side-encryption-customer-key': 'a2V5' }
      return reader({ tokenId: tokenNumber(1), ...target, headers }) as NonNullable<ReturnType<typeof reader>>
    },
    many: async () => [],
  }
  await expect(tokenizeValue(settings, calls, sid, 'x', {})).rejects.toEqual(code('unexpected_answer'))
  await expect(detokenizeValue(settings, calls, sid, tokenNumber(1), {})).rejects.toEqual(
    code('unexpected_answer'),
  )
  expect(paper.storeRequests).toEqual([])
})
