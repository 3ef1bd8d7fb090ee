import { createHash, randomBytes } from 'node:crypto'
import { sealedLength } from '@lunadefend/content-cipher'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Question } from '../../../tests/harness/detour.ts'
import { LunaDefend } from '../src/index.ts'
import { makeKey } from './keys.ts'
import { openService, type Service, saying } from './service.ts'
import { fail, send, standIn, tokenNumber } from './stand-in.ts'

const MIB = 1024 ** 2
const KEY = 'x-amz-server-side-encryption-customer-key'
const NOT_IMPLEMENTED = { status: 501, code: 'NotImplemented' }
const code = (code: string) => expect.objectContaining({ name: 'LunaDefendClientError', code })
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const isCopy = ({ headers }: Question) => headers['x-amz-copy-source'] !== undefined

let service: Service
let plain: LunaDefend
let sealing: LunaDefend
let sid: string
let logins = 0
beforeAll(async () => {
  service = await openService()
  plain = service.newClient()
  sealing = service.newClient('end-to-end')
})
afterAll(() => service[Symbol.asyncDispose]())
beforeEach(() => {
  service.detour.meddling = {}
  service.detour.exchanges.length = 0
  logins += 1
  sid = plain.sid(`login-${logins}`)
})

/** A token that the session may read so often. */
async function keep(client: LunaDefend, value: string | Uint8Array, maxUses?: number): Promise<string> {
  const token = await client.tokenize(sid, value)
  await client.grants.create(sid, token, maxUses === undefined ? {} : { maxUses })
  return token
}

/** Where the object of a token lies, and what the store is told to open it with. */
async function placeOf(client: LunaDefend, token: string): Promise<{ path: string; key: string }> {
  await client.detokenize(sid, token)
  const { path = '', requestHeaders = [] } = service.detour.exchanges.at(-1) ?? {}
  const key = requestHeaders[requestHeaders.findIndex((name) => name.toLowerCase() === KEY) + 1] ?? ''
  return { path: path.split('?', 1)[0] ?? '', key }
}

describe('a store that copies', () => {
  test('does it alone: another object, another key, the same token and value', async () => {
    const token = await keep(plain, '078-05-1120')
    const before = await placeOf(plain, token)
    service.detour.exchanges.length = 0
    await plain.tokens.rekey(token)
    const withValue = service.detour.exchanges.filter(({ requestBody, responseBody }) =>
      Buffer.concat([...requestBody, ...responseBody]).includes('078-05-1120'),
    )
    expect(withValue.map(({ method }) => method)).toEqual([])
    const after = await placeOf(plain, token)
    expect(after.path).not.toBe(before.path)
    expect(after.key).not.toBe(before.key)
    expect(await plain.detokenizeText(sid, token)).toBe('078-05-1120')
  })

  test.each(['unknown', 'deleted'])('a token that is %s is refused', async (kind) => {
    const token = kind === 'unknown' ? tokenNumber(1) : await keep(plain, 'x')
    if (kind === 'deleted') await plain.tokens.delete(token)
    await expect(plain.tokens.rekey(token, { sid })).rejects.toEqual(code('access_denied'))
  })
})

describe('a store that cannot copy', () => {
  beforeEach(() => {
    service.detour.meddling = { answer: saying(NOT_IMPLEMENTED, isCopy) }
  })

  test('needs somebody who may read the value', async () => {
    const token = await keep(plain, 'value')
    await expect(plain.tokens.rekey(token)).rejects.toMatchObject({ code: 'rekey_by_client', status: 409 })
    const other = plain.sid('another')
    await expect(plain.tokens.rekey(token, { sid: other })).rejects.toEqual(code('access_denied'))
    await expect(plain.tokens.rekey(token, { sid: '' })).rejects.toEqual(code('invalid_session_id'))
    expect(await plain.detokenizeText(sid, token)).toBe('value')
  })

  test('gets it from here, under another key, with the length that S3 asks for', async () => {
    const value = randomBytes(3 * MIB)
    const token = await keep(plain, value)
    const before = await placeOf(plain, token)
    service.detour.exchanges.length = 0
    await plain.tokens.rekey(token, { sid })
    const upload = service.detour.exchanges.findLast(
      ({ method, requestHeaders }) => method === 'PUT' && !requestHeaders.includes('x-amz-copy-source'),
    )
    expect(upload?.requestHeaders.map((name) => name.toLowerCase())).not.toContain('transfer-encoding')
    const after = await placeOf(plain, token)
    expect(after.path).not.toBe(before.path)
    expect(after.key).not.toBe(before.key)
    expect(sha256(await plain.detokenize(sid, token))).toBe(sha256(value))
  })

  test('an empty value is one, too', async () => {
    const token = await keep(plain, '')
    await plain.tokens.rekey(token, { sid })
    expect(await plain.detokenizeText(sid, token)).toBe('')
  })

  test('and hangs up in the middle changes nothing; to repeat it is right', async () => {
    const token = await keep(plain, 'value')
    service.detour.meddling = {
      answer: (question) =>
        saying(NOT_IMPLEMENTED, isCopy)(question) ?? (question.method === 'PUT' ? 'cut' : null),
    }
    await expect(plain.tokens.rekey(token, { sid })).rejects.toEqual(code('store_unreachable'))
    service.detour.meddling = { answer: saying(NOT_IMPLEMENTED, isCopy) }
    expect(await plain.detokenizeText(sid, token)).toBe('value')
    await plain.tokens.rekey(token, { sid })
    expect(await plain.detokenizeText(sid, token)).toBe('value')
  })
})

describe('a value that is encrypted end to end', () => {
  test('is encrypted anew here, for one use of the grant', async () => {
    const token = await keep(sealing, 'value', 1)
    const old = Buffer.concat(service.detour.exchanges.at(-1)?.requestBody ?? [])
    await expect(sealing.tokens.rekey(token)).rejects.toEqual(code('rekey_by_client'))
    await sealing.tokens.rekey(token, { sid })
    const upload = service.detour.exchanges.findLast(({ method }) => method === 'PUT')
    const fresh = Buffer.concat(upload?.requestBody ?? [])
    expect(fresh).toHaveLength(old.length)
    expect(Buffer.compare(fresh, old)).not.toBe(0)
    expect(fresh.includes('value')).toBe(false)
    await expect(sealing.detokenize(sid, token)).rejects.toEqual(code('access_denied'))
    await sealing.grants.create(sid, token)
    expect(await sealing.detokenizeText(sid, token)).toBe('value')
  })

  test('also when it is large: then it is read twice, and verified each time', async () => {
    const value = randomBytes(17.5 * MIB)
    const token = await keep(sealing, value, 4)
    service.detour.meddling = { answer: damagingTheSecond(17.5 * MIB) }
    await expect(sealing.tokens.rekey(token, { sid })).rejects.toEqual(code('value_damaged'))
    service.detour.meddling = {}
    await sealing.tokens.rekey(token, { sid })
    await expect(sealing.detokenize(sid, token)).rejects.toEqual(code('access_denied'))
    await sealing.grants.create(sid, token)
    expect(sha256(await sealing.detokenize(sid, token))).toBe(sha256(value))
  })

  /** The first time the store gives out the object, the second time something as long. */
  function damagingTheSecond(length: number) {
    let reads = 0
    const body = randomBytes(sealedLength(length))
    const headers = { 'content-length': String(body.length) }
    return ({ method }: Question) =>
      method === 'GET' && ++reads === 2 ? { status: 200, headers, body } : null
  }

  test.each([1000, 18.5 * MIB])('and is damaged is not passed on (%i bytes)', async (length) => {
    const token = await keep(sealing, 'value')
    service.detour.exchanges.length = 0
    const body = randomBytes(length)
    const headers = { 'content-length': String(body.length) }
    service.detour.meddling = {
      answer: ({ method }) => (method === 'GET' ? { status: 200, headers, body } : null),
    }
    await expect(sealing.tokens.rekey(token, { sid })).rejects.toEqual(code('value_damaged'))
    expect(service.detour.exchanges.map(({ method }) => method)).not.toContain('PUT')
    service.detour.meddling = {}
    expect(await sealing.detokenizeText(sid, token)).toBe('value')
  })

  test('of several at once each succeeds, and the value is whole', async () => {
    const token = await keep(sealing, 'value')
    await Promise.all([1, 2, 3].map(() => sealing.tokens.rekey(token, { sid })))
    expect(await sealing.detokenizeText(sid, token)).toBe('value')
  })
})

describe('what a Tokenizer says', () => {
  test('others that change the token all the time: the error says so, after several tries', async () => {
    const key = await makeKey('ES256')
    await using paper = await standIn(key)
    const client = new LunaDefend({ tokenizerUrl: paper.url, app: 'shop', signingKey: key.privateJwk })
    paper.intercept = (_name, res) => {
      fail(res, 'changed_meanwhile')
      return true
    }
    await expect(client.tokens.rekey(tokenNumber(1))).rejects.toEqual(code('changed_meanwhile'))
    expect(paper.seen.map(({ name }) => name)).toEqual(Array(4).fill('rekeyToken'))
  })

  test.each([
    ['end to end before, and not after', { downloadE2e: true }, { [KEY]: 'a2V5' }],
    ['by the store before, and by nobody after', {}, {}],
  ])('a value is never moved to where it is less protected: %s', async (_, e2e, uploadHeaders) => {
    const key = await makeKey('ES256')
    await using paper = await standIn(key)
    const client = new LunaDefend({ tokenizerUrl: paper.url, app: 'shop', signingKey: key.privateJwk })
    const secret = { v: 1, alg: 'Cobblestone-256', key: 'A'.repeat(43) }
    let calls = 0
    paper.intercept = (_name, res) => {
      calls += 1
      if (calls === 1) fail(res, 'rekey_by_client')
      else {
        const place = { downloadUrl: `${paper.storeUrl}/1`, uploadUrl: `${paper.storeUrl}/2` }
        const moved = { ...place, downloadHeaders: {}, uploadHeaders, ticket: 'ticket' }
        const data = { ...moved, ...('downloadE2e' in e2e ? { downloadE2e: secret } : {}) }
        send(res, 200, { success: true, error: {}, data })
      }
      return true
    }
    await expect(client.tokens.rekey(tokenNumber(1), { sid })).rejects.toEqual(code('unexpected_answer'))
    expect(paper.storeRequests).toEqual([])
  })
})

describe('the receipt of a deletion', () => {
  test('says since when nobody can read the value, and when nothing can bring it back', async () => {
    const token = await keep(plain, 'x')
    const receipt = await plain.tokens.delete(token)
    expect(receipt.objectRemoved).toBe(true)
    expect(receipt.shreddedAt.getTime()).toBeGreaterThan(Date.now() - 60_000)
    expect(receipt.finalAt.getTime() - receipt.shreddedAt.getTime()).toBe(6 * 60_000)
  })

  test('of a store that is down says that the object is still there', async () => {
    const token = await keep(plain, 'x')
    service.detour.meddling = { answer: ({ method }) => (method === 'DELETE' ? 'cut' : null) }
    expect(await plain.tokens.delete(token)).toMatchObject({ objectRemoved: false })
  })

  test.each([
    [{}],
    [{ shreddedAt: '1', objectRemoved: true, finalAt: 2 }],
    [{ shreddedAt: 1, objectRemoved: 'yes', finalAt: 2 }],
    [{ shreddedAt: 1, objectRemoved: true, finalAt: 1e300 }],
  ])('%j is none', async (data) => {
    const key = await makeKey('ES256')
    await using paper = await standIn(key)
    const client = new LunaDefend({ tokenizerUrl: paper.url, app: 'shop', signingKey: key.privateJwk })
    paper.intercept = (_name, res) => {
      send(res, 200, { success: true, error: {}, data })
      return true
    }
    await expect(client.tokens.delete(tokenNumber(1))).rejects.toEqual(code('unexpected_answer'))
  })
})
