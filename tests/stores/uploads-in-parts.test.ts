import { createHash, randomBytes } from 'node:crypto'
import type { SessionId, TokenId } from '@lunadefend/contract'
import {
  abortUpload,
  type Caller,
  completeUpload,
  deleteToken,
  detokenize,
  type Parts,
  planUpload,
  presignParts,
  tokenize,
  verifyGrant,
} from '@lunadefend/core'
import { readAudit } from '@lunadefend/stores/sqlite'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dataOf, type House, openHouse, put, SID } from '../harness/house.ts'
import { sendable } from '../harness/store.ts'

const MIB = 1024 ** 2
const PART = 16 * MIB
const VALUE = randomBytes(2 * PART + 12345)
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

let house: House
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house[Symbol.asyncDispose]())

async function begin(contentLength = VALUE.length): Promise<TokenId> {
  const { tokenId, upload } = await tokenize(house.needs, house.application, {
    metadata: null,
    contentLength,
    acceptsEndToEnd: false,
    acceptsParts: true,
    ttlSeconds: null,
  })
  expect(upload).toEqual(planUpload(contentLength))
  return tokenId
}

async function ask(token: TokenId, partNumbers: number[], resume = false): Promise<Parts> {
  return dataOf(await presignParts(house.needs, house.application, { token, partNumbers, resume }))
}

async function send(token: TokenId, ...partNumbers: number[]): Promise<void> {
  const { parts } = await ask(token, partNumbers)
  await Promise.all(
    parts.map((part) => put(part, VALUE.subarray((part.partNumber - 1) * PART, part.partNumber * PART))),
  )
}

const complete = (token: TokenId) => completeUpload(house.needs, house.application, token)

async function readBack(token: TokenId): Promise<Buffer> {
  await house.grant(token)
  const command = { tokens: [token], acceptsEndToEnd: false, acceptsMask: false, full: false }
  const [result] = await detokenize(house.needs, house.application, command)
  const { url, headers } = dataOf(result ?? { ok: false, code: 'internal' }).source
  return Buffer.from(await (await fetch(url, { headers: sendable(headers) })).arrayBuffer())
}

test('parts in any order, one of them lost and sent again from another place, are the value', async () => {
  const token = await begin()
  await send(token, 3, 1)
  expect(await complete(token)).toEqual({ ok: false, code: 'upload_incomplete' })
  expect((await ask(token, [], true)).uploaded).toEqual([1, 3])
  await send(token, 2)
  expect(await complete(token)).toEqual({ ok: true, data: null })
  expect(sha256(await readBack(token))).toBe(sha256(VALUE))
  const verify = { sid: SID, tokens: [token], access: 'store', consume: false } as const
  expect(await verifyGrant(house.needs, house.application, verify)).toEqual([true])
  // Again, as after a lost answer.
  expect(await complete(token)).toEqual({ ok: true, data: null })
  expect(
    await presignParts(house.needs, house.application, { token, partNumbers: [1], resume: false }),
  ).toEqual({
    ok: false,
    code: 'no_upload',
  })
})

test('an answer of the object store that was lost is found out about', async () => {
  const token = await begin(PART)
  const { parts } = await ask(token, [1])
  await put(parts[0] as Parts['parts'][number], VALUE.subarray(0, PART))
  const { objectStore } = house.needs
  const losing = {
    ...house.needs,
    objectStore: {
      ...objectStore,
      async completeUpload(...args: Parameters<typeof objectStore.completeUpload>) {
        await objectStore.completeUpload(...args)
        throw new Error('the connection is gone')
      },
    },
  }
  await expect(completeUpload(losing, house.application, token)).rejects.toThrow('the connection is gone')
  expect(await complete(token)).toEqual({ ok: true, data: null })
  expect(sha256(await readBack(token))).toBe(sha256(VALUE.subarray(0, PART)))
})

test('a part has the length that the plan says, or is refused by the object store', async () => {
  const token = await begin()
  const { parts } = await ask(token, [3])
  const [part] = parts
  if (part === undefined) throw new Error('There is no part.')
  await expect(put(part, VALUE.subarray(0, 12346))).rejects.toThrow()
  expect((await ask(token, [], true)).uploaded).toEqual([])
  expect(await complete(token)).toEqual({ ok: false, code: 'upload_incomplete' })
})

test('a part that the plan does not have is no part', async () => {
  const token = await begin()
  await expect(ask(token, [4])).rejects.toMatchObject({ code: 'invalid_request' })
})

test('no key is in a URL, and every part needs it', async () => {
  const token = await begin()
  const [part] = (await ask(token, [1])).parts
  const { url = '', headers = {} } = part ?? {}
  const key = headers['x-amz-server-side-encryption-customer-key'] ?? ''
  expect(key).toHaveLength(44)
  expect(decodeURIComponent(url)).not.toContain(key)
  const bare = await fetch(url, { method: 'PUT', body: VALUE.subarray(0, PART) })
  expect(bare.status).toBe(403)
})

describe('another session', () => {
  const other: Caller = {
    actor: { kind: 'application', app: 'acme' as never, sid: 'another' as SessionId },
    requestId: 'a-request',
    network: null,
  }
  test.each([
    [
      'asks for parts',
      (token: TokenId) => presignParts(house.needs, other, { token, partNumbers: [1], resume: true }),
    ],
    ['completes', (token: TokenId) => completeUpload(house.needs, other, token)],
    ['aborts', (token: TokenId) => abortUpload(house.needs, other, token)],
  ])('%s, and is refused', async (_, attempt) => {
    const token = await begin()
    expect(await attempt(token)).toEqual({ ok: false, code: 'access_denied' })
    expect((await ask(token, [], true)).uploaded).toEqual([])
    expect(readAudit(house.databaseFile).at(-2)).toMatchObject({ refusal: 'no-grant' })
  })
})

test('an upload that was aborted is gone from the store, and its URLs are good for nothing', async () => {
  const token = await begin()
  const { parts } = await ask(token, [1])
  await send(token, 2)
  const before = (await house.needs.objectStore.listUploads(null, 1000)).items.length
  expect(await abortUpload(house.needs, house.application, token)).toEqual({ ok: true, data: null })
  expect((await house.needs.objectStore.listUploads(null, 1000)).items).toHaveLength(before - 1)
  await expect(put(parts[0] as Parts['parts'][number], VALUE.subarray(0, PART))).rejects.toThrow('404')
  expect(await complete(token)).toEqual({ ok: false, code: 'no_upload' })
})

test('deletion ends an upload that is under way', async () => {
  const token = await begin()
  const { parts } = await ask(token, [1])
  dataOf(await deleteToken(house.needs, house.application, token))
  await expect(put(parts[0] as Parts['parts'][number], VALUE.subarray(0, PART))).rejects.toThrow('404')
})

test('a value that is small, or of a client that knows no parts, goes in one piece', async () => {
  const command = {
    metadata: null,
    contentLength: PART - 1,
    acceptsEndToEnd: false,
    acceptsParts: true,
    ttlSeconds: null,
  }
  expect((await tokenize(house.needs, house.application, command)).upload).toHaveProperty('url')
  const large = { ...command, contentLength: 5 * 1024 ** 3, acceptsParts: false }
  expect((await tokenize(house.needs, house.application, large)).upload).toHaveProperty('url')
  const tooLarge = { ...large, contentLength: large.contentLength + 1 }
  await expect(tokenize(house.needs, house.application, tooLarge)).rejects.toMatchObject({
    code: 'invalid_request',
  })
})

test('a plan fits what S3 takes, up to 5 TiB', () => {
  fc.assert(
    fc.property(fc.integer({ min: PART, max: 5 * 1024 ** 4 }), (contentLength) => {
      const { partSize, partCount } = planUpload(contentLength)
      expect(partCount).toBeLessThanOrEqual(10_000)
      expect(partSize).toBeGreaterThanOrEqual(5 * MIB)
      expect(partSize).toBeLessThanOrEqual(5 * 1024 ** 3)
      expect((partCount - 1) * partSize).toBeLessThan(contentLength)
      expect(partCount * partSize).toBeGreaterThanOrEqual(contentLength)
    }),
  )
})
